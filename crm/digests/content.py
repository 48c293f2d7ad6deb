"""The content of the weekly and monthly digest, ready for the templates: values, no decisions."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from crm.base.money import Currency
from crm.base.outbox import MessageKind
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.digests import figure_words
from crm.digests.problems import ProblemsPart
from crm.digests.rules import SHORT, TaskCounts, count_tasks
from crm.digests.truncated import Truncated
from crm.quotas.frozen import CorrectionFacts
from crm.quotas.rules import Figure, FigureBasis, FigureStatus, NotCounted, PendingVisits, Rule
from crm.supervision.queries import OrderActivity
from crm.targets.months import Tally
from crm.targets.rules import Metric, TargetProgress
from crm.targets.speed import Speed
from crm.visits.reach import Reach
from crm.visits.rules import Channel, Kind


@value_class
class FigureSummary:
    """What a digest says of all figures in it together."""

    basis: FigureBasis
    pending: PendingVisits
    rules: tuple[Rule, ...]  # for their definitions


@value_class
class FigureLine:
    """One figure of one person, with the visits that did not count."""

    figure: Figure
    username: str
    name: str
    unit_name: str
    excluded: tuple[NotCounted, ...]
    previous: Figure | None  # of the period before
    status_week_ago: FigureStatus | None = None  # while the period was running already

    @property
    def reason(self) -> str:
        """The gap and why, without a full stop; empty where the quota is met."""
        return figure_words.reason(self.figure, self.excluded)

    @property
    def not_counted(self) -> str:
        """The visits that did not count, in words; empty where there are none."""
        return figure_words.not_counted(self.excluded)

    @property
    def status_changed(self) -> bool:
        return self.status_week_ago not in (None, self.figure.status)

    @property
    def short(self) -> int:
        """How many are not achieved yet."""
        return max(self.figure.required - self.figure.achieved, 0)

    @property
    def missing(self) -> int:
        """How many are neither achieved nor planned."""
        return max(self.short - self.figure.planned, 0)

    @property
    def percent(self) -> int:
        """The achieved share of what is required, 100 at most."""
        return min(100 * self.figure.achieved // max(self.figure.required, 1), 100)


@value_class
class LeadName:
    """A lead's name or code name, as the reader may know it (REGIME 2)."""

    id: int | None  # None: the reader has no page of it
    text: str


@value_class
class VisitLine:
    """A visit, made or planned."""

    id: int | None  # None: the reader has no page of it
    starts_at: datetime
    first_on: date
    last_on: date
    kind: Kind
    channel: Channel
    city: str
    leader_name: str
    leads: tuple[LeadName, ...]
    minutes: str | None  # None also where the reader may not read them
    is_first: bool  # the first meeting with a lead that the reader knows


@value_class
class DueLine:
    """A follow-up that is due or overdue."""

    id: int
    what: str
    due_on: date
    lead: LeadName
    is_overdue: bool


@value_class
class OwnPart:
    """The part about the recipient's own tasks and plans."""

    ended: tuple[FigureLine, ...]
    running: tuple[FigureLine, ...]
    due: Truncated[DueLine]
    plan: Truncated[VisitLine]

    @property
    def figures(self) -> tuple[FigureLine, ...]:
        return self.ended + self.running

    @property
    def tasks(self) -> TaskCounts:
        return count_tasks(line.figure for line in self.figures)

    @property
    def is_short(self) -> bool:
        """Whether something was missed, or is at risk."""
        return any(line.figure.status in SHORT for line in self.figures)


@value_class
class UnitLine:
    """The results of a unit with all below it (REGIME 3: units are compared by results)."""

    name: str
    now: Mapping[Metric, Tally]  # what was reached in the period
    signed_before: int  # recognised in the period before
    in_year: Mapping[Metric, Tally]
    moved: int
    entered: int
    tasks: TaskCounts

    @property
    def is_empty(self) -> bool:
        parts = (*self.now.values(), *self.in_year.values())
        is_told = self.moved or self.entered or self.tasks.owing
        return not is_told and all(part.is_empty for part in parts)


@value_class
class RuleLine:
    """How many of those who owe by a rule met it; while the period runs, how many are on track."""

    rule: Rule
    period: Period
    is_running: bool
    basis: FigureBasis
    good: int
    owing: int
    good_before: int
    owing_before: int

    @property
    def percent(self) -> int:
        return 100 * self.good // max(self.owing, 1)


@value_class
class PersonRow:
    """A person's figures by one rule, a cell for each period; None where nothing was owed."""

    unit_name: str
    name: str
    cells: tuple[FigureLine | None, ...]


@value_class
class PeopleTable:
    """Each person's figures by one rule in the periods that have ended."""

    rule: Rule
    periods: tuple[Period, ...]
    rows: Truncated[PersonRow]  # by unit and name, never by score (REGIME 3)


@value_class
class ReachedMilestone:
    """A milestone with its date."""

    name: str
    reached_on: date


