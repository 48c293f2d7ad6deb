"""The workflow of problems as a table: every step, who may take it, whom it tells (PROJECTS 5).

The service, the buttons, what waits for whom, the mails and docs/workflows.md read this table.
"""

from collections.abc import Mapping

from crm.base.enums import LabeledEnum
from crm.base.workflow import Transition, Workflow
from crm.problems.rules import TAKE_WITHIN, UNTAKEN, WORKING, EntryKind, ProblemState


class Step(LabeledEnum):
    """What may be done with a problem."""

    RAISE = "raise", "提出"
    TAKE = "take", "受理"
    PASS_ON = "pass_on", "转办"
    REFER = "refer", "提请统筹单位明确"
    ASSIGN = "assign", "明确承办单位"
    SOLVE = "solve", "报送已解决"
    PROGRESS = "progress", "报进展"
    CLOSE = "close", "确认销号"
    RETURN = "return", "退回续办"
    SHELVE = "shelve", "暂缓"
    RESUME = "resume", "恢复办理"
    LOOK_AGAIN = "look_again", "到期恢复办理"
    WITHDRAW = "withdraw", "撤回"
    NAME = "name", "指定办理人"


class Actor(LabeledEnum):
    """Who somebody is to a problem; defined as SQL and as a predicate in `permissions`."""

    RAISER = "raiser", "提出人"
    OWNER = "owner", "承办人"
    SOLVER = "solver", "报送已解决者"
    TRACKER = "tracker", "线索的跟踪责任人"
    OFFICER = "officer", "统筹单位经办人"
    # by scope: supervisors, leaders and admins who have the unit in theirs
    OVERSEER = "overseer", "管辖承办单位者"
    ASSISTANT = "assisting overseer", "管辖协办单位者"
    # by posting: supervisors and leaders posted in the unit itself
    LINE = "line of the owner unit", "承办单位督查、领导"
    ASSISTING_LINE = "line of the assisting units", "协办单位督查、领导"
    # while it has no owner yet, and nobody there is a supervisor or leader
    MEMBER = "member of an owner unit without line", "承办单位人员（无督查、领导时）"
    # where nobody else is left
    NEAREST = "nearest up the tree", "逐级向上最近的督查、领导"
    CONFIRMER = "raiser's supervisor, then an officer", "提出人的督查人员，其次统筹单位经办人"
    NAMED = "named for the case", "系统管理员指定的办理人"
    ADMIN = "admin", "系统管理员"


class Condition(LabeledEnum):
    """What must hold besides the state."""

    PASSES_LEFT = "passed on less than twice", "转办未满两次"
    PASSED_TWICE = "passed on twice", "已转办两次"
    NOT_REFERRED = "not before the officers", "尚未提请统筹单位"
    REFERRED = "before the officers", "已提请统筹单位"
    NOBODY = "nobody left to act", "无人可办"


class Wait(LabeledEnum):
    """For what a problem waits for somebody, the most pressing first."""

    TAKE = "take", "待受理"
    ASSIGN = "assign", "待明确承办单位"
    SOLVE = "solve", "待解决"
    CLOSE = "close", "待确认销号"
    NAME = "name", "待指定办理人"


ACTING = (Actor.OWNER, Actor.OVERSEER, Actor.MEMBER, Actor.NAMED)
CONFIRMING = (Actor.RAISER, Actor.TRACKER, Actor.CONFIRMER, Actor.NAMED)
TO_OWNER = (Actor.OWNER, Actor.LINE, Actor.MEMBER)
OWN_TASK = (*TO_OWNER, Actor.NAMED)

