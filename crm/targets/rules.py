"""What a yearly target counts, and its progress against the months gone (REGIME 6). Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from crm.base.enums import LabeledEnum
from crm.base.money import Currency
from crm.base.value_class import value_class
from crm.leads.tiers import Tier, TierLines
from crm.results.basis import COUNTING, Basis
from crm.results.rules import MILESTONE_OF, ClaimKind
from crm.targets.in_hand import InHand
from crm.targets.money_share import NOTHING_SIGNED, MoneyShare

MONTHS = 12
TENTH = Decimal("0.1")


class Metric(LabeledEnum):
    """What is counted."""

    SIGNED = "signed", "签约"
    STARTED = "started", "开工"
    COMPLETED = "completed", "竣工"
    OPERATING = "operating", "投产"
    MONEY = "money", "到位资金"
    FOREIGN = "foreign", "实际使用外资"
    VALID_LEADS = "valid_leads", "有效线索"


class TargetMeasure(LabeledEnum):
    """Whether projects are counted, or their investment summed."""

    COUNT = "count", "项目数"
    AMOUNT = "amount", "金额"


# What a target of projects counts. Money is a sum of receipts.
CLAIM_OF: Mapping[Metric, ClaimKind] = {
    Metric.SIGNED: ClaimKind.SIGNED,
    Metric.STARTED: ClaimKind.STARTED,
    Metric.COMPLETED: ClaimKind.COMPLETED,
    Metric.OPERATING: ClaimKind.OPERATING,
    Metric.VALID_LEADS: ClaimKind.VALID_LEAD,
}
KIND_OF: Mapping[Metric, str] = {metric: MILESTONE_OF[kind] for metric, kind in CLAIM_OF.items()}
# They are sums of receipts, and no projects.
OF_MONEY = frozenset({Metric.MONEY, Metric.FOREIGN})
# PROJECTS 11: they stand beside the targets of signings, also before they have one
BESIDE_SIGNED = (Metric.STARTED, Metric.COMPLETED, Metric.MONEY)


@value_class
class Project:
    """A project that reached a milestone, with the unit responsible for it on that date."""

    lead_id: int
    kind: str
    reached_on: date
    amount: Decimal | None  # of an expansion: what it adds (REGIME 6)
    currency: Currency | None
    unit_id: int | None
    basis: Basis = Basis.REGISTERED
    recognised_amount: Decimal | None = None
    claim_id: int | None = None
    counted_on: date | None = None  # none: on the date on which it was reached
    size: Tier = Tier.ANY
    counted_size: Tier = Tier.ANY  # of what counts of its investment
    expands: bool = False  # an earlier project (增资扩产)

    @property
    def counts(self) -> bool:
        """Whether it counts for the target: recognised, or as registered where that is enough."""
        return self.basis in COUNTING

    @property
    def counted_amount(self) -> Decimal | None:
        """What of its investment counts."""
        return self.recognised_amount if self.basis is Basis.RECOGNISED else self.amount

    @property
    def stands_alone(self) -> bool:
        """Whether it is a project of its own: an expansion only if it reaches a line (PROJECTS 7).

        A lead is one, whatever its size.
        """
        size = self.counted_size if self.counts else self.size
        is_lead = self.kind == KIND_OF[Metric.VALID_LEADS]
        return not self.expands or is_lead or size is not Tier.ANY

    def is_of(self, goal: "Goal") -> bool:
        """Whether it has at least the size of the target."""
        return self.size.reaches(goal.tier) and self._is_counted(goal)

    def counts_for(self, goal: "Goal") -> bool:
        """Whether what counts of it has at least the size of the target."""
        return self.counts and self.counted_size.reaches(goal.tier) and self._is_counted(goal)

    def _is_counted(self, goal: "Goal") -> bool:
        # the increment of any expansion is in a sum
        return goal.measure is TargetMeasure.AMOUNT or self.stands_alone

    def sized(self, lines: TierLines) -> "Project":
        """The project with its sizes, by the lines that hold on its date."""
        on = self.reached_on
        return replace(
            self,
            size=lines.tier_of(self.amount, self.currency, on),
            counted_size=lines.tier_of(self.counted_amount, self.currency, on),
        )


def currencies_of(metric: Metric) -> tuple[Currency, ...]:
    """The currencies in which an amount of the metric may be aimed at, the usual one first.

    Money has the currency of its line: foreign money used is stated in 万美元 (PROJECTS 8).
    """
    if metric is Metric.FOREIGN:
        return (Currency.USD,)
    return (Currency.CNY,) if metric in OF_MONEY else (Currency.CNY, Currency.USD)


def months_gone(year: int, on: date) -> int:
    """The number of months of the year that ended before the date."""
    return min(max((on.year - year) * MONTHS + on.month - 1, 0), MONTHS)


@value_class
class Goal:
    """A target: that many projects, or that much investment in its currency."""

    id: int | None  # none: nothing is set yet
    year: int
    unit_id: int
    metric: Metric
    tier: Tier
    measure: TargetMeasure
    value: Decimal | None
    currency: Currency = Currency.CNY  # of an amount

    @property
    def currency_note(self) -> str:
        """What its name adds where an amount of projects is not in the usual currency."""
        return "" if self.is_usual else f"（{self.currency.label}）"

    @property
    def is_usual(self) -> bool:
        """Whether it is in the usual currency of what it counts."""
        return self.currency is currencies_of(self.metric)[0]

    @property
    def currencies(self) -> tuple[Currency | None, ...]:
        """Those of its projects; None stands for a project without an amount."""
        return (*filter(self.adds, Currency), *([None] if self.adds(None) else []))

    def adds(self, currency: Currency | None) -> bool:
        """Whether a project in that currency is one of its own: amounts are never converted."""
        return self.measure is TargetMeasure.COUNT or currency is self.currency


@value_class
class Fulfilment:
    """Of the projects recognised as signed in a span, those recognised as started by its end."""

    started: int
    signed: int

    @property
    def percent(self) -> Decimal | None:
        """The share (履约率); none without a base."""
        return _percent(Decimal(self.started), Decimal(self.signed)) if self.signed else None


def fulfilment(reached: Iterable[Project], unit_ids: frozenset[int | None]) -> Fulfilment:
    """The fulfilment of these units; parked and lost projects stay in the base (PROJECTS 7)."""
    counting = [row for row in reached if row.counts and row.stands_alone]
    signed = {
        row.lead_id
        for row in counting
        if row.kind == KIND_OF[Metric.SIGNED] and row.unit_id in unit_ids
    }
    started = {row.lead_id for row in counting if row.kind == KIND_OF[Metric.STARTED]}
    return Fulfilment(len(signed & started), len(signed))


@value_class
class TargetProgress:
    """How far a target has come."""

    goal: Goal
    unit_name: str
    projects: tuple[Project, ...]  # as registered, those that count and those that do not yet
    achieved: Decimal | None  # recognised; None: what it counts is not recorded yet
    beside: tuple[tuple[Decimal, Currency], ...]  # in other currencies, never converted
    months: int
    registered: Decimal | None = None  # with what waits and what is recognised
    waiting: Decimal = Decimal(0)  # claimed and not decided
    below: tuple[Project, ...] = ()  # expansions too small to count, which the page explains
    apart: tuple[Project, ...] = ()  # in other currencies or without an amount, likewise
    in_hand: InHand | None = None  # of a target of signings: what may yet be signed
    fulfilment: Fulfilment = Fulfilment(0, 0)  # of its units in the year
    money_share: MoneyShare = NOTHING_SIGNED  # likewise

    @property
    def percent(self) -> Decimal | None:
        """The achieved share."""
        if self.achieved is None or self.goal.value is None:
            return None
        return _percent(self.achieved, self.goal.value)

    @property
    def pace(self) -> Decimal:
        """The share of the year's months that are gone (序时进度)."""
        return _percent(Decimal(self.months), Decimal(MONTHS))

    @property
    def points(self) -> Decimal | None:
        """The percentage points by which the target is ahead of the months gone, or behind."""
        return None if self.percent is None else self.percent - self.pace


