"""What pages read of visits, always from those that the viewer may see (REGIME 2 and 3)."""

from collections.abc import Collection, Sequence
from dataclasses import field
from datetime import date, datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session, joinedload, selectinload

from crm.base.audit_entries import AuditEntry
from crm.base.clock import civil_date
from crm.base.utc_midnight import UtcMidnight
from crm.base.value_class import value_class
from crm.leads.models import Lead
from crm.leads.permissions import visible as visible_leads
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.permissions import (
    covering,
    judgeable,
    of_person,
    readable,
    visible,
)
from crm.visits.rules import Channel, Kind, Status, is_logged_late

# What `shown` reads of a visit; relationships are never loaded by themselves.
WITH_PEOPLE = (
    joinedload(Visit.leader),
    joinedload(Visit.entered_by),
    selectinload(Visit.participants),
)
LOADED = (*WITH_PEOPLE, selectinload(Visit.leads), selectinload(Visit.companies))
_VISIT = Visit.__table__.c
_ENTERED = select(_VISIT.id).where(
    _VISIT.ref == bindparam("ref"), _VISIT.entered_by_id == bindparam("by_id")
)
IN_TIME = (Visit.starts_at, Visit.id)


@value_class
class LastChoices:
    """What a person chose when last entering a visit, to begin the next form with."""

    kind: Kind = Kind.OUTREACH
    channel: Channel = Channel.IN_PERSON
    city: str = ""
    participant_ids: list[int] = field(default_factory=list)
    lead_ids: list[int] = field(default_factory=list)


@value_class
class LastMeeting:
    """Where the last visit of a lead was, and whom it met."""

    city: str
    met: str | None
    position: str | None


@value_class
class VisitRights:
    """Which of some visits a viewer may see and judge, and why supervisors rejected them."""

    visible: list[int]
    judgeable: frozenset[int]
    rejection_reasons: dict[int, str]


def visible_to(viewer: Viewer, on: date) -> Select[Visit]:
    """The visits that the viewer may see on the date."""
    return select(Visit).where(visible(viewer, on))


def visit_by_id(db: Session, viewer: Viewer, visit_id: int, on: date) -> Visit | None:
    """The visit, loaded for its page, where the viewer may see or judge it; none: 404."""
    is_open_to = visible(viewer, on) | judgeable(viewer)
    return db.scalar(select(Visit).where(Visit.id == visit_id, is_open_to).options(*LOADED))


def visits_by_id(db: Session, visit_ids: Collection[int]) -> Sequence[Visit]:
    """These visits, whoever may see them, loaded for `shown`."""
    return db.scalars(select(Visit).where(Visit.id.in_(visit_ids)).options(*LOADED)).all()


def next_turn(db: Session, at: datetime) -> datetime | None:
    """When the next visit begins or ends, or the next account closes.

    Or the moment of an edit that was made later, but is committed already.
    """
    is_ahead = covering(civil_date(at), None)
    begins = select(func.min(Visit.starts_at)).where(is_ahead, Visit.starts_at > at)
    ends = select(func.min(Visit.ends_at)).where(is_ahead, Visit.ends_at > at)
    closes = select(func.min(Person.disabled_at)).where(Person.disabled_at > at)
    edited = select(func.min(AuditEntry.at)).where(AuditEntry.at > at)
    turns = (query.scalar_subquery() for query in (begins, ends, closes, edited))
    return min(filter(None, db.execute(select(*turns)).one()), default=None)


def visit_id_entered(db: Session, *, ref: str | None, by_id: int) -> int | None:
    """The id of the visit that the person entered under that reference."""
    return db.scalar(_ENTERED, {"ref": ref, "by_id": by_id})


def last_meeting(db: Session, viewer: Viewer, lead_id: int, on: date) -> LastMeeting | None:
    """The last visit made for a visible lead, of those whose words the viewer may read."""
    seen = select(Lead.id).where(Lead.id == lead_id, visible_leads(viewer, on))
    # a subquery, as `readable` looks at all leads of the visit
    of_lead = select(VisitLead.visit_id).where(VisitLead.lead_id.in_(seen))
    query = (
        select(Visit.city, Visit.met, Visit.position)
        .where(
            Visit.id.in_(of_lead),
            Visit.status == Status.DONE,
            readable(viewer, on),
        )
        .order_by(Visit.last_on.desc(), Visit.id.desc())
    )
    row = db.execute(query.limit(1)).one_or_none()
    return LastMeeting(*row) if row else None


