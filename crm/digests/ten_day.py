"""The ten-day supervision mail: what needs attention in the units, to their leaders (REGIME 5)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.digests.content import FigureLine, LeadName
from crm.digests.figure_words import definition_of
from crm.digests.lines import figure_line
from crm.digests.problems import OverdueProblem
from crm.digests.queries import active_people, responsible_unit
from crm.digests.results import everything
from crm.digests.truncated import Truncated
from crm.leads.models import Lead
from crm.leads.planning import OverdueMilestone, overdue_milestones
from crm.leads.redaction import LeadLabel, lead_labels
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.permissions import Viewer, viewers
from crm.people.queries import UnitNode, unit_tree
from crm.people.rules import Role
from crm.problems.figure_queries import overdue_of_units
from crm.problems.permissions import onlooker
from crm.quotas.permissions import FigureScope, figure_scopes
from crm.quotas.queries import PersonFigure, explained_figures, working_calendar
from crm.quotas.rules import IN_DANGER, Rule
from crm.results.queries import overdue_units
from crm.supervision.queries import OpenOrder, open_orders
from crm.targets.month_queries import results
from crm.targets.months import Result, tallies
from crm.targets.wording import three_figures

READERS = frozenset({Role.SUPERVISOR, Role.LEADER})  # who may see the units' records
MOST = 40  # lines of a list


@value_class
class OverdueLine:
    """A milestone that was planned for a date before today and is not reached."""

    lead: LeadName
    unit_name: str | None
    milestone: str
    planned_on: date
    days: int  # since the planned date


@value_class
class TenDayReport:
    """The content of one mail; false where there is nothing to say."""

    name: str
    zone_name: str
    period: Period  # the xun that begins
    at: datetime
    is_late: bool
    is_estimated: bool
    orders: Truncated[OpenOrder]
    overdue: Truncated[OverdueLine]
    problems: tuple[OverdueProblem, ...]
    claims: int  # not decided in time
    results: tuple[tuple[str, str], ...]  # of the year: what, and its three figures
    to_help: Truncated[FigureLine]  # by unit and name, never by score (REGIME 3)
    rules: tuple[Rule, ...]

    @property
    def definitions(self) -> tuple[str, ...]:
        """What the rules of the figures ask of whom."""
        return tuple(map(definition_of, self.rules))

    def __bool__(self) -> bool:
        # Hidden milestones alone make no mail: it would have nothing to show.
        return bool(
            self.orders.lines
            or self.overdue.lines
            or self.problems
            or self.claims
            or self.to_help.lines
        )


@dataclass(frozen=True)
class TenDayFacts:
    """The facts of one slot, read once for all recipients."""

    period: Period
    at: datetime
    units: Sequence[UnitNode]
    behind: Sequence[PersonFigure]
    overdue: Sequence[OverdueMilestone]
    unit_of: Mapping[int, int | None]  # by lead, the unit responsible for it
    estimated: frozenset[Period]
    claims: Sequence[tuple[int | None, int | None]]  # late ones: responsible, recognising unit
    results: Sequence[Result]  # of the year so far

    @property
    def on(self) -> date:
        return civil_date(self.at)

    @cached_property
    def unit_order(self) -> dict[int | None, int]:
        """By unit id, its place in the tree; leads of no unit come first."""
        return {None: -1} | {node.unit.id: place for place, node in enumerate(self.units)}

    @cached_property
    def unit_names(self) -> dict[int | None, str]:
        return {node.unit.id: node.unit.name for node in self.units}


def make_ten_day_reports(  # noqa: PLR0913 - what a slot says, each by name
    db: Session,
    *,
    period: Period,
    at: datetime,
    until: datetime | None = None,
    late: bool,
    site: Site,
) -> Mapping[str, int]:
    """Report to supervisors and leaders as the xun begins; how many reports were made.

    From `until` on a report is not mailed any more (REGIME 5).
    """
    counts: Counter[str] = Counter()
    facts = _gather(db, period, at)
    people = [person for person in active_people(db, at) if person.role in READERS]
    readers = list(viewers(db, people, facts.on))
    scopes = figure_scopes(db, readers, facts.on)

    for reader in readers:
        report = _report(db, facts, reader, scopes[reader.person_id], late=late)
        is_made = report and _post(db, report, reader.person, until, site)
        counts["made" if is_made else "empty"] += 1

    return counts


def _gather(db: Session, period: Period, at: datetime) -> TenDayFacts:
    on = civil_date(at)
    running = [Period.holding(kind, on) for kind in PeriodKind]
    judged = [found for part in running for found in explained_figures(db, period=part, as_of=at)]
    overdue = overdue_milestones(db, on, as_of=at)
    lead_ids = {milestone.lead.id for milestone in overdue}
    calendar = working_calendar(db)

    return TenDayFacts(
        period=period,
        at=at,
        units=unit_tree(db),
        behind=[found for found in judged if found.figure.status in IN_DANGER],
        overdue=overdue,
        unit_of=dict(
            db.execute(select(Lead.id, responsible_unit(on)).where(Lead.id.in_(lead_ids))).all()
        ),
        estimated=frozenset(part for part in running if calendar.is_estimated(part)),
        claims=overdue_units(db, at),
        results=results(db, first=on.replace(month=1, day=1), last=on, at=at),
    )


def _report(
    db: Session, facts: TenDayFacts, reader: Viewer, scope: FigureScope, *, late: bool
) -> TenDayReport:
    behind = [
        found
        for found in facts.behind
        if found.person_id != reader.person_id and scope.sees_figure(found)
    ]
    behind.sort(key=lambda found: (facts.unit_order[found.unit_id], found.username))

    return TenDayReport(
        name=reader.person.name,
        zone_name=facts.units[0].unit.name if facts.units else "",
        period=facts.period,
        at=facts.at,
        is_late=late,
        is_estimated=any(found.figure.period in facts.estimated for found in behind),
        orders=Truncated.of(open_orders(db, reader, facts.at, scope), MOST),
        overdue=_overdue(db, facts, reader),
        problems=_problems(db, facts, reader),
        claims=sum(not reader.unit_ids.isdisjoint(units) for units in facts.claims),
        results=_results(facts, reader),
        to_help=Truncated.of([figure_line(found, facts.at) for found in behind], MOST),
        rules=tuple({found.figure.rule.code: found.figure.rule for found in behind}.values()),
    )


def _results(facts: TenDayFacts, reader: Viewer) -> tuple[tuple[str, str], ...]:
    """What the reader's units reached in the year, the three figures side by side (PROJECTS 7)."""
    of_units = everything(facts.units, reader.unit_ids).unit_ids
    found = tallies(facts.results, of_units).values()
    return tuple((part.metric.label, three_figures(part)) for part in found if not part.is_empty)


