"""The ten-day supervision: what of the units presses, told to their line of command (REGIME 5)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.base.periods import Period, PeriodKind
from crm.digests.content import FigureLine, LeadName, Listed
from crm.digests.lines import figure_line
from crm.digests.queries import active_people, responsible_unit
from crm.digests.rules import NUDGED
from crm.leads.models import Lead
from crm.leads.planning import OverdueMilestone, overdue_milestones
from crm.leads.queries import LeadLabel, lead_labels
from crm.leads.rules import MilestoneKind
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.queries import UnitNode, Viewer, unit_tree, viewers
from crm.people.rules import Role
from crm.quotas.permissions import FigureScope, figure_scopes
from crm.quotas.queries import PersonFigure, figures, working_calendar
from crm.quotas.rules import Rule
from crm.supervision.queries import OpenOrder, open_orders

READERS = frozenset({Role.SUPERVISOR, Role.LEADER})  # who sees records of units; an admin has none
MOST = 40  # lines of one list


@dataclass(frozen=True, slots=True)
class OverdueLine:
    """A milestone that was planned for a date before today and is not reached."""

    lead: LeadName
    unit_name: str | None
    kind: MilestoneKind
    planned_on: date
    days: int  # since the planned date


@dataclass(frozen=True, slots=True)
class TenDay:
    """What presses of the units that the reader sees; with nothing to say it is false."""

    name: str
    zone_name: str
    period: Period  # the xun that begins
    at: datetime
    is_late: bool
    is_estimated: bool
    orders: Listed[OpenOrder]
    overdue: Listed[OverdueLine]
    help: Listed[FigureLine]  # by unit and name, never by score (REGIME 3)
    rules: tuple[Rule, ...]

    def __bool__(self) -> bool:
        """Whether there is anything to say; what is hidden from the reader alone is not."""
        return bool(self.orders.lines or self.overdue.lines or self.help.lines)


@dataclass(frozen=True, slots=True)
class Pressing:
    """The facts of one slot, read once for everybody."""

    period: Period
    at: datetime
    units: Sequence[UnitNode]
    behind: Sequence[PersonFigure]
    overdue: Sequence[OverdueMilestone]
    unit_of: Mapping[int, int | None]  # by lead, the unit responsible for it
    estimated: frozenset[Period]

    @property
    def on(self) -> date:
        """The civil date of the slot."""
        return civil_date(self.at)

    def place_of(self, unit_id: int | None) -> int:
        """Where the unit stands in the tree; leads of no unit come first."""
        places = {node.unit.id: place for place, node in enumerate(self.units)}
        return places[unit_id] if unit_id else -1


def make_ten_day(  # noqa: PLR0913 - what a slot says, each by name
    db: Session,
    *,
    period: Period,
    at: datetime,
    until: datetime | None = None,
    late: bool,
    site: Site,
) -> Mapping[str, int]:
    """Tell supervisors and leaders what presses of their units as the xun begins.

    From `until` on it is not mailed any more (REGIME 5).
    """
    made: Counter[str] = Counter()
    facts = _pressing(db, period, at)
    people = [one for one in active_people(db, at) if one.role in READERS]
    readers = list(viewers(db, people, facts.on))
    scopes = figure_scopes(db, readers, facts.on)
    for eyes in readers:
        told = _told(db, facts, eyes, scopes[eyes.person_id], late=late)
        made["made" if told and _send(db, told, eyes.person, until, site) else "empty"] += 1
    return made


def _pressing(db: Session, period: Period, at: datetime) -> Pressing:
    on = civil_date(at)
    running = [Period.holding(kind, on) for kind in PeriodKind]
    judged = [one for each in running for one in figures(db, period=each, as_of=at)]
    overdue = overdue_milestones(db, on, as_of=at)
    ids = {one.lead.id for one in overdue}
    calendar = working_calendar(db)

    return Pressing(
        period=period,
        at=at,
        units=unit_tree(db),
        behind=[one for one in judged if one.figure.status in NUDGED],
        overdue=overdue,
        unit_of=dict(
            db.execute(select(Lead.id, responsible_unit(on)).where(Lead.id.in_(ids))).all()
        ),
        estimated=frozenset(each for each in running if calendar.is_estimated(each)),
    )


def _told(db: Session, facts: Pressing, eyes: Viewer, scope: FigureScope, *, late: bool) -> TenDay:
    behind = [
        one for one in facts.behind if one.person_id != eyes.person_id and scope.sees_figure(one)
    ]
    behind.sort(key=lambda one: (facts.place_of(one.unit_id), one.username))
    orders = open_orders(db, eyes, facts.at, scope)

    return TenDay(
        name=eyes.person.name,
        zone_name=facts.units[0].unit.name if facts.units else "",
        period=facts.period,
        at=facts.at,
        is_late=late,
        is_estimated=any(one.figure.period in facts.estimated for one in behind),
        orders=Listed.first(orders, MOST),
        overdue=_overdue(db, facts, eyes),
        help=Listed.first([figure_line(one, facts.at) for one in behind], MOST),
        rules=tuple({one.figure.rule.code: one.figure.rule for one in behind}.values()),
    )


def _overdue(db: Session, facts: Pressing, eyes: Viewer) -> Listed[OverdueLine]:
    """By unit, then the longest planned first; of leads that the reader may not know, a count."""
    near = [one for one in facts.overdue if facts.unit_of[one.lead.id] in eyes.unit_ids]
    labels = lead_labels(db, eyes, {one.lead.id for one in near}, facts.on)
    known = [one for one in near if labels[one.lead.id].id is not None]
    known.sort(key=lambda one: (facts.place_of(facts.unit_of[one.lead.id]), one.planned_on))
    lines = [_line(one, labels[one.lead.id], facts) for one in known]
    return Listed.first(lines, MOST, hidden=len(near) - len(known))


def _line(one: OverdueMilestone, label: LeadLabel, facts: Pressing) -> OverdueLine:
    names = {node.unit.id: node.unit.name for node in facts.units}
    return OverdueLine(
        LeadName(label.id, label.text),
        names.get(facts.unit_of[one.lead.id] or 0),
        one.kind,
        one.planned_on,
        (facts.on - one.planned_on).days,
    )


def _send(db: Session, told: TenDay, person: Person, until: datetime | None, site: Site) -> bool:
    kind = MessageKind.TEN_DAY
    key = f"{kind.value}:zone:{person.username}:{told.period.name}:-"
    letter = Envelope(kind, key, told.at, expires_at=until)
    return post(db, letter, person=person, site=site, told=told)
