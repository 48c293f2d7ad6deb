"""What is open in a person's name goes to successors, or falls to the supervisor (REGIME 2)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base import mail
from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.value_class import value_class
from crm.people.accounts import RecordAccessEnded
from crm.people.entry_grants import end_grants_of
from crm.people.models import Person
from crm.people.rules import WITH_RECORDS
from crm.reassignment.eligibility import Taking, is_fit, require_fit
from crm.reassignment.notifications import tell
from crm.reassignment.queries import (
    OpenThing,
    Span,
    closed_with_open,
    during,
    heirs_of,
    named_on,
    open_things_of,
)
from crm.reassignment.rules import Thing
from crm.reassignment.transfers import give, settle


@value_class
class Moved:
    """An open item and its new holder; `None`: it was settled instead."""

    thing: OpenThing
    to: Person | None


@value_class
class Plan:
    """Successors of items; items that are not named stay."""

    successors: Mapping[str, int]  # by the key of a thing, the successor's id
    span: Span | None = None  # the dates of an absence; None: for good


class Unfit(Refused):
    """Some items cannot go to their successors; each refusal has the item's key as field."""

    def __init__(self, problems: Sequence[Refused]) -> None:
        super().__init__("handover_unfit")
        self.problems = problems


def hand_over(  # noqa: PLR0913 - whose things, to whom, by whose word, when
    db: Session, *, person: Person, plan: Plan, by: Person, now: datetime, site: Site | None
) -> list[Moved]:
    """Hand things over as planned, all of them or none; tell the successors and the person.

    The caller checks that `by` may. Refused as `Unfit`, and as `things_changed` where
    something is no longer open in the person's name.
    """
    _hold(db, person)
    things = open_things(db, person, now, plan.span)
    if plan.successors.keys() - {thing.key for thing in things if thing.kind is not Thing.BEGUN}:
        raise Refused("things_changed")

    moved, problems = [], []

    for thing in things:
        if thing.key not in plan.successors:
            continue
        try:
            moved.append(_hand_over(db, person, thing, plan, by=by, now=now))
        except Refused as refusal:
            problems.append(Refused(refusal.code, thing.key, **refusal.facts))

    # all problems together, so that the page can mark each item
    if problems:
        raise Unfit(problems)

    _finish(db, person, moved, by=by, now=now, site=site)

    return moved


def open_things(
    db: Session, person: Person, now: datetime, span: Span | None = None
) -> list[OpenThing]:
    """What is open in the person's name; with `span`, as far as that absence concerns it."""
    things = open_things_of(db, person.id, now)
    return during(things, span, civil_date(now)) if span else things


def release_open_items(
    db: Session, *, person: Person, by: Person | None, now: datetime, site: Site | None
) -> int:
    """Let what is open in a closed account's name fall to the supervisor; how many things."""
    _hold(db, person)
    end_grants_of(db, person=person, now=now)
    things = open_things_of(db, person.id, now)
    if not things:
        return 0

    heirs = heirs_of(db, person, now)
    moved = [_let_fall(db, person, thing, heirs, by=by, now=now) for thing in things]
    _finish(db, person, moved, by=by, now=now, site=site)
    return len(moved)


def settle_ended(db: Session, ended: Iterable[RecordAccessEnded]) -> int:
    """Let fall what is open in the name of those who see no records any more; how many things.

    Who is to leave on a later date keeps theirs until then; the clock looks each day.
    """
    db.flush()
    return sum(
        release_open_items(
            db, person=closing.person, by=closing.by, now=closing.at, site=mail.current_site()
        )
        for closing in ended
        if closing.person.is_disabled(closing.at) or closing.person.role not in WITH_RECORDS
    )


def settle_closed(db: Session, *, at: datetime, site: Site | None) -> Mapping[str, int]:
    """Hand over or close what is open under closed accounts (daily job)."""
    released = sum(
        release_open_items(db, person=person, by=None, now=at, site=site)
        for person in closed_with_open(db, at)
    )
    return {"fallen": released} if released else {}


def _hold(db: Session, person: Person) -> None:
    # one hand-over of a person at a time: the second finds what the first left
    db.execute(select(Person.id).where(Person.id == person.id).with_for_update(key_share=True))


def _hand_over(  # noqa: PLR0913 - one thing, whole
    db: Session, person: Person, thing: OpenThing, plan: Plan, *, by: Person, now: datetime
) -> Moved:
    to = db.get(Person, plan.successors[thing.key])
    if to is None:
        raise Refused("no_such_person")
    taking = Taking(thing, person, to, by, now)
    require_fit(db, taking)
    give(db, taking, plan.span)
    return Moved(thing, to)


def _let_fall(  # noqa: PLR0913 - one thing, whole
    db: Session,
    person: Person,
    thing: OpenThing,
    heirs: Sequence[Person],
    *,
    by: Person | None,
    now: datetime,
) -> Moved:
    """Give it to the first heir who may take it; settle what nobody may take or has begun."""
    candidates = [] if thing.kind in (Thing.BEGUN, Thing.JOINED) else heirs
    for heir in (*candidates, *(named_on(db, thing.lead_ids, person, now) if candidates else ())):
        taking = Taking(thing, person, heir, by, now)
        if is_fit(db, taking):
            give(db, taking)
            return Moved(thing, heir)

    settle(db, thing, person, by=by, now=now)
    db.flush()

    return Moved(thing, None)


def _finish(  # noqa: PLR0913 - what was done, for whom, by whom, when
    db: Session,
    person: Person,
    moved: Sequence[Moved],
    *,
    by: Person | None,
    now: datetime,
    site: Site | None,
) -> None:
    if not moved:
        return

    people = sorted({move.to.id for move in moved if move.to})
    after = {"entries": len(moved), "people": people}
    record(db, "person.handed_over", person, by=by, at=now, after=after)

    if site:
        pairs = [(move.thing, move.to) for move in moved]
        tell(db, person=person, moved=pairs, by=by, now=now, site=site)
