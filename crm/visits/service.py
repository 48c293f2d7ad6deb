"""What happens to visits: logged, changed, done, moved, cancelled, judged (REGIME 3)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.sql.dml import ReturningInsert

from crm.base.audit import PreparedEntry, changes, prepare, record, record_prepared
from crm.base.clock import civil_date
from crm.base.db import insert_of, stored_text
from crm.base.errors import Refused
from crm.base.refs import new_ref
from crm.people.models import Person
from crm.people.permissions import Viewer, viewer
from crm.people.quota_inputs import Edit
from crm.visits.batch_insert import ImportedVisit, insert_visit, insert_visits
from crm.visits.companies import (
    add_companies,
    companies_met,
    companies_of,
    copies_of,
    entry_of,
    seen_companies,
    set_companies,
)
from crm.visits.companions import note_named, notify_named
from crm.visits.fields import WORDS, CompanyMet, VisitData
from crm.visits.late_entry import DatesAndState, late_by_person, store_days_late
from crm.visits.links import (
    VisitLinks,
    add_links,
    keep_former_people,
    links_of,
    participants_of,
    set_links,
)
from crm.visits.locks import hold_changeable
from crm.visits.models import Visit
from crm.visits.permissions import may_read
from crm.visits.quota_inputs import collect_edit
from crm.visits.rules import (
    Status,
    check_ended,
    first_and_last,
    late_by,
)
from crm.visits.trips import begin_trips
from crm.visits.validation import NewVisit, check_new_visit, check_visit
from crm.visits.verdicts import FACTS, confirmed_facts, withdraw_confirmation

__all__ = [
    "ImportedVisit",
    "VisitData",
    "cancel_visit",
    "change_visit",
    "insert_visit",
    "insert_visits",
    "keep_visit",
    "log_visit",
    "move_visit",
    "set_done",
]


def log_visit(db: Session, *, data: VisitData, by: Person, now: datetime) -> Visit:
    """Enter a visit; the same reference by the same person is the same visit, and harmless.

    Refused as `not_yours`, `required`, `ends_before_start`, `too_long`, `not_ended`,
    `no_such_person`, `not_posted`, `no_such_lead`, `duplicate_ref`.
    """
    on = civil_date(now)
    ref = data.ref.strip()
    if ref and (known := _visit_by_ref(db, ref, by)):
        return known

    new = check_new_visit(db, data, viewer(db, by, on), now)
    return keep_visit(db, new=new, by=by, now=now)


def keep_visit(
    db: Session, *, new: NewVisit, by: Person, now: datetime, may_reach_frozen: bool = True
) -> Visit:
    """Enter a visit that was checked in this transaction; it is only written.

    Not `may_reach_frozen`: none of its figures is frozen, and the commit checks that none was
    since. Refused as `duplicate_ref`.
    """
    on, data = civil_date(now), new.data
    late = late_by(civil_date(data.starts_at), on)
    values = new.columns | {
        "ref": data.ref.strip() or new_ref("V", on),
        "entered_at": now,
        "late_by_days": late,
        "entered_by_id": by.id,
        "logged_at": now if data.status is Status.DONE else None,
    }
    # made before the first write, from which on others wait
    visit, entry = _as_stored(values), _entry_of_new(db, new, by, now)

    visit_id = db.scalar(_insert(db.get_bind().dialect.name), values)
    if visit_id is None:  # the same form came twice at once
        known = _visit_by_ref(db, str(values["ref"]), by)
        if known is None:  # it is hidden until its import is published
            raise Refused("duplicate_ref", field="ref", ref=values["ref"])
        return known
    _add_inserted(db, visit, visit_id)

    begin_trips(db, [visit], now=now)
    add_links(db, visit, late_by=dict.fromkeys(data.joined_by, late), lead_ids=data.lead_ids)
    add_companies(db, visit.id, new.companies)
    notify_named(db, visit, data.joined_by, by=by, now=now)
    record_prepared(db, entry, visit.id)
    collect_edit(
        db,
        visit,
        Edit.VISIT_LOGGED,
        people=data.joined_by,
        reason=data.reason,
        # known: nothing is read for them while others wait
        contacted=data.lead_ids if visit.status is Status.DONE else (),
        may_reach_frozen=may_reach_frozen,
        by=by,
        at=now,
    )

    return visit


# put together once, as others wait for the lock under which it is run; of the table, as a session
# takes longer to insert by the class
@cache
def _insert(dialect: str) -> ReturningInsert[int]:
    table: Any = Visit.__table__
    new = insert_of(dialect, table).on_conflict_do_nothing(index_elements=["ref"])
    return new.returning(table.c.id)


def _as_stored(values: Mapping[str, object]) -> Visit:
    """A visit with these values as the table holds them, on which nobody has given a verdict."""
    texts = {name: stored_text(value) for name, value in values.items() if type(value) is str}
    return Visit(**{**values, **texts, "verdict": None, "verdict_at": None})


def _add_inserted(db: Session, visit: Visit, visit_id: int) -> None:
    """Add it as if the session had read it; what was not inserted is read when asked for."""
    visit.id = visit_id
    make_transient_to_detached(visit)
    db.add(visit)


def _entry_of_new(db: Session, new: NewVisit, by: Person, now: datetime) -> PreparedEntry:
    data = new.data
    links: dict[str, object] = {
        "participant_ids": sorted(data.joined_by),
        "lead_ids": sorted(data.lead_ids),
    }
    if new.companies:
        links["companies"] = entry_of(new.companies)
    after = new.columns | links | _reason(data)
    # REGIME 2: the entry says for whom it was entered (代录)
    if by.id not in {data.leader_id, *data.joined_by}:
        after["entered_for_id"] = data.leader_id
    return prepare(db, "visit.logged", Visit, by=by, at=now, after=after)


def change_visit(db: Session, *, visit: Visit, data: VisitData, by: Person, now: datetime) -> Visit:
    """Change a visit; its reference, and when it was first logged, stay.

    Words and leads that `by` may not see stay as they are, too. Refused as `log_visit` is, and as
    `people_of_hidden` where the words are hidden and other people would take part.
    """
    on = civil_date(now)
    me = viewer(db, by, on)
    hold_changeable(db, visit, me, on)
    return rewrite_visit(db, visit=visit, data=data, viewer=me, now=now)


def rewrite_visit(
    db: Session, *, visit: Visit, data: VisitData, viewer: Viewer, now: datetime
) -> Visit:
    """Make the change; the caller has checked the right to it and holds the row."""
    on, by = civil_date(now), viewer.person
    links, companies_before = links_of(db, visit, viewer, on), companies_of(db, visit.id)
    # who may not read the words cannot change them
    is_reader = may_read(db, viewer, visit.id, on)
    if not is_reader:
        data = replace(data, **{name: getattr(visit, name) for name in WORDS})

    values = check_visit(db, data, viewer, now, visit)
    # nobody takes away a lead that they cannot see
    lead_ids = frozenset(data.lead_ids) | links.hidden_lead_ids
    companies = (
        companies_met(
            db, data, viewer=viewer, on=on, others=_hidden_companies(db, visit, viewer, on)
        )
        if is_reader
        else companies_before
    )
    values |= copies_of(companies)
    late_before = {**links.late_by, visit.leader_id: visit.late_by_days}
    was = DatesAndState.of(visit)
    before, after = changes(visit, values)
    begin_trips(db, [visit], now=now)
    _update_moments(visit, was, now)
    late = late_by_person(
        {data.leader_id, *data.joined_by}, late_before, was, DatesAndState.of(visit), on
    )
    visit.late_by_days = late.pop(data.leader_id)
    kept = VisitLinks(late, lead_ids, links.hidden_lead_ids)
    links_before, links_after = _change_links(db, visit, links, kept)
    before, after = before | links_before, after | links_after
    if {*companies} != {*companies_before}:
        set_companies(db, visit.id, companies)
        before["companies"], after["companies"] = entry_of(companies_before), entry_of(companies)
    note_named(db, visit, data.joined_by - links.participant_ids, by=by, now=now)
    is_undone = was.status is not Status.PLANNED and "status" in after  # or taken back
    if is_undone or confirmed_facts(visit) & after.keys():
        withdraw_confirmation(visit, before, after)

    is_entered = FACTS & after.keys() or _is_entered_by_status(was.status, visit.status)
    involved = late_before.keys() | ({by.id} if is_entered else frozenset())
    keep_former_people(db, visit, involved - data.joined_by - {data.leader_id})

    if after:
        after |= _reason(data)
        record(db, "visit.changed", visit, by=by, at=now, before=before, after=after)
        collect_edit(
            db,
            visit,
            Edit.VISIT_CHANGED,
            people=late_before.keys() | data.joined_by,
            dates=(was.first_on, was.last_on),
            reason=data.reason,
            by=by,
            at=now,
        )

    return visit


def _hidden_companies(db: Session, visit: Visit, viewer: Viewer, on: date) -> list[CompanyMet]:
    """Companies met that the viewer cannot see, and so neither names nor takes away."""
    pairs = zip(
        companies_of(db, visit.id),
        seen_companies(db, viewer, [visit.id], on)[visit.id],
        strict=True,
    )
    return [row for row, seen in pairs if seen.is_hidden]


def _change_links(
    db: Session, visit: Visit, old: VisitLinks, new: VisitLinks
) -> tuple[dict[str, object], dict[str, object]]:
    """Set who takes part and which leads are concerned; the values before and after."""
    before: dict[str, object] = {}
    after: dict[str, object] = {}

    for name, old_ids, new_ids in (
        ("participant_ids", old.participant_ids, new.participant_ids),
        ("lead_ids", old.lead_ids, new.lead_ids),
    ):
        if old_ids != new_ids:
            before[name], after[name] = sorted(old_ids), sorted(new_ids)

    # also where only the lateness of the dates changed, which is no value of the entry
    if (new.late_by, new.lead_ids) != (old.late_by, old.lead_ids):
        set_links(db, visit, late_by=new.late_by, lead_ids=new.lead_ids)

    return before, after


def set_done(db: Session, *, visit: Visit, by: Person, now: datetime) -> Visit:
    """Set a planned visit done; refused as `not_yours`, `not_planned`, `not_ended`."""
    _hold_planned(db, visit, by, now)
    check_ended(visit.ends_at, now)
    values = {"status": Status.DONE, "logged_at": _logged_at(visit, now)}
    # who sets it done for others may not judge it
    keep_former_people(
        db, visit, {by.id} - participants_of(db, visit.id).keys() - {visit.leader_id}
    )
    return _set_values(db, visit, Edit.VISIT_DONE, values, by=by, now=now)


def move_visit(
    db: Session, *, visit: Visit, starts_at: datetime, by: Person, now: datetime
) -> Visit:
    """Move a planned visit, as long as it was; refused as `not_yours`, `not_planned`."""
    _hold_planned(db, visit, by, now)
    ends_at = starts_at + (visit.ends_at - visit.starts_at)
    first, last = first_and_last(starts_at, ends_at)
    was, joined = DatesAndState.of(visit), participants_of(db, visit.id)
    before, after = changes(
        visit,
        {"starts_at": starts_at, "ends_at": ends_at, "first_on": first, "last_on": last},
    )

    # REGIME 3: a confirmation falls with a change of the dates
    if confirmed_facts(visit) & after.keys():
        withdraw_confirmation(visit, before, after)

    people = {**joined, visit.leader_id: visit.late_by_days}
    late = late_by_person(people.keys(), people, was, DatesAndState.of(visit), civil_date(now))
    visit.late_by_days = late[visit.leader_id]
    store_days_late(db, visit.id, {person_id: late[person_id] for person_id in joined})
    if FACTS & after.keys():
        keep_former_people(db, visit, {by.id} - people.keys())

    record(db, "visit.moved", visit, by=by, at=now, before=before, after=after)
    dates = (was.first_on, was.last_on)
    collect_edit(db, visit, Edit.VISIT_MOVED, people=joined, dates=dates, by=by, at=now)

    return visit


def cancel_visit(db: Session, *, visit: Visit, by: Person, now: datetime) -> Visit:
    """Cancel a planned visit; refused as `not_yours`, `not_planned`."""
    _hold_planned(db, visit, by, now)
    return _set_values(
        db, visit, Edit.VISIT_CANCELLED, {"status": Status.CANCELLED}, by=by, now=now
    )


def _reason(data: VisitData) -> dict[str, object]:
    return {"reason": data.reason} if data.reason else {}


def _update_moments(visit: Visit, was: DatesAndState, now: datetime) -> None:
    """Set when it was entered and logged, after a change (REGIME 3, Undo)."""
    if was.status is Status.CANCELLED and visit.status is not Status.CANCELLED:
        visit.entered_at = now
    visit.logged_at = _logged_at(visit, now) if visit.status is Status.DONE else None


def _is_entered_by_status(was: Status, now: Status) -> bool:
    """Whether the change enters the visit anew: it is set done, or no longer cancelled."""
    return was is not now and (now is Status.DONE or was is Status.CANCELLED)


def _logged_at(visit: Visit, now: datetime) -> datetime:
    """When it was first set done as it stands; logged before its end, it was another visit."""
    was = visit.logged_at
    return was if was and was >= visit.ends_at else now


def _visit_by_ref(db: Session, ref: str, by: Person) -> Visit | None:
    visit = db.scalar(select(Visit).where(Visit.ref == ref))
    if visit and visit.entered_by_id != by.id:
        raise Refused("duplicate_ref", field="ref", ref=ref)
    return visit


def _hold_planned(db: Session, visit: Visit, by: Person, now: datetime) -> None:
    on = civil_date(now)
    hold_changeable(db, visit, viewer(db, by, on), on)
    if visit.status is not Status.PLANNED:
        raise Refused("not_planned", field="status", status=visit.status.label)


def _set_values(  # noqa: PLR0913 - one change, whole
    db: Session,
    visit: Visit,
    edit: Edit,
    values: dict[str, object],
    *,
    by: Person,
    now: datetime,
) -> Visit:
    before, after = changes(visit, values)
    record(db, edit.value, visit, by=by, at=now, before=before, after=after)
    collect_edit(db, visit, edit, people=participants_of(db, visit.id), by=by, at=now)
    return visit
