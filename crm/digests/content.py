"""What a digest holds, ready to be put into words: values only, nothing to decide any more."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from crm.base.money import Currency
from crm.base.outbox import MessageKind
from crm.base.periods import Period
from crm.digests.rules import Waiting
from crm.leads.rules import MilestoneKind
from crm.quotas.rules import Figure, NotCounted, Rule
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

    @property
    def missing(self) -> int:
        """How many are neither achieved nor planned."""
        return max(self.figure.required - self.figure.achieved - self.figure.planned, 0)

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
    due: tuple[DueLine, ...]
    plan: tuple[VisitLine, ...]

    @property
    def owes(self) -> bool:
        """Whether anything is required in any of the periods."""
        return any(line.figure.required for line in self.ended + self.running)


@dataclass(frozen=True, slots=True)
class UnitLine:
    """The results of a unit with all below it (REGIME 3: units are compared by results)."""

    name: str
    signed: int
    signed_in_year: int
    amounts_in_year: tuple[tuple[Decimal, Currency], ...]
    moved: int
    entered: int
    good: int  # of what is owed: met, or in a period still running on track
    owing: int

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell of the unit."""
        results = self.signed or self.signed_in_year or self.moved or self.entered
        return not (results or self.owing)


@dataclass(frozen=True, slots=True)
class RuleLine:
    """How many of those who owe by a rule met it; of a running period, are on their way."""

    rule: Rule
    period: Period
    is_running: bool
    good: int
    owing: int
    good_before: int
    owing_before: int

    @property
    def percent(self) -> int:
        """The share of those who met it."""
        return 100 * self.good // max(self.owing, 1)


@dataclass(frozen=True, slots=True)
class UnitsPart:
    """What concerns the units that the recipient sees."""

    names: tuple[str, ...]
    lines: tuple[UnitLine, ...]
    total: UnitLine
    rules: tuple[RuleLine, ...]
    people: tuple[FigureLine, ...]  # for the line of command only, by unit and name
    moved: tuple[MovedLine, ...]
    signed: tuple[MovedLine, ...]
    notable: tuple[VisitLine, ...]
    plan: tuple[VisitLine, ...]


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
    waiting: Waiting
    own: OwnPart | None
    units: UnitsPart | None
    rules: tuple[Rule, ...]  # of all figures in it, for their definitions

    @property
    def has_news(self) -> bool:
        """Whether there is anything to say; otherwise it is recorded, not sent (REGIME 5)."""
        own, units = self.own, self.units
        told = own and (own.owes or own.due or own.plan)
        results = units and (units.rules or units.moved or units.notable or units.plan)
        return bool(told or results or (units and not units.total.is_empty))


@dataclass(frozen=True, slots=True)
class Nudge:
    """A word in time about one figure, to the person or to the supervisor."""

    line: FigureLine
    reader_name: str
    is_own: bool
    is_late: bool
    plan: tuple[VisitLine, ...]  # what the person has planned for the period
    at: datetime
