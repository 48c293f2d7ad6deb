"""The progress of targets of money, by what was recognised of it (PROJECTS 8 and 11). Pure."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from crm.results.basis import Basis
from crm.results.money_figures import CountedMoney
from crm.results.receipt_rules import Line
from crm.targets.rules import Metric, TargetProgress, Tier, tier_of

LINE_OF = {Metric.MONEY: Line.DOMESTIC, Metric.FOREIGN: Line.FOREIGN}
_TIERS = list(Tier)


def with_money(
    progress: TargetProgress, money: Iterable[CountedMoney], unit_ids: frozenset[int | None]
) -> TargetProgress:
    """The same with what arrived for these units, in the currency of the target's line."""
    goal = progress.goal
    own = [
        fact
        for fact in money
        if fact.line is LINE_OF[goal.metric]
        and fact.unit_id in unit_ids
        and _TIERS.index(tier_of(*fact.total)) >= _TIERS.index(goal.tier)
    ]
    waiting = (fact.amount for fact in own if fact.basis is Basis.WAITING)

    return replace(
        progress,
        achieved=sum((fact.recognised for fact in own), Decimal(0)),
        registered=sum((fact.amount for fact in own), Decimal(0)),
        waiting=sum(waiting, Decimal(0)),
    )