PROBLEM_WORKFLOW: Workflow[Step, ProblemState, Actor, Condition] = Workflow(
    Transition(
        step=Step.RAISE,
        sources=(),
        target=ProblemState.RAISED,
        by=(Actor.RAISER,),
        tells=(*TO_OWNER, Actor.ASSISTING_LINE),
        due=(TAKE_WITHIN,),
    ),
    Transition(
        step=Step.TAKE,
        sources=sorted(UNTAKEN),
        target=ProblemState.TAKEN,
        by=ACTING,
        waits_for=OWN_TASK,
        else_for=Actor.NEAREST,
        tells=(Actor.RAISER, Actor.OWNER),
    ),
    Transition(
        step=Step.PASS_ON,
        sources=sorted(UNTAKEN),
        target=ProblemState.PASSED_ON,
        by=ACTING,
        when=(Condition.PASSES_LEFT,),
        tells=(*TO_OWNER, Actor.RAISER),
        due=(TAKE_WITHIN,),
    ),
    Transition(
        # the third time the unit names nobody itself
        step=Step.REFER,
        sources=(ProblemState.PASSED_ON,),
        by=ACTING,
        when=(Condition.PASSED_TWICE, Condition.NOT_REFERRED),
        tells=(Actor.OFFICER,),
    ),
    Transition(
        step=Step.ASSIGN,
        sources=(ProblemState.PASSED_ON,),
        by=(Actor.OFFICER, Actor.NAMED),
        but_not=(Actor.OWNER,),
        when=(Condition.REFERRED,),
        waits_for=(Actor.OFFICER, Actor.NAMED),
        tells=(*TO_OWNER, Actor.RAISER),
        due=(TAKE_WITHIN,),
    ),
    Transition(
        step=Step.SOLVE,
        sources=(ProblemState.TAKEN,),
        target=ProblemState.SOLVED,
        by=ACTING,
        waits_for=OWN_TASK,
        else_for=Actor.NEAREST,
        tells=(Actor.RAISER, Actor.TRACKER),
    ),
    Transition(
        step=Step.PROGRESS,
        sources=(ProblemState.TAKEN,),
        by=(*ACTING, Actor.ASSISTANT),
    ),
    Transition(
        step=Step.CLOSE,
        sources=(ProblemState.SOLVED,),
        target=ProblemState.CLOSED,
        by=CONFIRMING,
        but_not=(Actor.OWNER,),
        another_than=Actor.SOLVER,
        waits_for=(Actor.RAISER, Actor.TRACKER, Actor.NAMED),
        else_for=Actor.CONFIRMER,
        tells=TO_OWNER,
    ),
    Transition(
        step=Step.RETURN,
        sources=(ProblemState.SOLVED,),
        target=ProblemState.TAKEN,
        by=CONFIRMING,
        but_not=(Actor.OWNER,),
        another_than=Actor.SOLVER,
        tells=TO_OWNER,
    ),
    Transition(
        step=Step.SHELVE,
        sources=(ProblemState.RAISED, ProblemState.TAKEN),
        target=ProblemState.SHELVED,
        by=(Actor.OFFICER,),
        but_not=(Actor.OWNER,),
        tells=(*TO_OWNER, Actor.RAISER),
    ),
    Transition(
        step=Step.RESUME,
        sources=(ProblemState.SHELVED,),
        target=ProblemState.TAKEN,
        by=(Actor.OFFICER,),
        but_not=(Actor.OWNER,),
        tells=(*TO_OWNER, Actor.RAISER),
    ),
    Transition(
        # without `by`: the clock alone takes it, on the date to look again
        step=Step.LOOK_AGAIN,
        sources=(ProblemState.SHELVED,),
        target=ProblemState.TAKEN,
        tells=(*TO_OWNER, Actor.RAISER),
    ),
    Transition(
        step=Step.WITHDRAW,
        sources=(ProblemState.RAISED,),
        target=ProblemState.WITHDRAWN,
        by=(Actor.RAISER,),
        tells=TO_OWNER,
    ),
    Transition(
        # PROJECTS 0: where nobody is left to act, an admin names somebody
        step=Step.NAME,
        sources=(*sorted(WORKING), ProblemState.SOLVED),
        by=(Actor.ADMIN,),
        when=(Condition.NOBODY,),
        waits_for=(Actor.ADMIN,),
        tells=(Actor.NAMED,),
    ),
)

STEP_OF_WAIT: Mapping[Wait, Step] = {
    Wait.TAKE: Step.TAKE,
    Wait.ASSIGN: Step.ASSIGN,
    Wait.SOLVE: Step.SOLVE,
    Wait.CLOSE: Step.CLOSE,
    Wait.NAME: Step.NAME,
}
# A return to work is one entry, whether an officer or the clock takes it up again.
ENTRY_OF_STEP: Mapping[Step, EntryKind] = {
    Step.RAISE: EntryKind.RAISED,
    Step.TAKE: EntryKind.TAKEN,
    Step.PASS_ON: EntryKind.PASSED_ON,
    Step.REFER: EntryKind.REFERRED,
    Step.ASSIGN: EntryKind.ASSIGNED,
    Step.SOLVE: EntryKind.SOLVED,
    Step.PROGRESS: EntryKind.PROGRESS,
    Step.CLOSE: EntryKind.CLOSED,
    Step.RETURN: EntryKind.RETURNED,
    Step.SHELVE: EntryKind.SHELVED,
    Step.LOOK_AGAIN: EntryKind.RESUMED,
    Step.RESUME: EntryKind.RESUMED,
    Step.WITHDRAW: EntryKind.WITHDRAWN,
    Step.NAME: EntryKind.NAMED,
}
STEP_OF_ENTRY: Mapping[EntryKind, Step] = {entry: step for step, entry in ENTRY_OF_STEP.items()}
