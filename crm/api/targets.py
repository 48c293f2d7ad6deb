"""Annual targets with their progress, as the board shows them (REGIME 1, PROJECTS 7, 11)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, PlainSerializer

from crm.api.call import Call, found
from crm.api.models import AskedInQuery, LeadNamed, Money, RowId, Shown
from crm.api.operations import Resource
from crm.base.money import Currency
from crm.base.typed_dates import YEARS
from crm.leads.queries import refs_by_id
from crm.leads.redaction import lead_labels
from crm.leads.tiers import Tier
from crm.people.queries import unit_tree
from crm.people.rules import OF_BOARDS, OVERSEEING
from crm.results.basis import Basis
from crm.results.rules import MILESTONE_OF, ClaimKind
from crm.targets.in_hand import MEANING, InHand
from crm.targets.models import Target
from crm.targets.queries import target_progress
from crm.targets.rules import Goal, Metric, Project, TargetMeasure, TargetProgress

targets = Resource("targets", "年度目标")
_KINDS = {milestone: kind for kind, milestone in MILESTONE_OF.items()}
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


class TargetProject(Shown):
    """A project that a target is about."""

    lead: LeadNamed
    reached_on: date
    milestone: ClaimKind | None = Field(description="达到的节点")
    amount: Money | None = Field(description="计入的总投资；不计入的为登记的总投资")
    unit: str | None = Field(description="责任单位的编号")
    basis: Basis = Field(description="按登记、已认定、待认定等")
    counts: bool = Field(description="是否计入完成数")
    expands: bool = Field(description="增资扩产，金额为增量")
    claim_id: int | None


class TargetInDetail(TargetShown):
    """One target with the projects that it is about."""

    projects: list[TargetProject] = Field(description="后达到的在前")
    hidden: int = Field(description="不在本人知悉范围内、未列出的项目数")


class Targets(Shown):
    """The targets of the units of the caller, by unit."""

    year: int
    items: list[TargetShown]


@targets.get("/targets", "本人所辖单位一年的目标及进度", roles=OF_BOARDS)
def listing(call: Call, query: TargetQuery) -> Targets:
    year, codes = query.year or call.on.year, _unit_codes(call)
    rows = [TargetShown(**_columns(row, codes)) for row in _progress(call, year)]
    return Targets(year=year, items=rows)


@targets.get("/targets/{target_id}", "一项目标及其项目", roles=OVERSEEING)
def show(call: Call, target_id: RowId) -> TargetInDetail:
    target = found(call.db.get(Target, target_id))
    of_year = _progress(call, target.year)
    progress = found(next((row for row in of_year if row.goal.id == target_id), None))

    listed = (*progress.projects, *progress.below, *progress.apart)
    labels = lead_labels(call.db, call.viewer, [row.lead_id for row in listed], call.on)
    # REGIME 2: what is hidden counts, and is not listed
    seen = [row for row in listed if labels[row.lead_id].id is not None]
    refs, codes = refs_by_id(call.db, {row.lead_id for row in seen}), _unit_codes(call)
    latest = sorted(seen, key=lambda row: row.reached_on, reverse=True)
    return TargetInDetail(
        **_columns(progress, codes),
        projects=[
            _project(row, progress.goal, LeadNamed.of(labels[row.lead_id], refs), codes)
            for row in latest
        ],
        hidden=len(listed) - len(seen),
    )


def _progress(call: Call, year: int) -> list[TargetProgress]:
    return target_progress(
        call.db,
        units=unit_tree(call.db),
        seen=call.viewer.unit_ids,
        year=year,
        last=call.on,
        before=call.on,
        at=call.now,
    )


def _unit_codes(call: Call) -> dict[int, str]:
    return {node.unit.id: node.unit.code for node in unit_tree(call.db)}


def _columns(progress: TargetProgress, codes: Mapping[int, str]) -> dict[str, Any]:
    goal = progress.goal
    same = ("registered", "waiting", "percent", "pace", "points")
    of_goal = ("id", "metric", "tier", "measure", "currency")
    return {
        **{name: getattr(progress, name) for name in same},
        **{name: getattr(goal, name) for name in of_goal},
        "unit": codes[goal.unit_id],
        "goal": goal.value,
        "recognised": progress.achieved,
        "beside": [Money(amount=amount, currency=currency) for amount, currency in progress.beside],
        "in_hand": _in_hand(progress.in_hand) if progress.in_hand else None,
    }


def _project(row: Project, goal: Goal, lead: LeadNamed, codes: Mapping[int, str]) -> TargetProject:
    same = ("reached_on", "basis", "expands", "claim_id")
    return TargetProject(
        **{name: getattr(row, name) for name in same},
        lead=lead,
        milestone=_KINDS.get(row.kind),
        amount=Money.of(row.counted_amount if row.counts else row.amount, row.currency),
        unit=codes.get(row.unit_id or 0),
        counts=row.counts_for(goal) and goal.adds(row.currency),
    )


def _in_hand(part: InHand) -> InHandShown:
    amounts = [Money(amount=amount, currency=currency) for amount, currency in part.amounts]
    return InHandShown(count=part.count, amounts=amounts)
