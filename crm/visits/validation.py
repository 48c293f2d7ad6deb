"""What must hold of a visit before it is kept (REGIME 3)."""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from functools import cache

from sqlalchemy import Select, bindparam, exists, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.leads.models import Lead
from crm.leads.permissions import values_of, visible_to_role
from crm.people.entry_grants import owners_of
from crm.people.models import EntryGrant, Person, Posting
from crm.people.permissions import Viewer, people_in
from crm.people.queries import at_work_on_date, values_of_date
from crm.people.rules import WITH_RECORDS, Role
from crm.visits.companies import companies_met, copies_of
from crm.visits.fields import WORDS, CompanyMet, VisitData
from crm.visits.links import links_of
from crm.visits.models import Visit
from crm.visits.permissions import may_read
from crm.visits.rules import Channel, Status, check_channel, check_ended, first_and_last
from crm.visits.trips import check_trip

# statements are put together once: every visit that is logged runs them
_PEOPLE = select(
    Person.id, exists().where(Posting.person_id == Person.id), at_work_on_date()
).where(Person.id.in_(bindparam("people", expanding=True)))


@cache
def _seen_leads(role: Role) -> Select[int, int]:
    """Those of the leads that a viewer of the role sees, with their companies.

    `values_of` has the values.
    """
    return (
        select(Lead.id, Lead.company_id)
        .where(Lead.id.in_(bindparam("lead_ids", expanding=True)), visible_to_role(role))
        .order_by(Lead.id)
    )


@value_class
class NewVisit:
    """A visit that may be entered, as `check_new_visit` found it."""

    data: VisitData
    columns: dict[str, object]
    companies: tuple[CompanyMet, ...]
    company_ids: tuple[int, ...]  # of its leads


def check_new_visit(db: Session, data: VisitData, viewer: Viewer, now: datetime) -> NewVisit:
    """Check a visit that is entered; refused as `log_visit` says."""
    columns, _ = _check(db, data, viewer, now)
    # they are read once, for the check and for whom one met
    of_leads = tuple(_check_leads(db, data.lead_ids, viewer, civil_date(now)))
    companies = companies_met(db, data, viewer=viewer, on=civil_date(now), of_leads=of_leads)
    return NewVisit(data, columns | copies_of(companies), companies, of_leads)


def check_visit(
    db: Session, data: VisitData, viewer: Viewer, now: datetime, was: Visit | None = None
) -> dict[str, object]:
    """Check a visit that is entered, or `was` as it is changed; returns its columns.

    Refused as `log_visit` and `change_visit` say.
    """
    values, lead_ids = _check(db, data, viewer, now, was)
    _check_leads(db, set(data.lead_ids) - lead_ids, viewer, civil_date(now))
    return values


def _check(
    db: Session, data: VisitData, viewer: Viewer, now: datetime, was: Visit | None = None
) -> tuple[dict[str, object], frozenset[int]]:
    """Check all but its leads; returns its columns, and the leads that `was` concerns."""
    on = civil_date(now)
    links = links_of(db, was, viewer, on) if was else None
    if was and links and not may_read(db, viewer, was.id, on):
        # Who takes part reads the words, so only who reads them may name people
        _require_same_people(data, was.leader_id, links.participant_ids)

    values = checked_columns(data, now)
    _check_city(data)
    at_work = _check_people(db, data, on)
    _require_own(db, data, viewer, on)
    known = links.participant_ids | {was.leader_id} if was and links else frozenset[int]()
    # who took part before may have left since, and stays
    _check_new_people(data, at_work | known)
    # a trip named before stays, though its other visits may be hidden by now
    if not was or values["trip"] != was.trip:
        check_trip(db, values["trip"], viewer, on)

    return values, links.lead_ids if links else frozenset()


