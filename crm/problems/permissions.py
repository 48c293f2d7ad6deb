"""Who may see and do what with a problem: SQL conditions and predicates (PROJECTS 0, 5).

`actor_conditions` defines each actor once, for lists and for one problem; what may be done follows
from it twice, in SQL and by the workflow, and tests/problems/test_workflow.py compares the two.
"""

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from functools import lru_cache

from sqlalchemy import ColumnElement, Select, and_, exists, false, not_, or_, select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.base.workflow import Obstacle, Situation
from crm.leads.models import Lead, LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.permissions import visible as visible_leads
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person, Posting
from crm.people.officers import is_officer, officer_ids
from crm.people.permissions import Viewer, viewer
from crm.people.queries import active_at, held_on
from crm.people.rules import WITH_RECORDS, Role
from crm.problems.models import Problem, ProblemLead, ProblemUnit
from crm.problems.rules import MOST_PASSES, OVER, WORKING, ProblemState
from crm.problems.workflow import PROBLEM_WORKFLOW, Actor, Condition, Step

# An admin has the whole zone in scope, but is not of the line of command.
IN_LINE = frozenset({Role.SUPERVISOR, Role.LEADER})
# an actor of two columns is whoever acted, and in whose name: nobody decides on their own chair
COLUMNS = {
    Actor.RAISER: (Problem.raised_by_id,),
    Actor.OWNER: (Problem.person_id,),
    Actor.SOLVER: (Problem.solved_by_id, Problem.solved_for_id),
    Actor.NAMED: (Problem.named_id,),
}

ProblemSituation = Situation[ProblemState, Actor, Condition]


def ids_of(problem: Problem, actors: Iterable[Actor]) -> set[int | None]:
    """Ids of who is one of these to the problem, of those that stand in its columns."""
    return {getattr(problem, column.key) for actor in actors for column in COLUMNS[actor]}


@value_class
class Onlooker:
    """A viewer on a date, with whether they are an officer of the coordinating office."""

    viewer: Viewer
    on: date
    is_officer: bool

    @property
    def scope(self) -> frozenset[int]:
        """The units in which they oversee."""
        return self.viewer.acting_units


def onlooker(db: Session, viewer: Viewer, on: date) -> Onlooker:
    # an officer's place may be taken for a time, too
    stands_in = bool(viewer.principals) and not officer_ids(db, on).isdisjoint(viewer.acting_ids)
    return Onlooker(viewer, on, stands_in or is_officer(db, viewer, on))


# who may see a problem


def visible(me: Onlooker) -> ColumnElement[bool]:
    """Problems that they may see: of leads that they see, and those in which they have a part.

    REGIME 2: whoever is asked to remove what holds an internal lead up must read what it is; the
    lead itself stays hidden. Of a restricted lead only those named on it see anything.
    """
    if me.viewer.role not in WITH_RECORDS:
        return false()

    unseen = ~visible_leads(me.viewer, me.on)
    return _secrecy_allows(me) & or_(~_of_lead(unseen), *_parts(me))


def _secrecy_allows(me: Onlooker) -> ColumnElement[bool]:
    hidden = ~visible_leads(me.viewer, me.on) & (Lead.secrecy == Secrecy.RESTRICTED)
    return ~_of_lead(hidden)


def _parts(me: Onlooker) -> list[ColumnElement[bool]]:
    """Problems in which they have a part; an officer has one in each."""
    person_id = me.viewer.person_id
    columns = (Problem.raised_by_id, Problem.person_id, Problem.named_id)
    parts: list[ColumnElement[bool]] = [column.in_(me.viewer.acting_ids) for column in columns]
    parts += [_tracked_by(person_id, me.on), is_member(person_id, me.on)]
    if me.scope:
        parts += [Problem.unit_id.in_(me.scope), Problem.raised_unit_id.in_(me.scope)]
        parts.append(assisted_by(me.scope))
    return [*parts, Problem.id.is_not(None)] if me.is_officer else parts


