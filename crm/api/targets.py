"""Annual targets with their progress, as the board shows them (REGIME 1, PROJECTS 7, 11)."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainSerializer

from crm.api.call import Call
from crm.api.models import AskedInQuery, Money, Shown
from crm.api.operations import Resource
from crm.base.money import Currency
from crm.base.typed_dates import YEARS
from crm.leads.tiers import Tier
from crm.people.queries import unit_tree
from crm.people.rules import OF_BOARDS
from crm.targets.in_hand import MEANING, InHand
from crm.targets.queries import target_progress
from crm.targets.rules import Metric, TargetMeasure, TargetProgress

targets = Resource("targets", "年度目标")
Figure = Annotated[Decimal, PlainSerializer(lambda value: f"{value:f}", return_type=str)]


class TargetQuery(AskedInQuery):
    year: Annotated[int, Field(ge=YEARS[0], le=YEARS[-1])] | None = Field(
        None, description="年度；留空为本年"
    )


class InHandShown(Shown):
    """The projects from which signings may still come."""

    count: int = Field(description="个数，含不在本人知悉范围内的")
    amounts: list[Money] = Field(description="总投资，按币种，不折算")


class TargetShown(Shown):
    id: int | None = Field(description="未下达目标的为空")
    unit: str = Field(description="单位编号")
    metric: Metric
    tier: Tier = Field(description="项目规模")
    measure: TargetMeasure = Field(description="count 为个数，amount 为金额")
    currency: Currency = Field(description="金额的币种")
    goal: Figure | None = Field(description="目标")
    registered: Figure | None = Field(description="登记，含待认定和已认定")
    waiting: Figure = Field(description="已申报待认定")
    recognised: Figure | None = Field(description="已认定，即完成数")
    beside: list[Money] = Field(description="以其他币种计的，另列，不折算")
    percent: Figure | None = Field(description="完成进度（%）")
    pace: Figure = Field(description="序时进度（%）")
    points: Figure | None = Field(description="超前的百分点；落后为负")
    in_hand: InHandShown | None = Field(description=f"签约目标的在手项目。{MEANING}")


class Targets(Shown):
    """The targets of the units of the caller, by unit."""

    year: int
    items: list[TargetShown]


@targets.get("/targets", "本人所辖单位一年的目标及进度", roles=OF_BOARDS)
def listing(call: Call, query: TargetQuery) -> Targets:
    year, units = query.year or call.on.year, unit_tree(call.db)
    found = target_progress(
        call.db,
        units=units,
        seen=call.viewer.unit_ids,
        year=year,
        last=call.on,
        before=call.on,
        at=call.now,
    )
    codes = {node.unit.id: node.unit.code for node in units}
    rows = [_shown(progress, codes[progress.goal.unit_id]) for progress in found]
    return Targets(year=year, items=rows)


def _shown(progress: TargetProgress, unit: str) -> TargetShown:
    goal = progress.goal
    same = ("registered", "waiting", "percent", "pace", "points")
    return TargetShown(
        **{name: getattr(progress, name) for name in same},
        **{name: getattr(goal, name) for name in ("id", "metric", "tier", "measure", "currency")},
        unit=unit,
        goal=goal.value,
        recognised=progress.achieved,
        beside=[Money(amount=amount, currency=currency) for amount, currency in progress.beside],
        in_hand=_in_hand(progress.in_hand) if progress.in_hand else None,
    )


def _in_hand(part: InHand) -> InHandShown:
    amounts = [Money(amount=amount, currency=currency) for amount, currency in part.amounts]
    return InHandShown(count=part.count, amounts=amounts)
