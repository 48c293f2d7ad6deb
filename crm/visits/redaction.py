"""What a viewer may see of a visit: its words and leads inherit the leads' secrecy (REGIME 2)."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from crm.base.value_class import value_class
from crm.leads.redaction import LeadLabel, lead_labels
from crm.people.permissions import Viewer
from crm.visits.companies import seen_companies
from crm.visits.fields import WORDS, SeenCompany, VisitWords
from crm.visits.models import Visit
from crm.visits.permissions import may_read_texts
from crm.visits.rules import Channel, Kind, Status, Verdict


class Named(Protocol):
    """A person as a visit names them."""

    @property
    def id(self) -> int:
        """The person's number."""

    @property
    def name(self) -> str:
        """The person's name."""


@value_class(kw_only=True)
class SeenVisit(VisitWords):
    """A visit before a viewer: leads by their labels, words empty where they may not be read."""

    id: int
    ref: str
    kind: Kind
    channel: Channel
    status: Status
    starts_at: datetime
    ends_at: datetime
    first_on: date
    last_on: date
    city: str
    leader: Named
    participants: tuple[Named, ...]
    leads: tuple[LeadLabel, ...]
    companies: tuple[SeenCompany, ...]  # none where the words may not be read
    entered_by: Named | None  # who entered it for those who made it (代录)
    is_theirs: bool  # led, joined or entered by the viewer
    is_readable: bool
    trip: str | None
    entered_at: datetime
    logged_at: datetime | None
    verdict: Verdict | None
    verdict_at: datetime | None
    late_by_days: int  # for the leader


@value_class
class Participation:
    """Whom and what a visit names: its people, its leads by their labels, who entered it."""

    leader: Named
    participants: tuple[Named, ...]
    leads: tuple[LeadLabel, ...]
    entered_by: Named | None
    companies: tuple[SeenCompany, ...]


def _seen_as(
    visit: Visit,
    viewer: Viewer,
    labels: Mapping[int, LeadLabel],
    companies: tuple[SeenCompany, ...],
) -> SeenVisit:
    leads = tuple(labels[lead.id] for lead in visit.leads)
    people = visit.leader, tuple(visit.participants)
    named = Participation(*people, leads, visit.entered_by, companies)
    return seen_with(visit, viewer, named, words=WORDS)


def seen_with(
    visit: Any, viewer: Viewer, named: Participation, *, words: Collection[str] = ()
) -> SeenVisit:
    """The visit, a record or a row with its columns, as the viewer may see it.

    `words` are those to be read; a list needs none.
    """
    me = viewer.person_id
    made_by = {person.id for person in (named.leader, *named.participants)}
    # the label of a hidden lead has no id
    sees_all_leads = all(label.id is not None for label in named.leads)
    is_readable = may_read_texts(me, made_by, sees_all_leads=sees_all_leads)

    return SeenVisit(
        id=visit.id,
        ref=visit.ref,
        kind=visit.kind,
        channel=visit.channel,
        status=visit.status,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        first_on=visit.first_on,
        last_on=visit.last_on,
        city=visit.city,
        leader=named.leader,
        participants=named.participants,
        leads=named.leads,
        companies=named.companies if is_readable else (),
        # named only where somebody else entered it
        entered_by=None if visit.entered_by_id in made_by else named.entered_by,
        is_theirs=me in {visit.entered_by_id, *made_by},
        is_readable=is_readable,
        trip=visit.trip,
        entered_at=visit.entered_at,
        logged_at=visit.logged_at,
        verdict=visit.verdict,
        verdict_at=visit.verdict_at,
        late_by_days=visit.late_by_days,
        **({name: getattr(visit, name) for name in words} if is_readable else {}),
    )


def shown(db: Session, viewer: Viewer, visits: Iterable[Visit], on: date) -> list[SeenVisit]:
    """The visits as the viewer may see them: one query for their leads, one for the companies."""
    visits = list(visits)
    lead_ids = {lead.id for visit in visits for lead in visit.leads}
    labels = lead_labels(db, viewer, lead_ids, on)
    companies = seen_companies(db, viewer, [visit.id for visit in visits], on)
    return [_seen_as(visit, viewer, labels, companies[visit.id]) for visit in visits]