def _of_lead(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        ProblemLead.problem_id == Problem.id, Lead.id == ProblemLead.lead_id, condition
    )


# Kept, as are the following: to put them together takes longer than to run them.
@lru_cache(maxsize=256)
def _tracked_by(person_id: int, on: date) -> ColumnElement[bool]:
    return exists().where(
        ProblemLead.problem_id == Problem.id,
        LeadRole.lead_id == ProblemLead.lead_id,
        LeadRole.role == LeadRoleKind.TRACKER,
        LeadRole.person_id == person_id,
        role_held_on(on),
    )


def assisted_by(unit_ids: Collection[int]) -> ColumnElement[bool]:
    """Problems that one of the units assists with."""
    return exists().where(ProblemUnit.problem_id == Problem.id, ProblemUnit.unit_id.in_(unit_ids))


def visible_to(me: Onlooker) -> Select[Problem]:
    """The problems that they may see."""
    return select(Problem).where(visible(me))


def may_see(db: Session, viewer: Viewer, problem_id: int, on: date) -> bool:
    """Whether the viewer may see the problem."""
    seen = visible_to(onlooker(db, viewer, on)).with_only_columns(Problem.id)
    return db.scalar(seen.where(Problem.id == problem_id)) is not None


def may_know(db: Session, viewer: Viewer, problem_id: int, on: date) -> bool:
    """Whether the secrecy of its leads lets the viewer see the problem, were it theirs."""
    me = onlooker(db, viewer, on)
    allowed = select(Problem.id).where(Problem.id == problem_id, _secrecy_allows(me))
    return viewer.role in WITH_RECORDS and db.scalar(allowed) is not None


def overdue(on: date) -> ColumnElement[bool]:
    """Problems past their due date with the owner to act."""
    return Problem.state.in_(WORKING) & (Problem.due_on < on)


# who somebody is to a problem, and what they may do


def actor_conditions(me: Onlooker) -> dict[Actor, ColumnElement[bool]]:
    """Of each actor, the problems to which they are it; never NULL for the columns' actors.

    Who stands in where nobody is left is decided in `assignees`.
    """
    person_id, people = me.viewer.person_id, me.viewer.acting_ids
    line_ids = me.viewer.acting_in(IN_LINE)
    posted = select(Posting.unit_id).where(Posting.person_id.in_(line_ids), held_on(me.on))
    is_in_line = bool(line_ids)
    named = {
        actor: or_(*(each.is_not_distinct_from(one) for each in columns for one in people))
        for actor, columns in COLUMNS.items()
    }

    return named | {
        Actor.TRACKER: _tracked_by(person_id, me.on),
        Actor.OFFICER: Problem.id.is_not(None) if me.is_officer else false(),
        Actor.ADMIN: Problem.id.is_not(None) if me.viewer.role is Role.ADMIN else false(),
        Actor.MEMBER: is_member(person_id, me.on),
        Actor.OVERSEER: Problem.unit_id.in_(me.scope),
        Actor.ASSISTANT: assisted_by(me.scope),
        Actor.LINE: Problem.unit_id.in_(posted) if is_in_line else false(),
        Actor.ASSISTING_LINE: _assisted_by_posted(posted) if is_in_line else false(),
    }


@lru_cache(maxsize=256)
def is_member(person_id: int, on: date) -> ColumnElement[bool]:
    """Problems that nobody owns yet, of units of the person in which nobody oversees."""
    posted = select(Posting.unit_id).where(Posting.person_id == person_id, held_on(on))
    return and_(Problem.unit_id.in_(posted), Problem.person_id.is_(None), ~has_line(on))


@lru_cache(maxsize=64)
def has_line(on: date) -> ColumnElement[bool]:
    """Problems of which the owner unit has a supervisor or leader."""
    return (
        exists()
        .where(
            Posting.unit_id == Problem.unit_id,
            Posting.person_id == Person.id,
            held_on(on),
            Person.role.in_(IN_LINE),
            active_at(at_civil(on)),
        )
        .correlate(Problem)
    )


