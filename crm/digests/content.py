"""What a digest holds, ready to be put into words: values only, nothing to decide any more."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from crm.base.money import Currency
from crm.base.outbox import MessageKind
from crm.base.periods import Period
from crm.digests.monthly import MonthPart
from crm.digests.orders import OrdersPart
from crm.digests.rules import SHORT, TaskCounts, Waiting, count_tasks
from crm.digests.truncated import Listed as Listed
from crm.leads.rules import MilestoneKind
from crm.quotas.rules import Figure, FigureBasis, FigureStatus, NotCounted, Rule
from crm.quotas.wording import why_at_risk
from crm.visits.rules import Channel, Kind


@dataclass(frozen=True, slots=True)
class FigureLine:
    """One figure of one person, with what did not count and how the period before ended."""

    figure: Figure
    username: str
    name: str
    unit_name: str
    excluded: tuple[NotCounted, ...]
    before: Figure | None
    was: FigureStatus | None = None  # a week before, while its period ran

    @property
    def why_at_risk(self) -> str:
        """Why it is at risk, with its numbers; empty where it is not."""
        return why_at_risk(self.figure)

    @property
    def has_turned(self) -> bool:
        """Whether it stood otherwise a week before."""
        return self.was is not None and self.was is not self.figure.status

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
        """How much of what is required is achieved, 100 at most."""
        return min(100 * self.figure.achieved // max(self.figure.required, 1), 100)


@dataclass(frozen=True, slots=True)
class LeadName:
    """A lead as the reader may know it; without an id there is no page of it for them."""

    id: int | None
    text: str


@dataclass(frozen=True, slots=True)
class VisitLine:
    """A visit, made or planned; its minutes only for those who may read them."""

    id: int | None  # none: the reader has no page of it
    starts_at: datetime
    first_on: date
    last_on: date
    kind: Kind
    channel: Channel
    city: str
    leader_name: str
    leads: tuple[LeadName, ...]
    minutes: str | None
    is_first: bool  # to a lead that the reader knows


@dataclass(frozen=True, slots=True)
class DueLine:
    """A follow-up that is due or overdue."""

    id: int
    what: str
    due_on: date
    lead: LeadName
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A milestone that was reached."""

    kind: MilestoneKind
    reached_on: date


@dataclass(frozen=True, slots=True)
class MovedLine:
    """A lead that moved in the period; the amount only for those who may see the lead."""

    lead: LeadName
    unit_name: str | None
    amount: Decimal | None
    currency: Currency | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class OwnPart:
    """What concerns the recipient alone."""

    ended: tuple[FigureLine, ...]
    running: tuple[FigureLine, ...]
    due: Listed[DueLine]
    plan: Listed[VisitLine]

    @property
    def figures(self) -> tuple[FigureLine, ...]:
        """All of them, the ended ones first."""
        return self.ended + self.running

    @property
    def tasks(self) -> TaskCounts:
        """How many of the person's tasks are met or on their way."""
        return count_tasks(line.figure for line in self.figures)

    @property
    def is_short(self) -> bool:
        """Whether something was missed, or is at risk."""
        return any(line.figure.status in SHORT for line in self.figures)


@dataclass(frozen=True, slots=True)
class UnitLine:
    """The results of a unit with all below it (REGIME 3: units are compared by results)."""

    name: str
    signed: int
    amounts: tuple[tuple[Decimal, Currency], ...]  # signed in the period
    signed_before: int  # in the period before
    signed_in_year: int
    amounts_in_year: tuple[tuple[Decimal, Currency], ...]
    moved: int
    entered: int
    tasks: TaskCounts

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell of the unit."""
        results = self.signed or self.signed_in_year or self.moved or self.entered
        return not (results or self.tasks.owing)


@dataclass(frozen=True, slots=True)
class RuleLine:
    """How many of those who owe by a rule met it; of a running period, are on their way."""

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
        """The share of those who met it."""
        return 100 * self.good // max(self.owing, 1)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person's figures by one rule, a cell for each period; none where nothing was asked."""

    unit_name: str
    name: str
    cells: tuple[FigureLine | None, ...]


@dataclass(frozen=True, slots=True)
class PeopleTable:
    """What each person of the units did by one rule in periods that have ended."""

    rule: Rule
    periods: tuple[Period, ...]
    rows: Listed[PersonRow]  # by unit and name, never by score (REGIME 3)


@dataclass(frozen=True, slots=True)
class UnitsPart:
    """What concerns the units that the recipient sees."""

    names: tuple[str, ...]
    lines: tuple[UnitLine, ...]
    total: UnitLine
    rules: tuple[RuleLine, ...]
    needy: tuple[str, ...]  # the names of those who need help, each once
    help: Listed[FigureLine]  # why they do; for the line of command only, by unit and name
    turned: Listed[FigureLine]  # whose running figures stand otherwise than a week before
    people: tuple[PeopleTable, ...]
    signed: Listed[MovedLine]  # in the period, each project once
    moved: Listed[MovedLine]  # forward, without those signed
    other: Listed[MovedLine]  # side milestones, and what was parked or lost
    notable: Listed[VisitLine]
    stays: tuple[tuple[str, int], ...]  # how many people stay in which city
    plan: Listed[VisitLine]  # but for stays
    orders: OrdersPart
    month: MonthPart | None  # in a monthly digest only

    @property
    def rows(self) -> tuple[UnitLine, ...]:
        """The units beside one another, and their total where they are not one."""
        return self.lines if len(self.lines) == 1 else (*self.lines, self.total)


@dataclass(frozen=True, slots=True)
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
    waiting: Waiting
    own: OwnPart | None
    units: UnitsPart | None
    rules: tuple[Rule, ...]  # of all figures in it, for their definitions

    @property
    def has_news(self) -> bool:
        """Whether there is anything to say; otherwise it is recorded, not sent (REGIME 5)."""
        own, units = self.own, self.units
        told = own and (own.tasks.owing or own.due or own.plan)
        results = units and (
            units.rules or units.other or units.notable or units.plan or units.orders
        )
        return bool(told or results or (units and not units.total.is_empty))
