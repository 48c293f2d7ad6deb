"""Changes of postings: corrections, transfers, leaving, removal (REGIME 2)."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import at_civil, civil_date
from crm.base.errors import Refused
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.people import service
from crm.people.accounts import disable_person, enable_person
from crm.people.models import Person, Posting, Unit
from crm.people.queries import primary_posting
from crm.people.quota_inputs import Edit, collect_edit
from crm.people.rules import Duty


@value_class(kw_only=True)
class PostingData:
    """A unit and a duty from one date to another, both included."""

    unit: Unit
    duty: Duty
    is_primary: bool = True
    from_on: date
    to_on: date | None = None


def post(
    db: Session, *, person: Person, data: PostingData, by: Person | None, now: datetime
) -> Posting:
    """Post a person; refused as `last_day_before_first`, `overlapping_posting`."""
    return service.add_posting(
        db,
        person=person,
        unit=data.unit,
        duty=data.duty,
        is_primary=data.is_primary,
        from_on=data.from_on,
        to_on=data.to_on,
        by=by,
        now=now,
    )


def come_back(
    db: Session, *, person: Person, data: PostingData, by: Person | None, now: datetime
) -> Posting:
    """Post a person who had left, and open the account again."""
    enable_person(db, person=person, by=by, now=now)
    return post(db, person=person, data=data, by=by, now=now)


def change_posting(
    db: Session, *, posting: Posting, data: PostingData, by: Person | None, now: datetime
) -> bool:
    """Correct a posting, also for the past; whether anything changed."""
    service.check_posting(
        db,
        person=posting.person,
        is_primary=data.is_primary,
        from_on=data.from_on,
        to_on=data.to_on,
        but_id=posting.id,
    )
    values = {
        "unit_id": data.unit.id,
        "duty": data.duty,
        "is_primary": data.is_primary,
        "from_on": data.from_on,
        "to_on": data.to_on,
    }

    was = (posting.from_on, posting.to_on)
    before, after = changes(posting, values)
    if after:
        record(db, "posting.changed", posting, by=by, at=now, before=before, after=after)
        dates = _dates_changed(posting, was, frozenset(before))
        collect_edit(db, posting, Edit.POSTING_CHANGED, *dates, by=by, at=now)

    return bool(after)


def _dates_changed(
    posting: Posting, was: tuple[date, date | None], names: frozenset[str]
) -> list[date | None]:
    """The dates that a change affects: where only one bound moved, those between old and new."""
    now = (posting.from_on, posting.to_on)
    # another unit or duty bears on every date of the posting
    if not names <= {"from_on", "to_on"}:
        return [*was, *now]
    return [end for old, new in zip(was, now, strict=True) if old != new for end in (old, new)]


def remove_posting(
    db: Session, *, posting: Posting, person: Person, by: Person | None, now: datetime
) -> None:
    """Remove a posting entered by mistake; the trail keeps its values."""
    before = {
        "person": person.username,
        "unit_id": posting.unit_id,
        "duty": posting.duty,
        "is_primary": posting.is_primary,
        "from": posting.from_on,
        "to": posting.to_on,
    }

    # before the row goes: both read it
    record(db, "posting.removed", posting, by=by, at=now, before=before)
    dates = (posting.from_on, posting.to_on)
    collect_edit(db, posting, Edit.POSTING_REMOVED, *dates, by=by, at=now)

    db.delete(posting)
    db.flush()


def transfer(
    db: Session, *, person: Person, data: PostingData, by: Person | None, now: datetime
) -> Posting:
    """Move a person on (调岗): the primary posting ends the day before, and the next begins.

    Refused as `no_posting_then`, `posting_begins_then`, `overlapping_posting`.
    """
    service.hold_postings(db, person)
    current = primary_posting(db, person.id, data.from_on)
    if current is None:
        raise Refused("no_posting_then", field="from", on=data.from_on)
    if current.from_on == data.from_on:
        raise Refused("posting_begins_then", field="from", on=data.from_on)

    # Before the change: a refusal of the new one must not find the old one ended.
    service.check_posting(
        db,
        person=person,
        is_primary=True,
        from_on=data.from_on,
        to_on=data.to_on,
        but_id=current.id,
    )
    service.end_posting(db, posting=current, to_on=data.from_on - DAY, by=by, now=now)

    return post(db, person=person, data=data, by=by, now=now)


def leave(  # noqa: PLR0913 - who leaves, when, and by whose word
    db: Session, *, person: Person, last_on: date, at_once: bool, by: Person | None, now: datetime
) -> None:
    """End all postings on that date, and close the account from the next one on, or at once.

    Refused as `leaves_before_posting` where one that has begun would be gone as if it never was.
    """
    service.hold_postings(db, person)
    after_it = Posting.to_on.is_(None) | (Posting.to_on > last_on)
    query = select(Posting).where(Posting.person_id == person.id, after_it)
    ends = db.scalars(query.order_by(Posting.from_on.desc())).all()
    # one that is yet to begin is removed; on one that has begun figures may rest
    begun = [end.from_on for end in ends if last_on < end.from_on <= civil_date(now)]
    if begun:
        raise Refused("leaves_before_posting", field="last_on", on=begun[0])

    for posting in ends:
        if posting.from_on > last_on:
            remove_posting(db, posting=posting, person=person, by=by, now=now)
        else:
            service.end_posting(db, posting=posting, to_on=last_on, by=by, now=now)

    at = now if at_once else at_civil(last_on + DAY)
    disable_person(db, person=person, at=at, by=by, now=now)