def progress_of(
    goal: Goal,
    unit_name: str,
    unit_ids: frozenset[int | None],
    reached: Collection[Project],
    on: date,
) -> TargetProgress:
    """The progress of the target of these units, on that date."""
    kind = KIND_OF.get(goal.metric)
    own = [row for row in reached if row.kind == kind and row.unit_id in unit_ids]
    of_size = [row for row in own if row.is_of(goal)]
    registered = [row for row in of_size if goal.adds(row.currency)]
    counted = [row for row in own if row.counts_for(goal) and goal.adds(row.currency)]
    waiting = [row for row in registered if row.basis is Basis.WAITING]

    # PROJECTS 1: amounts are never converted, so foreign ones stand beside a sum in yuan; a target
    # in dollars has nothing to do with yuan.
    apart = [row for row in of_size if goal.is_usual and not goal.adds(row.currency)]
    counted_apart = [row for row in apart if row.counts_for(goal)]
    sums = _sums((row.counted_amount, row.currency) for row in counted_apart)
    others = tuple((sums[currency], currency) for currency in Currency if currency in sums)

    return TargetProgress(
        goal,
        unit_name,
        tuple(registered),
        _measured(goal, counted, counted=True) if kind else None,
        others,
        months_gone(goal.year, on),
        _measured(goal, registered) if kind else None,
        _measured(goal, waiting),
        below=tuple(
            row for row in own if row.expands and not row.is_of(goal) and goal.adds(row.currency)
        ),
        apart=tuple(apart),
        fulfilment=fulfilment(reached, unit_ids),
    )


def _measured(goal: Goal, rows: Collection[Project], *, counted: bool = False) -> Decimal:
    """The number of projects, or their investment in its currency; `counted`: what of it counts."""
    if goal.measure is TargetMeasure.COUNT:
        return Decimal(len(rows))
    amounts = ((row.counted_amount if counted else row.amount, row.currency) for row in rows)
    return _sums(amounts)[goal.currency]


def _sums(
    amounts: Iterable[tuple[Decimal | None, Currency | None]],
) -> defaultdict[Currency, Decimal]:
    sums: defaultdict[Currency, Decimal] = defaultdict(Decimal)
    for amount, currency in amounts:
        if amount is not None and currency:
            sums[currency] += amount
    return sums


def _percent(part: Decimal, whole: Decimal) -> Decimal:
    return (100 * part / whole).quantize(TENTH, ROUND_HALF_UP)
