"""Proposed visits planned, all or none, with their journeys (ENTRY 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.refs import new_ref
from crm.people.models import Person
from crm.planner.queries import LeadNames
from crm.planner.rules import Proposal, plain_city, trips_of
from crm.visits.fields import CompanyMet, VisitData
from crm.visits.models import Trip, Visit
from crm.visits.rules import Channel, Kind, Status
from crm.visits.service import log_visit
from crm.visits.trips import TripData, describe_trip


def plan_visits(  # noqa: PLR0913 - one change, whole
    db: Session,
    *,
    person: Person,
    proposals: Sequence[Proposal],
    names: Mapping[int, LeadNames],
    key: str,
    by: Person,
    now: datetime,
) -> list[Visit]:
    """Plan the visits, led by the person; two or more in a city outside make a trip (批次).

    `key` gives them their references, so that a form sent twice plans once. Refused as `log_visit`
    is, and as `no_city` where a lead's city is not said.
    """
    if any(not proposal.candidate.city for proposal in proposals):
        raise Refused("no_city", field="city")

    journeys = trips_of(proposals)
    trips = {city: new_ref("P", civil_date(now)) for city in journeys}
    visits = [
        log_visit(
            db,
            data=replace(
                _visit_of(proposal, names[proposal.candidate.lead_id], person),
                ref=ref_of(key, place),
                trip=trips.get(plain_city(proposal.candidate.city)),
            ),
            by=by,
            now=now,
        )
        for place, proposal in enumerate(proposals, start=1)
    ]

    for city, (first, last) in journeys.items():
        trip = db.scalars(select(Trip).where(Trip.ref == trips[city])).one_or_none()
        if trip:  # none: the visits were planned by an earlier sending of this form
            details = TripData(destination=city, first_on=first, last_on=last, approval=None)
            describe_trip(db, trip=trip, data=details, by=by, now=now)

    return visits


def ref_of(key: str, place: int) -> str:
    """The reference of one of the visits that a form plans."""
    return f"{key}-{place}"


def _visit_of(proposal: Proposal, names: LeadNames, person: Person) -> VisitData:
    lead, step = proposal.candidate, proposal.candidate.step
    return VisitData(
        kind=Kind.OUTREACH,
        channel=Channel.IN_PERSON,
        status=Status.PLANNED,
        starts_at=proposal.slot.starts_at,
        ends_at=proposal.slot.ends_at,
        city=lead.city,
        leader_id=person.id,
        lead_ids=[lead.lead_id],
        companies=[CompanyMet(names.company_id, met=names.met, position=names.position)],
        note=f"待办：{step.what}（{formatting.day(step.due_on)}前）" if step else None,
    )
