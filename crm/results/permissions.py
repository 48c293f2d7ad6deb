"""Who may see and do what with a claim: SQL conditions and predicates (PROJECTS 0 and 7).

`actor_conditions` and `situation_of` define each actor twice, for lists and for one claim;
tests/results/test_workflow.py compares them.
"""

from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, exists, false, not_, or_, select, true
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.base.workflow import Obstacle, Situation
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.permissions import visible as visible_leads
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person
from crm.people.permissions import Viewer, viewer
from crm.people.queries import unit_tree, units_above, units_below, units_held
from crm.people.rules import WITH_RECORDS, Role
from crm.results.deciders import deciders
from crm.results.models import Claim, ClaimEntry
from crm.results.rules import OPEN, ClaimKind, ClaimState
from crm.results.settings import kind_rows
from crm.results.workflow import CLAIM_WORKFLOW, CLAIMING, Actor, ClaimSituation, Condition, Step

ROLES = {
    Actor.TRACKER: LeadRoleKind.TRACKER,
    Actor.HEAD: LeadRoleKind.TASK_FORCE_HEAD,
    Actor.LEADER: LeadRoleKind.ATTACHED_LEADER,
}
CLAIMED_BY = (Step.CLAIM, Step.CLAIM_AGAIN)


@value_class
class ClaimScope:
    """A viewer on a date, with what decides who they are to claims."""

    viewer: Viewer
    on: date
    kinds: frozenset[ClaimKind]  # which they recognise
    line: frozenset[int]  # the units of their postings and all above these


def claim_scope(db: Session, me: Viewer, on: date) -> ClaimScope:
    """The scope of a viewer."""
    if me.role not in WITH_RECORDS:
        return ClaimScope(me, on, frozenset(), frozenset())

    tree = me.tree or unit_tree(db)
    posted = remembered_long(
        *(db, "units of postings", me.person_id, on),
        read=lambda: units_held(db, [me.person_id], on)[me.person_id],
    )
    kinds = {
        kind
        for kind, row in kind_rows(db).items()
        if row.unit_id and not posted.isdisjoint(units_below(tree, {row.unit_id}))
    }
    line = {unit for own in posted for unit in units_above(tree, own)}

    recognised = kinds if me.role is Role.SUPERVISOR else ()
    return ClaimScope(me, on, frozenset(recognised), frozenset(line))


# who may see a claim


def visible(scope: ClaimScope) -> ColumnElement[bool]:
    """Claims on leads that the viewer may see, and those that are theirs to decide."""
    if scope.viewer.role not in WITH_RECORDS:
        return false()
    seen = exists().where(Lead.id == Claim.lead_id, visible_leads(scope.viewer, scope.on))
    return or_(seen, _recogniser(scope))


def visible_to(scope: ClaimScope) -> Select[Claim]:
    """The claims that the viewer may see."""
    return select(Claim).where(visible(scope))


def may_see(db: Session, scope: ClaimScope, claim_id: int) -> bool:
    """Whether the viewer may see the claim."""
    return db.scalar(select(Claim.id).where(Claim.id == claim_id, visible(scope))) is not None


def _recogniser(scope: ClaimScope) -> ColumnElement[bool]:
    """Claims of the viewer's kinds, or for which they were named; restricted ones: if named."""
    me = scope.viewer.person_id
    own = or_(Claim.kind.in_(scope.kinds), Claim.named_id.is_not_distinct_from(me))
    named = exists().where(
        LeadRole.lead_id == Claim.lead_id, LeadRole.person_id == me, role_held_on(scope.on)
    )
    restricted = exists().where(Lead.id == Claim.lead_id, Lead.secrecy == Secrecy.RESTRICTED)
    # PROJECTS 0: on a restricted lead a recogniser acts only when named on it
    return and_(own, or_(not_(restricted), named))


# who somebody is to a claim, and what they may do


def actor_conditions(scope: ClaimScope) -> dict[Actor, ColumnElement[bool]]:
    """Of each actor, the claims to which the viewer is it."""
    me, role = scope.viewer.person_id, scope.viewer.role
    is_supervisor = role is Role.SUPERVISOR
    # whoever took a claim over is its claimant beside those who claimed
    claimed = or_(
        Claim.claimed_by_id == me,
        exists().where(
            ClaimEntry.claim_id == Claim.id, ClaimEntry.step.in_(CLAIMED_BY), ClaimEntry.by_id == me
        ),
    )
    roles = {
        actor: exists().where(
            LeadRole.lead_id == Claim.lead_id,
            LeadRole.role == role_kind,
            LeadRole.person_id == me,
            role_held_on(scope.on),
        )
        for actor, role_kind in ROLES.items()
    }

    return roles | {
        Actor.CLAIMANT: claimed,
        Actor.SUPERVISOR: _in_charge(scope, scope.viewer.unit_ids) if is_supervisor else false(),
        Actor.OF_UNIT: _in_charge(scope, scope.line),
        Actor.RECOGNISER: _recogniser(scope),
        Actor.ADMIN: true() if role is Role.ADMIN else false(),
    }