@value_class
class JudgedFrom:
    """From which date on visits wait for a verdict, and how late they may be without one."""

    since: date
    within_days: int  # after their last date
    stay_within: int | None  # after a date of theirs, where they cover several; none: however late


def awaiting_verdict(
    db: Session, viewer: Viewer, *, limits: JudgedFrom, as_of: datetime
) -> list[Visit]:
    """Visits that count only once the viewer, or another supervisor, confirms them.

    They were logged too late, or dates of a visit that covers several were entered too late for
    one of its people.
    """
    is_entered_late = _entered_late(limits.stay_within).label("is_entered_late")
    query = select(Visit, is_entered_late).where(awaits_verdict(viewer, limits, as_of))
    return [
        visit
        for visit, was_entered_late in db.execute(query.options(*LOADED).order_by(*IN_TIME))
        if was_entered_late or is_logged_late(visit.last_on, visit.logged_at, limits.within_days)
    ]


def awaits_verdict(viewer: Viewer, limits: JudgedFrom, as_of: datetime) -> ColumnElement[bool]:
    """The condition of `awaiting_verdict`, which leaves out those in time by less than a day."""
    return and_(
        covering(limits.since, None),
        # REGIME 4, As of T: a later verdict is not there yet
        or_(Visit.verdict.is_(None), Visit.verdict_at > as_of),
        # most visits are in time: SQLite tests that first, as it stands before the costly rest
        or_(may_be_logged_late(limits.within_days), _entered_late(limits.stay_within)),
        judgeable(viewer),
    )


def may_be_logged_late(within_days: int) -> ColumnElement[bool]:
    """Every visit for which `is_logged_late` holds, and those in time by less than a day."""
    return Visit.logged_at >= UtcMidnight(Visit.last_on, within_days)


def _entered_late(stay_within: int | None) -> ColumnElement[bool]:
    """Visits of several dates that were entered later than that for one of their people."""
    if stay_within is None:
        return false()
    joined_late = exists().where(
        VisitParticipant.visit_id == Visit.id, VisitParticipant.late_by_days > stay_within
    )
    return (Visit.first_on < Visit.last_on) & or_(Visit.late_by_days > stay_within, joined_late)


def rights_on(db: Session, viewer: Viewer, visit_ids: Collection[int], on: date) -> VisitRights:
    """What the viewer may do with each of the visits, and why some are rejected."""
    marks = visible(viewer, on).label("is_visible"), judgeable(viewer).label("is_judgeable")
    query = select(Visit.id, Visit.verdict_reason, *marks).where(Visit.id.in_(visit_ids))
    rows = db.execute(query.order_by(Visit.id)).all()

    return VisitRights(
        visible=[row.id for row in rows if row.is_visible],
        judgeable=frozenset(row.id for row in rows if row.is_judgeable),
        rejection_reasons={row.id: row.verdict_reason for row in rows if row.verdict_reason},
    )


def rejection_reasons(db: Session, visit_ids: Collection[int]) -> dict[int, str]:
    """Why visits are rejected, where a supervisor said so here."""
    rows = db.execute(
        select(Visit.id, Visit.verdict_reason).where(
            Visit.id.in_(visit_ids), Visit.verdict_reason.is_not(None)
        )
    )
    return {row.id: row.verdict_reason for row in rows}


def last_choices(db: Session, viewer: Viewer, on: date) -> LastChoices:
    """What the latest visit that the person led or entered had; leads that they may still see."""
    me = viewer.person_id
    last = db.execute(
        select(Visit.id, Visit.kind, Visit.channel, Visit.city)
        .where(of_person(me), or_(Visit.leader_id == me, Visit.entered_by_id == me))
        .order_by(Visit.entered_at.desc(), Visit.id.desc())
        .limit(1)
    ).first()
    if last is None:
        return LastChoices()

    joined = select(VisitParticipant.person_id, true()).where(VisitParticipant.visit_id == last.id)
    leads = (
        select(VisitLead.lead_id, false())
        .join(Lead, Lead.id == VisitLead.lead_id)
        .where(VisitLead.visit_id == last.id, visible_leads(viewer, on))
    )
    rows = db.execute(union_all(joined, leads)).all()

    return LastChoices(
        *(last.kind, last.channel, last.city),
        participant_ids=sorted(row_id for row_id, is_person in rows if is_person),
        lead_ids=sorted(row_id for row_id, is_person in rows if not is_person),
    )