def _overdue(db: Session, facts: TenDayFacts, reader: Viewer) -> Truncated[OverdueLine]:
    """By unit, then by planned date; leads that the reader may not know are only counted."""
    of_units = [found for found in facts.overdue if facts.unit_of[found.lead.id] in reader.unit_ids]
    labels = lead_labels(db, reader, {found.lead.id for found in of_units}, facts.on)
    known = [found for found in of_units if labels[found.lead.id].id is not None]
    known.sort(key=lambda found: (facts.unit_order[facts.unit_of[found.lead.id]], found.planned_on))
    lines = [_overdue_line(found, labels[found.lead.id], facts) for found in known]
    return Truncated.of(lines, MOST, hidden=len(of_units) - len(known))


def _problems(db: Session, facts: TenDayFacts, reader: Viewer) -> tuple[OverdueProblem, ...]:
    me = onlooker(db, reader, facts.on)
    return tuple(
        OverdueProblem(
            problem.id,
            problem.matter,
            problem.unit.name,
            problem.due_on,
            (facts.on - problem.due_on).days,
        )
        for problem in overdue_of_units(db, me, reader.unit_ids, MOST)
    )


def _overdue_line(found: OverdueMilestone, label: LeadLabel, facts: TenDayFacts) -> OverdueLine:
    return OverdueLine(
        LeadName(label.id, label.text),
        facts.unit_names.get(facts.unit_of[found.lead.id]),
        found.name,
        found.planned_on,
        (facts.on - found.planned_on).days,
    )


def _post(
    db: Session, report: TenDayReport, person: Person, until: datetime | None, site: Site
) -> bool:
    kind = MessageKind.TEN_DAY
    key = f"{kind.value}:zone:{person.username}:{report.period.name}:-"
    envelope = Envelope(kind, key, report.at, expires_at=until)
    return post(db, envelope, person=person, site=site, report=report)