def _assisted_by_posted(posted: Select[int]) -> ColumnElement[bool]:
    return exists().where(ProblemUnit.problem_id == Problem.id, ProblemUnit.unit_id.in_(posted))


def actors_of(db: Session, me: Onlooker, problem: Problem) -> frozenset[Actor]:
    """Who they are to the problem: the same conditions, asked of one."""
    conditions = actor_conditions(me)
    marks = (condition.label(f"mark_{n}") for n, condition in enumerate(conditions.values()))
    row = db.execute(select(*marks).where(Problem.id == problem.id)).one()
    return frozenset(actor for actor, mark in zip(conditions, row, strict=True) if mark)


def condition_sql(condition: Condition) -> ColumnElement[bool]:
    """The problems for which a condition holds."""
    match condition:
        case Condition.PASSES_LEFT:
            return Problem.passes < MOST_PASSES
        case Condition.PASSED_TWICE:
            return Problem.passes == MOST_PASSES
        case Condition.NOT_REFERRED:
            return Problem.referred_at.is_(None)
        case Condition.REFERRED:
            return Problem.referred_at.is_not(None)
        case Condition.NOBODY:
            # who stands in is decided in `assignees`
            return false()


def conditions_of(problem: Problem) -> frozenset[Condition]:
    """The conditions that hold for a problem; whether nobody is left is decided in `assignees`."""
    is_referred = problem.referred_at is not None
    holds = {
        Condition.PASSES_LEFT: problem.passes < MOST_PASSES,
        Condition.PASSED_TWICE: problem.passes == MOST_PASSES,
        Condition.NOT_REFERRED: not is_referred,
        Condition.REFERRED: is_referred,
    }
    return frozenset(condition for condition, is_so in holds.items() if is_so)


def may_take(step: Step, actors: dict[Actor, ColumnElement[bool]]) -> ColumnElement[bool]:
    """The visible problems with which the viewer may take a step; `actors` are the viewer's."""
    row = PROBLEM_WORKFLOW.of(step)

    return and_(
        Problem.state.in_(row.sources),
        or_(false(), *(actors[actor] for actor in row.by if actor in actors)),
        *(not_(actors[actor]) for actor in row.never),
        *(condition_sql(condition) for condition in row.when),
    )


# raising one, and adding files to it


def may_raise(me: Viewer) -> bool:
    """Whether the viewer may raise problems at all: on a lead that they may see."""
    return me.role in WITH_RECORDS


def refusal_of(obstacle: Obstacle | Condition, problem: Problem) -> Refused:
    """The refusal of a step, in the order in which `Transition.obstacle` looks."""
    if obstacle is Obstacle.STATE:
        return Refused("problem_state", state=problem.state.label)
    return Refused(_CODES.get(obstacle, "not_yours"))


# Whoever has a part in it but as an officer.
ATTACHING = frozenset(
    {
        *(Actor.RAISER, Actor.OWNER, Actor.TRACKER),
        *(Actor.OVERSEER, Actor.MEMBER, Actor.ASSISTANT),
    }
)


def may_attach(problem: Problem, actors: AbstractSet[Actor]) -> bool:
    """Whether somebody who is that to the problem may attach files; what is over stays as it is."""
    return problem.state not in OVER and not actors.isdisjoint(ATTACHING)


_CODES: Mapping[Obstacle | Condition, str] = {
    Obstacle.SAME_PERSON: "not_by_solver",
    Condition.PASSES_LEFT: "passed_twice",
    Condition.PASSED_TWICE: "passes_left",
    Condition.NOT_REFERRED: "already_referred",
    Condition.REFERRED: "not_referred",
    Condition.NOBODY: "somebody_acts",
}


def viewer_of(db: Session, person: Person, now: datetime) -> Onlooker:
    """The person as onlooker at that moment."""
    on = civil_date(now)
    return onlooker(db, viewer(db, person, on), on)
