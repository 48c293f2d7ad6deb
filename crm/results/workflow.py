"""The workflow of claims as a table: every step, who may take it, whom it tells (PROJECTS 7).

The service, the buttons, what waits for whom, the mails and docs/workflows.md read this table.
"""

from collections.abc import Mapping

from crm.base.enums import LabeledEnum
from crm.base.workflow import Situation, Transition, Workflow
from crm.results.rules import DECIDED_IN, ClaimState


class Step(LabeledEnum):
    """What may be done with a claim."""

    CLAIM = "claim", "申报"
    CLAIM_AGAIN = "claim_again", "补正后再次申报"
    WITHDRAW = "withdraw", "撤回申报"
    RECOGNISE = "recognise", "认定"
    RETURN = "return", "退回补正"
    REVOKE = "revoke", "取消认定"
    FLAG = "flag", "提示复核"
    CONFIRM = "confirm", "复核无误"
    NAME = "name", "指定认定人"


class Actor(LabeledEnum):
    """Who somebody is to a claim; defined as SQL and as a predicate in `permissions`."""

    CLAIMANT = "claimant", "申报人"
    TRACKER = "tracker", "跟踪责任人"
    HEAD = "head of the task force", "专班负责人"
    LEADER = "attached leader", "挂钩领导"
    SUPERVISOR = "supervisor in charge", "管辖责任单位的督查人员"
    OF_UNIT = "posted in the responsible unit", "在责任单位任职者"
    RECOGNISER = "recogniser", "认定人"
    ADMIN = "admin", "系统管理员"


class Condition(LabeledEnum):
    """What must hold besides the state."""

    FLAGGED = "flagged for review", "待复核"
    NOBODY = "nobody left to decide", "无人可认定"


class Wait(LabeledEnum):
    """For what a claim waits for somebody, the most pressing first."""

    DECIDE = "decide", "待认定"
    AGAIN = "again", "退回待补正"
    REVIEW = "review", "已认定待复核"
    NAME = "name", "待指定认定人"


# PROJECTS 7: nobody decides on what they claimed, track, lead or answer for
PARTIES = (Actor.TRACKER, Actor.LEADER, Actor.OF_UNIT)
CLAIMING = (Actor.TRACKER, Actor.HEAD, Actor.SUPERVISOR)

ClaimSituation = Situation[ClaimState, Actor, Condition]
CLAIM_WORKFLOW: Workflow[Step, ClaimState, Actor, Condition] = Workflow(
    Transition(
        step=Step.CLAIM,
        sources=(),
        target=ClaimState.CLAIMED,
        by=CLAIMING,
        tells=(Actor.RECOGNISER,),
        due=(DECIDED_IN,),
    ),
    Transition(
        step=Step.CLAIM_AGAIN,
        sources=(ClaimState.RETURNED,),
        target=ClaimState.CLAIMED,
        by=CLAIMING,
        waits_for=(Actor.CLAIMANT, Actor.TRACKER),
        tells=(Actor.RECOGNISER,),
        due=(DECIDED_IN,),
    ),
    Transition(
        step=Step.RECOGNISE,
        sources=(ClaimState.CLAIMED,),
        target=ClaimState.RECOGNISED,
        by=(Actor.RECOGNISER,),
        but_not=PARTIES,
        another_than=Actor.CLAIMANT,
        waits_for=(Actor.RECOGNISER,),
        else_for=Actor.ADMIN,
        tells=(Actor.CLAIMANT, Actor.TRACKER),
    ),
    Transition(
        step=Step.RETURN,
        sources=(ClaimState.CLAIMED,),
        target=ClaimState.RETURNED,
        by=(Actor.RECOGNISER,),
        but_not=PARTIES,
        another_than=Actor.CLAIMANT,
        tells=(Actor.CLAIMANT, Actor.TRACKER),
    ),
    Transition(
        step=Step.WITHDRAW,
        sources=(ClaimState.CLAIMED, ClaimState.RETURNED),
        target=ClaimState.WITHDRAWN,
        by=CLAIMING,
        tells=(Actor.CLAIMANT, Actor.TRACKER),
    ),
    Transition(
        # without `by`: the clock alone takes it, where a date or an amount was changed
        step=Step.FLAG,
        sources=(ClaimState.RECOGNISED,),
        tells=(Actor.RECOGNISER,),
        due=(DECIDED_IN,),
    ),
    Transition(
        step=Step.CONFIRM,
        sources=(ClaimState.RECOGNISED,),
        by=(Actor.RECOGNISER,),
        but_not=PARTIES,
        another_than=Actor.CLAIMANT,
        when=(Condition.FLAGGED,),
        waits_for=(Actor.RECOGNISER,),
        else_for=Actor.ADMIN,
        tells=(Actor.CLAIMANT, Actor.TRACKER),
    ),
    Transition(
        step=Step.REVOKE,
        sources=(ClaimState.RECOGNISED,),
        target=ClaimState.REVOKED,
        by=(Actor.RECOGNISER,),
        but_not=PARTIES,
        another_than=Actor.CLAIMANT,
        tells=(Actor.CLAIMANT, Actor.TRACKER),
    ),
    Transition(
        step=Step.NAME,
        sources=(ClaimState.CLAIMED, ClaimState.RECOGNISED),
        by=(Actor.ADMIN,),
        when=(Condition.NOBODY,),
        waits_for=(Actor.ADMIN,),
        tells=(Actor.RECOGNISER,),
    ),
)

DECIDING = (Step.RECOGNISE, Step.RETURN, Step.CONFIRM, Step.REVOKE)
STEP_OF_WAIT: Mapping[Wait, Step] = {
    Wait.DECIDE: Step.RECOGNISE,
    Wait.AGAIN: Step.CLAIM_AGAIN,
    Wait.REVIEW: Step.CONFIRM,
    Wait.NAME: Step.NAME,
}
