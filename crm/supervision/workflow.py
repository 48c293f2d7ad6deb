"""The workflow of supervision orders as a table: every step, who may take it, whom it tells.

The service, the buttons, what waits for whom, the mails and docs/workflows.md read this table.
"""

from collections.abc import Mapping

from crm.base.enums import LabeledEnum
from crm.base.workflow import Transition, Workflow
from crm.supervision.rules import (
    ANSWERABLE,
    DUE,
    UNDER_WAY,
    WORKING,
    EntryKind,
    OrderState,
)


class Step(LabeledEnum):
    """What may be done with an order."""

    DRAFT = "draft", "起草"
    CHANGE = "change", "修改"
    ISSUE = "issue", "下达"
    DROP = "drop", "不予下达"
    GRANT = "grant", "同意延期"
    REFUSE = "refuse", "不同意延期"
    ACCEPT = "accept", "销号"
    RETURN = "return", "退回续办"
    RECEIVE = "receive", "签收"
    ANSWER = "answer", "反馈办理结果"
    PROGRESS = "progress", "报进展"
    EXTEND = "extend", "申请延期"
    ESCALATE = "escalate", "逾期提级"
    URGE = "urge", "督促"  # leaves no entry: its button is the telephone


class Actor(LabeledEnum):
    """Who somebody is to an order; defined as SQL and as a predicate in `permissions`."""

    OFFICER = "officer", "经办人"
    ISSUER = "issuer", "签发人"
    DRAFTER = "drafter", "拟稿人"
    PERSON = "person", "责任人"
    ASKER = "asker", "延期申请人"
    ANSWERER = "answerer", "反馈人"
    # by scope: supervisors, leaders and admins who have the unit in theirs
    OVERSEER = "overseer", "管辖牵头单位者"
    ABOVE = "overseer from above", "管辖牵头单位上级者"
    ASSISTANT = "assisting overseer", "管辖配合单位者"
    # by posting: supervisors and leaders posted in the unit itself
    LINE = "line of the leading unit", "牵头单位督查、领导"
    RECEIVING_LINE = "line but for the issuer", "牵头单位督查、领导（签发人除外）"
    ASSISTING_LINE = "line of the assisting units", "配合单位督查、领导"
    REACHED = "line of the unit reached", "提级所至单位督查、领导"
    # where nobody else is left: the nearest of the line up the tree, else the admins
    NEAREST = "nearest up the tree", "逐级向上最近的督查、领导"
    NEAREST_ABOVE = "nearest above", "牵头单位之上最近的督查、领导"


class Condition(LabeledEnum):
    """What must hold besides the state."""

    BEFORE_DUE = "before the due date", "到期日之前"
    NOT_ASKED = "no extension asked for", "没有待批的延期"
    ASKED = "an extension asked for", "有待批的延期"
    OVERDUE = "overdue", "已逾期"


class Wait(LabeledEnum):
    """For what an order waits for somebody, the most pressing first."""

    OVERDUE = "overdue", "逾期待督促"
    RECEIVE = "receive", "待签收"
    ANSWER = "answer", "待反馈"
    ISSUE = "issue", "待下达"
    EXTENSION = "extension", "待批延期"
    ACCEPT = "accept", "待销号"


# Nobody decides on an order that is about themselves: hence `but_not=(Actor.PERSON,)` below.
DECIDING = (Actor.OFFICER, Actor.ISSUER, Actor.ABOVE)
ACTING = (Actor.PERSON, Actor.OVERSEER)
TO_LEADING_UNIT = (Actor.PERSON, Actor.ANSWERER, Actor.LINE)

