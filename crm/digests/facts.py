"""The facts of a weekly or monthly digest, read once for the whole zone.

`composing` slices them for each recipient, so the number of queries does not grow with them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased

from crm.base.clock import at_civil, civil_date
from crm.base.db import batches
from crm.base.money import Currency
from crm.base.periods import DAY, Period, PeriodKind
from crm.base.value_class import value_class
from crm.digests.first_meetings import first_meetings
from crm.digests.indexed import Indexed
from crm.digests.queries import (
    DueFact,
    VisitFact,
    due_followups,
    responsible_unit,
    visits_between,
)
from crm.digests.result_facts import ResultFacts, result_facts
from crm.digests.rules import (
    Spans,
    WaitingVisits,
    ending_in,
    planned_span,
    spans,
    waiting_visits,
)
from crm.leads.catalog import industries
from crm.leads.milestone_kinds import milestone_kinds
from crm.leads.models import Lead, Milestone
from crm.leads.redaction import NamedLead, named_leads
from crm.leads.rules import Stage
from crm.leads.tier_lines import tier_lines
from crm.leads.tiers import Tier
from crm.people.models import Posting
from crm.people.queries import UnitNode, held_on, unit_tree
from crm.problems.figure_queries import UnitProblem, problems_of_units, span_until
from crm.problems.figures import Span
from crm.quotas.figures_by_period import figures_by_period
from crm.quotas.frozen import CorrectionFacts, corrections
from crm.quotas.models import Correction
from crm.quotas.queries import (
    PersonFigure,
    explained_figures,
    figures,
    period_kinds,
    working_calendar,
)
from crm.quotas.rules import Figure, FigureStatus
from crm.supervision.queries import OrderActivity, order_activity
from crm.targets.catalog import spans as spans_in_use
from crm.targets.queries import courses, target_progress
from crm.targets.rules import TargetProgress
from crm.targets.speed import Course, MeasuredSpan
from crm.visits.reach import DoneVisits, done_visits

TREND_MONTHS = 6
WITHIN_A_MONTH = (PeriodKind.MONTH, PeriodKind.XUN, PeriodKind.WEEK)

EarlierStatuses = Mapping[tuple[str, int, Period], FigureStatus]  # by rule code, person, period
Units = frozenset[int | None]  # None stands for leads of no unit
Shared = TypeVar("Shared")


@value_class
class LeadFact:
    """A lead with the unit responsible for it; a reader may not be allowed to know it."""

    id: int
    amount: Decimal | None
    currency: Currency | None
    entered_on: date
    entered_at: datetime
    unit_id: int | None
    size: Tier


@value_class
class StepFact:
    """A milestone that a lead reached."""

    lead_id: int
    kind: str
    name: str
    reached_on: date
    is_first_signing: bool


@dataclass(frozen=True)
class MonthFacts:
    """The facts that only a monthly digest needs."""

    history: Mapping[Period, Sequence[PersonFigure]]  # of the months before, the earliest first
    courses: Sequence[Course]
    industries: Mapping[str, str]
    spans: Sequence[MeasuredSpan]  # whose speed is told
    kind_names: Mapping[str, str]  # of milestones
    corrections: Sequence[CorrectionFacts]
    done_visits: Mapping[int, DoneVisits]  # by id, those that begin in the month


@dataclass(frozen=True)
class Facts:
    """All that the digests of one period are made of, as known at their moment."""

    period: Period
    at: datetime
    spans: Spans
    units: Sequence[UnitNode]
    figures: Sequence[PersonFigure]
    previous: dict[tuple[str, int], Figure]  # of the period before, by rule code and person
    leads: dict[int, LeadFact]
    named_leads: dict[int, NamedLead]  # also those that were entered after the moment
    steps: Sequence[StepFact]
    visits: Sequence[VisitFact]
    due: dict[int, list[DueFact]]  # by person
    home_units: dict[int, int]  # by person, the unit of the current primary posting
    is_estimated: bool
    targets: Sequence[TargetProgress]
    results: ResultFacts
    month: MonthFacts | None  # None in a weekly digest
    earlier_statuses: EarlierStatuses  # empty in a monthly digest
    orders: Sequence[OrderActivity]
    problems: Sequence[UnitProblem]
    first_meetings: dict[int, frozenset[int]]  # by visit, the leads first met there
    since: date  # on which the clock's slots begin
    _shared: dict[tuple[Any, Units], Any] = field(default_factory=dict, repr=False)
    _waiting: dict[tuple[str, int, Period], WaitingVisits] = field(default_factory=dict, repr=False)

    def shared(self, find: Callable[["Facts", Units], Shared], unit_ids: Units) -> Shared:
        """What `find` gives for these units, found once for all who read about them."""
        key = find, unit_ids
        if key not in self._shared:
            self._shared[key] = find(self, unit_ids)
        found: Shared = self._shared[key]
        return found

    def waiting_of(self, found: PersonFigure) -> WaitingVisits:
        """The visits that could still change the figure, found once for all who read of it."""
        key = found.figure.rule.code, found.person_id, found.figure.period
        if key not in self._waiting:
            self._waiting[key] = waiting_visits(found.figure, self.at)
        return self._waiting[key]

    @property
    def on(self) -> date:
        return civil_date(self.at)

    @cached_property
    def unit_names(self) -> dict[int, str]:
        return {node.unit.id: node.unit.name for node in self.units}

    @cached_property
    def unit_order(self) -> dict[int, int]:
        """By unit id, its place in the tree."""
        return {node.unit.id: place for place, node in enumerate(self.units)}

    @cached_property
    def figures_by_person(self) -> Indexed[PersonFigure]:
        return Indexed(self.figures, lambda found: (found.person_id,))

    @cached_property
    def figures_by_unit(self) -> Indexed[PersonFigure]:
        return Indexed(self.figures, lambda found: (found.unit_id,))

    @cached_property
    def visits_by_person(self) -> Indexed[VisitFact]:
        return Indexed(self.visits, lambda visit: visit.people)

    @cached_property
    def visits_by_unit(self) -> Indexed[VisitFact]:
        """By the current units of those who lead a visit or take part."""
        return Indexed(
            self.visits,
            lambda visit: {self.home_units[id_] for id_ in visit.people if id_ in self.home_units},
        )

    @cached_property
    def leads_by_unit(self) -> Indexed[LeadFact]:
        return Indexed(self.leads.values(), lambda lead: (lead.unit_id,))

    @cached_property
    def steps_by_unit(self) -> Indexed[StepFact]:
        known = (step for step in self.steps if step.lead_id in self.leads)
        return Indexed(known, lambda step: (self.leads[step.lead_id].unit_id,))

    @cached_property
    def orders_by_unit(self) -> Indexed[OrderActivity]:
        return Indexed(self.orders, lambda order: (order.unit_id,))


def problem_span(period: Period, at: datetime) -> Span:
    """The period as far as it is over at the moment, for the figures of problems."""
    return span_until(at_civil(period.first), at_civil(period.after.first), at)


def gather(db: Session, *, period: Period, at: datetime, since: date = date.min) -> Facts:
    """Read the facts of the period's digests; the clock's slots begin on `since`."""
    on = civil_date(at)
    wanted = spans(period, on)
    judged = [
        figure for part in wanted.all for figure in explained_figures(db, period=part, as_of=at)
    ]
    shown_periods = {found.figure.period for found in judged} | {period}
    calendar = working_calendar(db)

    units = unit_tree(db)
    steps = _steps(db, period, at)
    visits = visits_between(db, period.first, planned_span(on)[1], at)
    due = due_followups(db, planned_span(on)[1], at)
    lead_ids = {step.lead_id for step in steps}
    lead_ids |= {followup.lead_id for followups in due.values() for followup in followups}
    lead_ids |= {lead_id for visit in visits for lead_id in visit.lead_ids}
    lead_ids |= _new_lead_ids(db, period)
    reached = result_facts(db, period, at)
    lead_ids |= {row.lead_id for row in reached.late}

    return Facts(
        period=period,
        at=at,
        spans=wanted,
        units=units,
        figures=judged,
        # Only of the digest's own kind of period: a week is compared with the week before.
        previous={
            (found.figure.rule.code, found.person_id): found.figure
            for found in figures(db, period=period.before, as_of=at)
        },
        leads=_leads(db, lead_ids, at),
        named_leads=named_leads(db, lead_ids, on),
        steps=steps,
        visits=visits,
        due=due,
        home_units=_home_units(db, on),
        is_estimated=any(calendar.is_estimated(part) for part in shown_periods),
        targets=target_progress(
            db,
            units=units,
            seen={node.unit.id for node in units},
            year=period.last.year,
            last=period.last,
            before=period.after.first,
            at=at,
        ),
        results=reached,
        month=_month_facts(db, period, at) if period.kind is PeriodKind.MONTH else None,
        earlier_statuses=_earlier_statuses(db, period, wanted.running, at),
        orders=order_activity(
            db, begins=at_civil(period.first), ends=at_civil(period.after.first), as_of=at
        ),
        problems=problems_of_units(db, problem_span(period, at)),
        first_meetings=first_meetings(db, period, visits, at),
        since=since,
    )


def _earlier_statuses(
    db: Session, period: Period, running: Iterable[Period], at: datetime
) -> EarlierStatuses:
    """The status of each running figure a week before, where its period had begun by then."""
    if period.kind is not PeriodKind.WEEK:
        return {}
    week_ago, kinds = at - 7 * DAY, period_kinds(db)
    begun = [part for part in running if part.kind in kinds and part.first <= civil_date(week_ago)]
    return {
        (found.figure.rule.code, found.person_id, found.figure.period): found.figure.status
        for part in begun
        for found in figures(db, period=part, as_of=week_ago)
    }


def _home_units(db: Session, on: date) -> dict[int, int]:
    rows = db.execute(
        select(Posting.person_id, Posting.unit_id).where(Posting.is_primary, held_on(on))
    )
    return dict(rows.all())


def _steps(db: Session, period: Period, at: datetime) -> list[StepFact]:
    """The milestones of the period, and what was signed in its year and in the period before."""
    year = Period.holding(PeriodKind.YEAR, period.last)
    # In January the period before lies in the year before.
    since = min(year.first, period.before.first)
    earlier = aliased(Milestone)
    is_signing = Milestone.kind == Stage.SIGNED
    # A project counts as signed once, on the date of its first signing (REGIME 6).
    signed_before = exists().where(
        earlier.lead_id == Milestone.lead_id,
        earlier.kind == Stage.SIGNED,
        earlier.entered_at <= at,
        or_(
            earlier.reached_on < Milestone.reached_on,
            (earlier.reached_on == Milestone.reached_on) & (earlier.id < Milestone.id),
        ),
    )
    rows = db.execute(
        select(
            Milestone.lead_id,
            Milestone.kind,
            Milestone.reached_on,
            (is_signing & ~signed_before).label("is_first_signing"),
        )
        .where(
            or_(
                Milestone.reached_on >= period.first,
                is_signing & (Milestone.reached_on >= since),
            ),
            Milestone.reached_on <= period.last,
            Milestone.entered_at <= at,
        )
        .order_by(Milestone.reached_on, Milestone.id)
    )

    names = milestone_kinds(db).names
    return [
        StepFact(lead_id, kind, names[kind], on, bool(is_first))
        for lead_id, kind, on, is_first in rows
    ]


def _new_lead_ids(db: Session, period: Period) -> set[int]:
    """The leads entered in the period."""
    is_new = (Lead.entered_on >= period.first) & (Lead.entered_on <= period.last)
    return set(db.scalars(select(Lead.id).where(is_new)))


def _leads(db: Session, lead_ids: Collection[int], at: datetime) -> dict[int, LeadFact]:
    """Those of the leads that were known at the moment, each with its responsible unit."""
    unit_id = responsible_unit(civil_date(at))
    columns = (Lead.id, Lead.amount, Lead.currency, Lead.entered_on, Lead.entered_at, unit_id)
    leads: dict[int, LeadFact] = {}
    lines, on = tier_lines(db), civil_date(at)
    for part in batches(sorted(lead_ids)):
        rows = db.execute(select(*columns).where(Lead.id.in_(part), Lead.entered_at <= at))
        leads |= {
            row.id: LeadFact(*row, lines.tier_of(row.amount, row.currency, on)) for row in rows
        }
    return leads


def _month_facts(db: Session, month: Period, at: datetime) -> MonthFacts:
    spans_told = spans_in_use(db)
    return MonthFacts(
        history=_history(db, month, at),
        courses=courses(db, month, at, spans_told),
        spans=spans_told,
        industries=industries(db),
        kind_names=milestone_kinds(db).names,
        corrections=_corrections(db, month, at),
        done_visits=done_visits(db, month.first, month.last, at),
    )


def _history(db: Session, month: Period, at: datetime) -> dict[Period, list[PersonFigure]]:
    """The figures of the months before, with the weeks and xun that ended in them."""
    # The current month is not read here: its figures are in Facts.figures already.
    months = [month.before]
    while len(months) < TREND_MONTHS - 1:
        months.insert(0, months[0].before)

    kinds = set(period_kinds(db)).intersection(WITHIN_A_MONTH)
    parts = {
        earlier: [
            part for kind in WITHIN_A_MONTH if kind in kinds for part in ending_in(earlier, kind)
        ]
        for earlier in months
    }
    found = figures_by_period(
        db, periods=[part for of_month in parts.values() for part in of_month], as_of=at
    )

    return {
        earlier: [figure for part in of_month for figure in found[part]]
        for earlier, of_month in parts.items()
    }


def _corrections(db: Session, month: Period, at: datetime) -> list[CorrectionFacts]:
    """What was signed in the month, and what waits at the moment."""
    begins, ends = at_civil(month.first), at_civil(month.after.first)
    waits = Correction.signed_at.is_(None) | (Correction.signed_at > at)
    in_month = (Correction.signed_at >= begins) & (Correction.signed_at < ends)
    return corrections(db, Correction.made_at <= at, or_(waits, in_month))