def _in_charge(scope: ClaimScope, unit_ids: frozenset[int]) -> ColumnElement[bool]:
    return exists().where(
        LeadRole.lead_id == Claim.lead_id,
        LeadRole.role == LeadRoleKind.RESPONSIBLE_UNIT,
        LeadRole.unit_id.in_(unit_ids),
        role_held_on(scope.on),
    )


def may_take(step: Step, actors: dict[Actor, ColumnElement[bool]]) -> ColumnElement[bool]:
    """The claims on which the viewer may take the step; `NAME` also asks who is left."""
    row = CLAIM_WORKFLOW.of(step)
    conditions = [Claim.state.in_(row.sources), or_(*(actors[actor] for actor in row.by))]
    conditions += [not_(actors[actor]) for actor in row.never]
    if Condition.FLAGGED in row.when:
        conditions.append(Claim.flag.is_not(None))
    return and_(*conditions)


def lead_actors(db: Session, scope: ClaimScope, lead_id: int) -> frozenset[Actor]:
    """Who the viewer is to a lead, as far as that decides on claims to it."""
    held = db.scalars(select(LeadRole).where(LeadRole.lead_id == lead_id, role_held_on(scope.on)))
    rows = held.all()
    mine = {row.role for row in rows if row.person_id == scope.viewer.person_id}
    units = {row.unit_id for row in rows if row.unit_id}
    actors = {actor for actor, role in ROLES.items() if role in mine}

    if scope.viewer.role is Role.SUPERVISOR and not units.isdisjoint(scope.viewer.unit_ids):
        actors.add(Actor.SUPERVISOR)
    if not units.isdisjoint(scope.line):
        actors.add(Actor.OF_UNIT)

    return frozenset(actors)


def situation_of(db: Session, scope: ClaimScope, claim: Claim, at: datetime) -> ClaimSituation:
    """The claim's state, the viewer's roles in it and the conditions that hold.

    Must agree with the SQL of `actor_conditions`.
    """
    me = scope.viewer.person_id
    query = select(ClaimEntry.by_id).where(
        ClaimEntry.claim_id == claim.id, ClaimEntry.step.in_(CLAIMED_BY)
    )
    actors = set(lead_actors(db, scope, claim.lead_id))
    if me in {claim.claimed_by_id, *db.scalars(query)}:
        actors.add(Actor.CLAIMANT)
    if db.scalar(select(Claim.id).where(Claim.id == claim.id, _recogniser(scope))) is not None:
        actors.add(Actor.RECOGNISER)
    if scope.viewer.role is Role.ADMIN:
        actors.add(Actor.ADMIN)

    conditions = {Condition.FLAGGED} if claim.flag else set()
    if Actor.ADMIN in actors and is_undecided(claim) and not deciders(db, [claim], at)[claim.id]:
        conditions.add(Condition.NOBODY)
    return Situation(claim.state, frozenset(actors), frozenset(conditions))


def is_undecided(claim: Claim) -> bool:
    """Whether somebody of the recognising unit has to decide on it."""
    return claim.state is ClaimState.CLAIMED or claim.flag is not None


def may_attach(situation: ClaimSituation) -> bool:
    """Whether the viewer may add evidence; once it is decided the evidence stays as it was."""
    return situation.state in OPEN and not situation.actors.isdisjoint(CLAIMING)


def may_claim(db: Session, scope: ClaimScope, lead_id: int) -> bool:
    """Whether the viewer may claim what the lead has reached; they see the lead."""
    return not lead_actors(db, scope, lead_id).isdisjoint(CLAIMING)


def require_step(db: Session, *, claim: Claim, step: Step, by: Person, now: datetime) -> None:
    """Refuse a step that the person may not take now; hold the claim until the commit.

    Refused as `not_yours`, `claim_state`, `own_claim`, `nothing_to_review`, `somebody_is_left`.
    """
    on = civil_date(now)
    scope = claim_scope(db, viewer(db, by, on), on)
    # before all else: a refusal for another reason would tell of the claim
    if not may_see(db, scope, claim.id):
        raise Refused("not_yours")

    # Of two who take a step at once, the second meets the state that the first one left.
    hold(db, claim)
    situation = situation_of(db, scope, claim, now)
    obstacle = CLAIM_WORKFLOW.of(step).obstacle(situation)
    if obstacle is not None:
        raise _refusal(obstacle, claim, situation)


def _refusal(obstacle: Obstacle | Condition, claim: Claim, situation: ClaimSituation) -> Refused:
    match obstacle:
        case Obstacle.STATE:
            return Refused("claim_state", state=claim.state.label)
        case Obstacle.SAME_PERSON:
            return Refused("own_claim")
        case Condition.FLAGGED:
            return Refused("nothing_to_review")
        case Condition.NOBODY:
            return Refused("somebody_is_left", field="person_id")
        case _:
            is_party = Actor.RECOGNISER in situation.actors
            return Refused("own_claim" if is_party else "not_yours")
