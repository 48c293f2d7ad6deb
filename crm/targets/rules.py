"""What a yearly target counts, and its progress against the months gone (REGIME 6). Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from crm.base.enums import LabeledEnum
from crm.base.money import WAN, YI, Currency
from crm.leads.rules import Stage

MONTHS = 12
TENTH = Decimal("0.1")


class Metric(LabeledEnum):
    """What is counted."""

    SIGNED = "signed", "签约"
    STARTED = "started", "开工"
    COMPLETED = "completed", "竣工"
    MONEY = "money", "到位资金"


class Tier(LabeledEnum):
    """The smallest size of a project that counts."""

    ANY = "any", "不分规模"
    YI_1 = "yi1", "1亿元以上"
    YI_5 = "yi5", "5亿元以上"
    YI_10 = "yi10", "10亿元以上"
    YI_20 = "yi20", "20亿元以上"
    YI_50 = "yi50", "50亿元以上"
    YI_100 = "yi100", "100亿元以上"


class TargetMeasure(LabeledEnum):
    """Whether projects are counted, or their investment summed."""

    COUNT = "count", "项目数"
    AMOUNT = "amount", "金额"


# Received money is not recorded yet, so a target of it has no figure.
KIND_OF: Mapping[Metric, str] = {
    Metric.SIGNED: Stage.SIGNED,
    Metric.STARTED: Stage.STARTED,
    Metric.COMPLETED: Stage.COMPLETED,
}
LINES: Mapping[Tier, Decimal] = {
    Tier.YI_1: YI,
    Tier.YI_5: 5 * YI,
    Tier.YI_10: 10 * YI,
    Tier.YI_20: 20 * YI,
    Tier.YI_50: 50 * YI,
    Tier.YI_100: 100 * YI,
}
# REGIME 6: a foreign project by its own line, never by conversion.
USD_LINES: Mapping[Tier, Decimal] = {Tier.YI_5: 3_000 * WAN, Tier.YI_10: 10_000 * WAN}
_LINES_OF = {Currency.CNY: LINES, Currency.USD: USD_LINES}
_ORDER = {tier: place for place, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class Project:
    """A project that reached a milestone, with the unit responsible for it on that date."""

    lead_id: int
    kind: str
    reached_on: date
    amount: Decimal | None  # of an expansion: what it adds (REGIME 6)
    currency: Currency | None
    unit_id: int | None

    def is_of(self, tier: Tier) -> bool:
        """Whether it has at least that size."""
        return _ORDER[tier_of(self.amount, self.currency)] >= _ORDER[tier]


def tier_of(amount: Decimal | None, currency: Currency | None) -> Tier:
    """The largest tier that the investment reaches, by the lines of its own currency."""
    lines = _LINES_OF.get(currency, {}) if currency and amount is not None else {}
    reached = [tier for tier, line in lines.items() if amount is not None and amount >= line]
    return max(reached, key=_ORDER.__getitem__, default=Tier.ANY)


def months_gone(year: int, on: date) -> int:
    """The number of months of the year that ended before the date."""
    return min(max((on.year - year) * MONTHS + on.month - 1, 0), MONTHS)


@dataclass(frozen=True, slots=True)
class Goal:
    """A target: that many projects, or that much investment in yuan."""

    id: int
    year: int
    unit_id: int
    metric: Metric
    tier: Tier
    measure: TargetMeasure
    value: Decimal


@dataclass(frozen=True, slots=True)
class TargetProgress:
    """How far a target has come."""

    goal: Goal
    unit_name: str
    projects: tuple[Project, ...]
    achieved: Decimal | None  # None: what it counts is not recorded yet
    beside: tuple[tuple[Decimal, Currency], ...]  # foreign amounts, never converted
    months: int

    @property
    def percent(self) -> Decimal | None:
        """The achieved share."""
        return None if self.achieved is None else _percent(self.achieved, self.goal.value)

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
    reached: Iterable[Project],
    on: date,
) -> TargetProgress:
    """The progress of the target of these units, on that date."""
    kind = KIND_OF.get(goal.metric)
    counted = tuple(
        project
        for project in reached
        if project.kind == kind and project.unit_id in unit_ids and project.is_of(goal.tier)
    )
    sums: defaultdict[Currency, Decimal] = defaultdict(Decimal)

    for project in counted:
        if project.amount is not None and project.currency:
            sums[project.currency] += project.amount

    # REGIME 6: foreign amounts are never converted, so they stand beside the sum in yuan.
    by_amount = goal.measure is TargetMeasure.AMOUNT
    achieved = sums.pop(Currency.CNY, Decimal(0)) if by_amount else Decimal(len(counted))
    foreign = tuple(
        (sums[currency], currency) for currency in Currency if by_amount and currency in sums
    )
    months = months_gone(goal.year, on)

    return TargetProgress(goal, unit_name, counted, achieved if kind else None, foreign, months)


def _percent(part: Decimal, whole: Decimal) -> Decimal:
    return (100 * part / whole).quantize(TENTH, ROUND_HALF_UP)