@value_class
class ProgressLine:
    """A lead that reached milestones in the period."""

    lead: LeadName
    unit_name: str | None
    amount: Decimal | None  # of a recognised signing what was recognised, else of the lead
    currency: Currency | None
    steps: tuple[ReachedMilestone, ...]
    signing: str = ""  # 认定, 待认定 or 登记, of one that was signed


@value_class
class OrderCounts:
    """What happened to the supervision orders of some units; nothing at all is false."""

    issued: int
    answered: int
    accepted: int
    overdue: int  # at the moment of the digest

    def __bool__(self) -> bool:
        return bool(self.issued or self.answered or self.accepted or self.overdue)


@value_class
class OrderRow:
    """The orders that a unit leads, with those of all below it."""

    name: str
    counts: OrderCounts


@value_class
class OrdersPart:
    """The supervision orders of the recipient's units; totals also count hidden ones."""

    total: OrderCounts
    rows: tuple[OrderRow, ...]  # in a monthly digest only
    lines: Truncated[OrderActivity]  # in a monthly digest only, of those that the recipient may see
    has_page: bool  # whether the recipient can open the register of orders

    def __bool__(self) -> bool:
        return bool(self.total)


@value_class
class TrendCell:
    """How many of those who owed by a rule in a month met it, as frozen and as corrected."""

    met: int
    owing: int
    met_corrected: int
    owing_corrected: int
    is_split: bool = True  # False: too few people owe, so the numbers are withheld (REGIME 2)

    @property
    def is_corrected(self) -> bool:
        return (self.met, self.owing) != (self.met_corrected, self.owing_corrected)


@value_class
class TrendMonth:
    """A column of the trend, and whether its figures are frozen or preliminary."""

    period: Period
    basis: FigureBasis


@value_class
class TrendRow:
    """A unit over the months; None where nobody owed anything."""

    name: str
    cells: tuple[TrendCell | None, ...]


@value_class
class TrendTable:
    """How the units met one rule, month by month."""

    rule: Rule
    months: tuple[TrendMonth, ...]
    rows: tuple[TrendRow, ...]


@value_class
class CorrectionLine:
    """A correction of a frozen figure that was signed in the month, or waits for a signature."""

    facts: CorrectionFacts
    unit_name: str
    is_signed: bool


@value_class
class LateLine:
    """A result of a frozen month that was recognised or revoked since."""

    lead: LeadName
    metric: Metric
    counted_on: date
    unit_name: str
    amount: Decimal | None
    currency: Currency | None


@value_class
class MonthPart:
    """What only a monthly digest says of the recipient's units."""

    trend: tuple[TrendTable, ...]
    speeds: tuple[Speed, ...]
    corrections: Truncated[CorrectionLine]  # for the line of command only
    signed: int
    waiting: int
    reach: Reach
    recognised_later: Truncated[LateLine]  # of results of a frozen month (定稿后认定)
    revoked_later: Truncated[LateLine]


@value_class
class UnitsPart:
    """The part about the units that the recipient sees."""

    names: tuple[str, ...]
    lines: tuple[UnitLine, ...]
    total: UnitLine
    targets: tuple[TargetProgress, ...]
    rules: tuple[RuleLine, ...]
    names_to_help: tuple[str, ...]  # each person once
    to_help: Truncated[FigureLine]  # figures at risk or missed, for the line of command only
    status_changes: Truncated[FigureLine]  # running figures whose status changed within the week
    people: tuple[PeopleTable, ...]
    signed: Truncated[ProgressLine]  # signed in the period, each project once
    moved: Truncated[ProgressLine]  # moved forward, without those signed
    other: Truncated[ProgressLine]  # side milestones, and what was parked or lost
    notable: Truncated[VisitLine]  # first meetings, major projects, visits with minutes
    stays: tuple[tuple[str, int], ...]  # how many people stay in which city
    plan: Truncated[VisitLine]  # without stays
    orders: OrdersPart
    problems: ProblemsPart
    month: MonthPart | None  # None in a weekly digest

    @property
    def rows(self) -> tuple[UnitLine, ...]:
        """The units side by side, and their total where there are several."""
        return self.lines if len(self.lines) == 1 else (*self.lines, self.total)


@value_class
class Digest:
    """A weekly or monthly digest for one recipient."""

    kind: MessageKind
    period: Period
    zone_name: str
    name: str
    at: datetime
    is_late: bool
    is_estimated: bool
    basis: FigureBasis
    pending: PendingVisits
    own: OwnPart | None
    units: UnitsPart | None
    rules: tuple[Rule, ...]  # of all figures in it, for their definitions

    @property
    def has_news(self) -> bool:
        """Whether there is anything to say; an empty digest is not sent (REGIME 5)."""
        own, units = self.own, self.units
        has_own = own and (own.tasks.owing or own.due or own.plan)
        has_results = units and (
            units.rules
            or units.other
            or units.notable
            or units.plan
            or units.orders
            or units.problems
        )
        return bool(has_own or has_results or (units and not units.total.is_empty))