def checked_columns(data: VisitData, now: datetime) -> dict[str, object]:
    """The visit's columns.

    Refused as `ends_before_start`, `too_long`, `channel_of_kind`, `not_ended`.
    """
    first, last = first_and_last(data.starts_at, data.ends_at)
    check_channel(data.kind, data.channel)
    if data.status is Status.DONE:
        check_ended(data.ends_at, now)

    values: dict[str, object] = {
        "kind": data.kind,
        "channel": data.channel,
        "status": data.status,
        "starts_at": data.starts_at,
        "ends_at": data.ends_at,
        "first_on": first,
        "last_on": last,
        "city": data.city.strip(),
        "leader_id": data.leader_id,
        "trip": _text(data.trip),
    }

    return values | {name: _text(getattr(data, name)) for name in WORDS}


def _text(text: str | None) -> str | None:
    return (text or "").strip() or None


def _check_city(data: VisitData) -> None:
    """Refuse a visit in person without a city."""
    # REGIME 3: a remote visit needs no city
    if not data.city.strip() and data.channel is Channel.IN_PERSON:
        raise Refused("required", field="city")


def _check_people(db: Session, data: VisitData, on: date) -> set[int]:
    """Refuse people who do not exist and a leader who never held a post; returns who is at work."""
    people = tuple(sorted({data.leader_id, *data.joined_by}))
    found = remembered_long(
        *(db, "people of a visit", people, on), read=lambda: _read_people(db, people, on)
    )

    if data.leader_id not in found:
        raise Refused("no_such_person", field="leader_id")
    if not found[data.leader_id][0]:
        raise Refused("not_posted", field="leader_id")
    if not data.joined_by <= found.keys():
        raise Refused("no_such_person", field="participant_ids")

    return {person_id for person_id, (_, is_at_work) in found.items() if is_at_work}


def _read_people(db: Session, people: Collection[int], on: date) -> dict[int, tuple[bool, bool]]:
    """By person, whether they ever held a post, and whether they are at work."""
    rows = db.execute(_PEOPLE, {"people": people, **values_of_date(on)})
    return {person_id: (has_post, is_at_work) for person_id, has_post, is_at_work in rows}


def _check_new_people(data: VisitData, offered: Collection[int]) -> None:
    """Refuse people who are named anew and whom no form offers: without posting, or gone."""
    if data.leader_id not in offered:
        raise Refused("no_such_person", field="leader_id")
    if not data.joined_by.issubset(offered):
        raise Refused("no_such_person", field="participant_ids")


def _check_leads(db: Session, lead_ids: Collection[int], viewer: Viewer, on: date) -> Iterable[int]:
    """Refuse leads that the viewer may not see: for them they do not exist.

    Returns the companies of the leads, each once and in the order of the leads.
    """
    if not lead_ids:
        return ()
    values = {"lead_ids": lead_ids, **values_of(viewer, on)}
    company_ids = dict(db.connection().execute(_seen_leads(viewer.role), values).all())
    if company_ids.keys() != set(lead_ids):
        raise Refused("no_such_lead", field="lead_ids")
    return dict.fromkeys(company_ids.values())


def _require_own(db: Session, data: VisitData, viewer: Viewer, on: date) -> None:
    """Refuse a visit that the viewer neither makes, nor enters for another, nor has in scope."""
    people = {data.leader_id, *data.joined_by}
    if viewer.role not in WITH_RECORDS:
        raise Refused("not_yours")
    if viewer.person_id in people or viewer.role is Role.ADMIN:
        return
    owners = owners_of(viewer.person_id, on).where(EntryGrant.owner_id.in_(people)).limit(1)
    if db.scalar(owners) is not None:
        return
    in_scope = people_in(viewer.unit_ids, on).where(Posting.person_id.in_(people)).limit(1)
    if not viewer.judges or db.scalar(in_scope) is None:
        raise Refused("not_yours", field="leader_id")


def _require_same_people(data: VisitData, leader_id: int, participant_ids: Collection[int]) -> None:
    """Refuse other people than those who take part now, from whoever may not read the words."""
    if data.leader_id != leader_id:
        raise Refused("people_of_hidden", field="leader_id")
    if data.joined_by != participant_ids:
        raise Refused("people_of_hidden", field="participant_ids")
