"""What a lead's page offers behind 「更多」, in groups, what stops the lead last."""

from collections.abc import Iterable

from flask import url_for

from crm.base.value_class import value_class
from crm.leads.milestone_kinds import Kinds
from crm.leads.models import Lead
from crm.leads.rules import FINAL, next_stages


@value_class
class MenuItem:
    """One action, which leads to its form."""

    label: str
    url: str


@value_class
class MenuGroup:
    """Actions under one heading."""

    title: str
    items: list[MenuItem]
    is_dangerous: bool = False


def change_groups(
    lead: Lead, kinds: Kinds, next_kind: str | None, *, has_plannable: bool
) -> list[MenuGroup]:
    """What whoever may change the lead can do besides the next stage."""
    reached = {step.kind for step in lead.milestones}
    edits = [
        MenuItem("修改信息", url_for("leads.edit", lead_id=lead.id)),
        MenuItem("调整分工", form_url(lead.id, "role")),
        MenuItem("推荐载体", form_url(lead.id, "site")),
    ]
    if has_plannable:
        edits.append(MenuItem("安排计划节点", form_url(lead.id, "plan")))
        edits.append(MenuItem("倒排工期", url_for("leads.preview_plans", lead_id=lead.id)))
    edits.append(MenuItem("登记到资", url_for("receipts.new", lead_id=lead.id)))

    stages = (stage.value for stage in next_stages(lead.stage) if stage != next_kind)
    side = (code for code in kinds.side if code not in reached)
    groups = [
        MenuGroup("信息与分工", edits),
        MenuGroup("其他阶段", _steps(lead, kinds, stages)),
        MenuGroup("其他节点", _steps(lead, kinds, side)),
        # a parked lead may still be lost, and the other way round
        MenuGroup(
            "停止推进",
            _steps(lead, kinds, sorted(kind for kind in FINAL if kind != lead.stage)),
            is_dangerous=True,
        ),
    ]
    return [group for group in groups if group.items]


def overseer_groups(lead: Lead, *, may_merge: bool) -> list[MenuGroup]:
    """What whoever oversees people can do with the lead."""
    items = [MenuItem("起草督办单", url_for("supervision.new", lead=lead.id))]
    if may_merge:
        merging = url_for("merges.choose", subject="lead", record_id=lead.id)
        items.append(MenuItem("合并重复线索", merging))
    return [MenuGroup("督办与合并" if may_merge else "督办", items)]


def form_url(lead_id: int, form: str) -> str:
    """The lead's page with that form open."""
    return url_for("leads.show", lead_id=lead_id, open=form)


def _steps(lead: Lead, kinds: Kinds, codes: Iterable[str]) -> list[MenuItem]:
    return [MenuItem(kinds.names[code], form_url(lead.id, f"reach-{code}")) for code in codes]