ORDER_WORKFLOW: Workflow[Step, OrderState, Actor, Condition] = Workflow(
    Transition(
        step=Step.DRAFT,
        sources=(),
        target=OrderState.DRAFT,
        by=(Actor.OVERSEER,),
        tells=(Actor.OFFICER,),
    ),
    Transition(
        step=Step.CHANGE,
        sources=(OrderState.DRAFT,),
        by=DECIDING,
        but_not=(Actor.PERSON,),
    ),
    Transition(
        step=Step.ISSUE,
        sources=(OrderState.DRAFT,),
        target=OrderState.ISSUED,
        by=DECIDING,
        but_not=(Actor.PERSON,),
        waits_for=(Actor.OFFICER,),
        else_for=Actor.NEAREST_ABOVE,
        tells=(Actor.PERSON, Actor.RECEIVING_LINE, Actor.ASSISTING_LINE),
        due=tuple(DUE.values()),
    ),
    Transition(
        step=Step.DROP,
        sources=(OrderState.DRAFT,),
        target=OrderState.DROPPED,
        by=DECIDING,
        but_not=(Actor.PERSON,),
        tells=(Actor.DRAFTER,),
    ),
    Transition(
        step=Step.RECEIVE,
        sources=(OrderState.ISSUED,),
        target=OrderState.RECEIVED,
        by=ACTING,
        waits_for=(Actor.PERSON, Actor.RECEIVING_LINE),
        else_for=Actor.NEAREST,
    ),
    Transition(
        step=Step.PROGRESS,
        sources=sorted(UNDER_WAY),
        by=(*ACTING, Actor.ASSISTANT),
    ),
    Transition(
        step=Step.EXTEND,
        sources=sorted(WORKING),
        by=ACTING,
        # REGIME 5: asked for before the due date, or the first date stands
        when=(Condition.BEFORE_DUE, Condition.NOT_ASKED),
        tells=(Actor.OFFICER, Actor.ISSUER),
    ),
    Transition(
        step=Step.GRANT,
        sources=sorted(WORKING),
        by=DECIDING,
        but_not=(Actor.PERSON,),
        another_than=Actor.ASKER,
        when=(Condition.ASKED,),
        waits_for=(Actor.OFFICER, Actor.ISSUER),
        else_for=Actor.NEAREST_ABOVE,
        tells=TO_LEADING_UNIT,
    ),
    Transition(
        step=Step.REFUSE,
        sources=sorted(WORKING),
        by=DECIDING,
        but_not=(Actor.PERSON,),
        another_than=Actor.ASKER,
        when=(Condition.ASKED,),
        tells=TO_LEADING_UNIT,
    ),
    Transition(
        step=Step.ANSWER,
        sources=sorted(ANSWERABLE),
        target=OrderState.ANSWERED,
        by=ACTING,
        waits_for=(Actor.PERSON, Actor.RECEIVING_LINE),
        else_for=Actor.NEAREST,
        tells=(Actor.OFFICER, Actor.ISSUER),
    ),
    Transition(
        step=Step.ACCEPT,
        sources=(OrderState.ANSWERED,),
        target=OrderState.ACCEPTED,
        by=DECIDING,
        but_not=(Actor.PERSON,),
        # REGIME 5: accepted by another than the one who answered
        another_than=Actor.ANSWERER,
        waits_for=(Actor.OFFICER, Actor.ISSUER),
        else_for=Actor.NEAREST_ABOVE,
        tells=TO_LEADING_UNIT,
    ),
    Transition(
        step=Step.RETURN,
        sources=(OrderState.ANSWERED,),
        target=OrderState.RETURNED,
        by=DECIDING,
        but_not=(Actor.PERSON,),
        another_than=Actor.ANSWERER,
        tells=TO_LEADING_UNIT,
    ),
    Transition(
        # without `by`: the clock alone takes it
        step=Step.ESCALATE,
        sources=sorted(WORKING),
        when=(Condition.OVERDUE,),
        tells=(Actor.REACHED,),
    ),
    Transition(
        step=Step.URGE,
        sources=sorted(WORKING),
        by=(Actor.REACHED, Actor.ABOVE),
        when=(Condition.OVERDUE,),
        waits_for=(Actor.REACHED,),
        else_for=Actor.NEAREST_ABOVE,
    ),
)

# What is decided about work of others, who may add to it until then.
DECISIONS = frozenset(row.step for row in ORDER_WORKFLOW if row.by == DECIDING)
# What the side does that acts; all else does the side that decides.
STEPS_OF_UNIT = frozenset({Step.RECEIVE, Step.ANSWER, Step.PROGRESS, Step.EXTEND})
STEP_OF_WAIT: Mapping[Wait, Step] = {
    Wait.OVERDUE: Step.URGE,
    Wait.RECEIVE: Step.RECEIVE,
    Wait.ANSWER: Step.ANSWER,
    Wait.ISSUE: Step.ISSUE,
    Wait.EXTENSION: Step.GRANT,
    Wait.ACCEPT: Step.ACCEPT,
}
ENTRY_OF_STEP: Mapping[Step, EntryKind] = {
    Step.DRAFT: EntryKind.DRAFTED,
    Step.CHANGE: EntryKind.CHANGED,
    Step.ISSUE: EntryKind.ISSUED,
    Step.DROP: EntryKind.DROPPED,
    Step.RECEIVE: EntryKind.RECEIVED,
    Step.PROGRESS: EntryKind.PROGRESS,
    Step.EXTEND: EntryKind.EXTENSION_ASKED,
    Step.GRANT: EntryKind.EXTENSION_GRANTED,
    Step.REFUSE: EntryKind.EXTENSION_REFUSED,
    Step.ANSWER: EntryKind.ANSWERED,
    Step.ACCEPT: EntryKind.ACCEPTED,
    Step.RETURN: EntryKind.RETURNED,
    Step.ESCALATE: EntryKind.ESCALATED,
}
STEP_OF_ENTRY: Mapping[EntryKind, Step] = {entry: step for step, entry in ENTRY_OF_STEP.items()}
