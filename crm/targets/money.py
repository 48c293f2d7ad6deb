"""The progress of targets of money, by what was recognised of it (PROJECTS 8 and 11). Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from crm.base.money import Currency
from crm.leads.tiers import TierLines
from crm.results.basis import Basis
from crm.results.money_figures import CountedMoney
from crm.results.receipt_rules import Line
from crm.targets.money_share import MoneyShare
from crm.targets.rules import KIND_OF, Goal, Metric, Project, TargetProgress

LINE_OF = {Metric.MONEY: Line.DOMESTIC, Metric.FOREIGN: Line.FOREIGN}
METRIC_OF = {line: metric for metric, line in LINE_OF.items()}


def money_of(
    goal: Goal,
    money: Iterable[CountedMoney],
    unit_ids: frozenset[int | None],
    lines: TierLines,
) -> list[CountedMoney]:
    """The receipts of these units in the target's line, of projects of its size."""
    return [
        fact
        for fact in money
        if fact.line is LINE_OF[goal.metric]
        and fact.unit_id in unit_ids
        and lines.tier_of(*fact.total, fact.on).reaches(goal.tier)
    ]


def with_money(
    progress: TargetProgress,
    money: Iterable[CountedMoney],
    unit_ids: frozenset[int | None],
    lines: TierLines,
) -> TargetProgress:
    """The same with what arrived for these units, in the currency of the target's line."""
    own = money_of(progress.goal, money, unit_ids, lines)
    amounts = [(fact.amount or Decimal(0), fact.basis) for fact in own]
    waiting = (amount for amount, basis in amounts if basis is Basis.WAITING)

    return replace(
        progress,
        achieved=sum((fact.recognised for fact in own), Decimal(0)),
        registered=sum((amount for amount, _ in amounts), Decimal(0)),
        waiting=sum(waiting, Decimal(0)),
    )


def money_share(
    reached: Iterable[Project], money: Iterable[CountedMoney], unit_ids: frozenset[int | None]
) -> MoneyShare:
    """The share of the projects that these units signed; their money counts from the first day."""
    signed = {
        row.lead_id: row
        for row in reached
        if row.kind == KIND_OF[Metric.SIGNED] and row.unit_id in unit_ids
        # PROJECTS 7: as in 履约率, an expansion below the line is no project of its own
        if row.counts and row.stands_alone
    }
    amounts: defaultdict[Currency | None, Decimal] = defaultdict(Decimal)
    for row in signed.values():
        amounts[row.currency] += row.counted_amount or Decimal(0)

    arrived = dict.fromkeys(Line, Decimal(0))
    without_rate = 0
    for fact in money:
        if fact.lead_id in signed:
            arrived[fact.line] += fact.recognised
            without_rate += fact.amount is None

    others = (currency for currency in Currency if currency is not Currency.CNY)
    return MoneyShare(
        signed=len(signed),
        amount=amounts[Currency.CNY],
        arrived=arrived[Line.DOMESTIC],
        foreign=arrived[Line.FOREIGN],
        other_amounts=tuple((amounts[one], one) for one in others if amounts[one]),
        without_amount=sum(row.counted_amount is None for row in signed.values()),
        without_rate=without_rate,
    )
