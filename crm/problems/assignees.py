"""For whom a problem waits: as people for one problem, and as a list for one person (PROJECTS 5).

Whose task a step is stands in the workflow. Where none of them can take it, it falls to who stands
in: up the tree of the owner's unit, or the raiser's supervisor and then an officer. Where nobody
is left, an admin names somebody (PROJECTS 0).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Exists, Select, and_, exists, false, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.base.workflow import Situation
from crm.leads.models import LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.rules import LeadRoleKind
from crm.people.models import Person, Posting
from crm.people.officers import officer_ids
from crm.people.permissions import Viewer, acted_for, viewer
from crm.people.queries import active_at, held_on, posted_as
from crm.people.rules import WITH_RECORDS, Role
from crm.problems.models import Problem, ProblemLead, ProblemUnit
from crm.problems.permissions import (
    COLUMNS,
    IN_LINE,
    Onlooker,
    ProblemSituation,
    actor_conditions,
    actors_of,
    condition_sql,
    conditions_of,
    has_line,
    ids_of,
    may_see,
    may_take,
    onlooker,
    refusal_of,
    viewer_of,
    visible,
)
from crm.problems.queries import PARTIES
from crm.problems.rules import OVER, days_overdue
from crm.problems.stand_ins import StandIns
from crm.problems.workflow import PROBLEM_WORKFLOW, STEP_OF_WAIT, Actor, Condition, Step, Wait


@value_class
class WaitingProblem:
    """A problem that waits for a person, and for what; unit, person and category loaded."""

    problem: Problem
    wait: Wait
    days_overdue: int


# the people for whom one problem waits


def assignees(db: Session, problem: Problem, step: Step, at: datetime) -> list[Person]:
    """The people whose task the step is."""
    row = PROBLEM_WORKFLOW.of(step)
    people = people_who_are(db, problem, row.waits_for, at, step=step)
    return people or StandIns(db, [problem], at).of(problem, step)


def is_stuck(db: Session, problem: Problem, at: datetime) -> bool:
    """Whether a step is awaited that nobody is left to take."""

    def read() -> bool:
        awaited = PROBLEM_WORKFLOW.awaited(problem.state, conditions_of(problem))
        return any(not assignees(db, problem, row.step, at) for row in awaited)

    return remembered(db, "stuck problem", problem.id, civil_date(at), read=read)


def people_who_are(
    db: Session, problem: Problem, actors: Collection[Actor], at: datetime, *, step: Step
) -> list[Person]:
    """The people who are one of these and see the problem; not those who never take the step."""
    ids = actor_ids(db, problem, actors, at) - excluded_ids(problem, step)
    return seeing(db, problem, people_of(db, ids, at), civil_date(at))


def actor_ids(
    db: Session, problem: Problem, actors: Collection[Actor], at: datetime
) -> set[int | None]:
    """Ids of the people who are one of these to the problem; of a scope's actors nobody."""
    ids: set[int | None] = set()

    for actor in actors:
        if actor in COLUMNS:
            ids |= ids_of(problem, [actor])
        elif actor is Actor.TRACKER:
            ids.update(db.scalars(_trackers(civil_date(at), problem.id)))
        elif actor is Actor.OFFICER:
            ids.update(officer_ids(db, civil_date(at)))
        elif actor is Actor.LINE:
            ids.update(_in_line_of(db, [problem.unit_id], at))
        elif actor is Actor.MEMBER:
            ids.update(db.scalars(_members(civil_date(at), problem.id)))
        elif actor is Actor.ASSISTING_LINE:
            units = select(ProblemUnit.unit_id).where(ProblemUnit.problem_id == problem.id)
            ids.update(_in_line_of(db, db.scalars(units).all(), at))
        elif actor is Actor.ADMIN:
            ids.update(db.scalars(select(Person.id).where(Person.role == Role.ADMIN)))

    return ids


def _trackers(on: date, problem_id: int) -> Select[int | None]:
    return (
        select(LeadRole.person_id)
        .join(ProblemLead, ProblemLead.lead_id == LeadRole.lead_id)
        .where(
            ProblemLead.problem_id == problem_id,
            LeadRole.role == LeadRoleKind.TRACKER,
            role_held_on(on),
        )
    )


def _members(on: date, problem_id: int) -> Select[int]:
    return (
        select(Posting.person_id)
        .join(Problem, Problem.unit_id == Posting.unit_id)
        .where(Problem.id == problem_id, Problem.person_id.is_(None), held_on(on), ~has_line(on))
    )


def _in_line_of(db: Session, unit_ids: Collection[int], at: datetime) -> Iterator[int]:
    held = posted_as(db, IN_LINE, at)
    for unit_id in unit_ids:
        yield from held.get(unit_id, ())


def people_of(db: Session, person_ids: Collection[int | None], at: datetime) -> Sequence[Person]:
    """Those of the people who work with records and whose accounts are open, by username."""
    query = select(Person).where(
        Person.id.in_({*person_ids} - {None}), Person.role.in_(WITH_RECORDS), active_at(at)
    )
    return db.scalars(query.order_by(Person.username)).all()


def seeing(db: Session, problem: Problem, people: Iterable[Person], on: date) -> list[Person]:
    """Those of the people who may see the problem."""
    return [person for person in people if may_see(db, viewer(db, person, on), problem.id, on)]


def excluded_ids(problem: Problem, step: Step) -> set[int | None]:
    """Ids of the people who may not take the step, whatever else they are to the problem."""
    return ids_of(problem, PROBLEM_WORKFLOW.of(step).never)


# what one person may do


def situation_of(db: Session, me: Onlooker, problem: Problem, at: datetime) -> ProblemSituation:
    """The problem's state, their roles in it and the conditions that hold, stand-ins included."""
    actors = actors_of(db, me, problem)
    close = PROBLEM_WORKFLOW.of(Step.CLOSE)

    if problem.state in close.sources and actors.isdisjoint(close.waits_for):
        stands_in = not people_who_are(db, problem, close.waits_for, at, step=Step.CLOSE)
        if stands_in and me.viewer.person in StandIns(db, [problem], at).of(problem, Step.CLOSE):
            actors |= {Actor.CONFIRMER}

    conditions = conditions_of(problem)
    naming = PROBLEM_WORKFLOW.of(Step.NAME)
    # asked only of those who could name somebody
    if Actor.ADMIN in actors and problem.state in naming.sources and is_stuck(db, problem, at):
        conditions |= {Condition.NOBODY}
    return Situation(problem.state, actors, conditions)


def steps_of(db: Session, me: Onlooker, problem: Problem, at: datetime) -> frozenset[Step]:
    """What they may do now with a visible problem; the service refuses all else."""
    return PROBLEM_WORKFLOW.steps(situation_of(db, me, problem, at))


def require_step(
    db: Session, *, problem: Problem, step: Step, by: Person, now: datetime
) -> int | None:
    """Lock the problem and refuse a step that its workflow does not allow the person now.

    The id of the person in whose name another one takes it; none: in their own.

    Refused as `not_yours`, `problem_state`, `not_by_solver`, `passed_twice`, `passes_left`,
    `already_referred`, `not_referred`, `somebody_acts`.
    """
    me = viewer_of(db, by, now)
    # before all else: a refusal for another reason would tell of the problem
    if not may_see(db, me.viewer, problem.id, me.on):
        raise Refused("not_yours")

    # Of two who take a step at once, the second meets the state that the first one left.
    hold(db, problem)
    workflow = PROBLEM_WORKFLOW.of(step)
    obstacle = workflow.obstacle(situation_of(db, me, problem, now))
    if obstacle is not None:
        raise refusal_of(obstacle, problem)

    def may(viewer: Viewer) -> bool:
        situation = situation_of(db, onlooker(db, viewer, me.on), problem, now)
        return not workflow.obstacle(situation)

    return acted_for(me.viewer, may)


# the problems that wait for one person


def waiting_for(
    db: Session, me: Onlooker, now: datetime, *options: ExecutableOption
) -> list[WaitingProblem]:
    """What waits for the viewer, the most pressing first; `options` load more of each."""
    query = _waiting(db, me, now).where(visible(me)).options(*PARTIES, *options)
    waiting = [
        WaitingProblem(problem, wait, days_overdue(problem.state, problem.due_on, me.on))
        for problem, wait in _waits(db, me.viewer, query, now)
    ]
    places = {wait: place for place, wait in enumerate(Wait)}
    return sorted(
        waiting, key=lambda item: (places[item.wait], item.problem.due_on, item.problem.id)
    )


def waits_of(db: Session, me: Onlooker, problem_id: int, now: datetime) -> frozenset[Wait]:
    """For what one problem waits for the viewer."""
    query = _waiting(db, me, now).where(visible(me), Problem.id == problem_id)
    return frozenset(wait for _, wait in _waits(db, me.viewer, query, now))


def _waits(
    db: Session, viewer: Viewer, query: Select[Problem, *tuple[Any, ...]], now: datetime
) -> list[tuple[Problem, Wait]]:
    """The waits among the rows of `_waiting`: own ones by mark, vacant ones by who stands in."""
    own, vacant = [], []
    for problem, *marks in db.execute(query).all():
        # not strict: the marks of vacant tasks follow the own ones
        own += [(problem, wait) for wait, mark in zip(Wait, marks, strict=False) if mark]
        marks_of_nobody = marks[len(Wait) :]
        vacant += [
            (problem, wait) for wait, mark in zip(Wait, marks_of_nobody, strict=True) if mark
        ]

    if not vacant:
        return own

    # The query only narrows it down: who is nearest up the tree is decided here.
    stand_ins = StandIns(db, [problem for problem, _ in vacant], now)
    stuck = {}
    for problem, wait in vacant:
        people = stand_ins.of(problem, STEP_OF_WAIT[wait])
        if viewer.person in people:
            own.append((problem, wait))
        elif not people and viewer.role is Role.ADMIN:
            stuck[problem.id] = (problem, Wait.NAME)
    return [*own, *stuck.values()]


def _waiting(db: Session, me: Onlooker, now: datetime) -> Select[Problem, *tuple[Any, ...]]:
    """The problems that may wait for the viewer, each with two marks for every wait.

    The first mark: the step is the viewer's task. The second: it is nobody's task, and the viewer
    may stand in or name somebody.
    """
    actors = actor_conditions(me)
    officers = officer_ids(db, me.on)
    is_admin = me.viewer.role is Role.ADMIN
    own, vacant = [], []

    for wait in Wait:
        row = PROBLEM_WORKFLOW.of(STEP_OF_WAIT[wait])
        tasked = or_(*(actors[actor] for actor in row.waits_for))
        own.append(may_take(row.step, actors) & tasked)
        stands_in = me.viewer.role in IN_LINE and row.else_for is not None
        mark: ColumnElement[bool] = false()
        if is_admin or stands_in:
            mark = _vacant(row.step, officers, now)
        if stands_in:
            mark = and_(mark, *(~actors[actor] for actor in row.never))
        vacant.append(mark)

    marks = [condition.label(f"mark_{place}") for place, condition in enumerate([*own, *vacant])]
    return select(Problem, *marks).where(Problem.state.not_in(OVER), or_(*own, *vacant))


def _vacant(step: Step, officers: Collection[int], now: datetime) -> ColumnElement[bool]:
    """Problems where nobody with an open account has the step as their task."""
    row = PROBLEM_WORKFLOW.of(step)
    # Not `!=`: an empty column excludes nobody.
    never = [Person.id.is_distinct_from(column) for actor in row.never for column in COLUMNS[actor]]
    fit = and_(active_at(now), Person.role.in_(WITH_RECORDS), *never)
    on = civil_date(now)
    tasked = [_has(actor, fit, on, officers) for actor in row.waits_for]

    return and_(
        Problem.state.in_(row.sources),
        *(condition_sql(condition) for condition in row.when),
        *(~condition for condition in tasked),
    )


def _has(actor: Actor, fit: ColumnElement[bool], on: date, officers: Collection[int]) -> Exists:
    """Problems to which somebody fit is the actor."""
    if actor in COLUMNS:
        return exists().where(Person.id.in_(COLUMNS[actor]), fit).correlate(Problem)
    if actor is Actor.OFFICER:
        return exists().where(Person.id.in_(officers), fit).correlate(Problem)
    if actor is Actor.ADMIN:
        return exists().where(Person.role == Role.ADMIN, fit).correlate(Problem)
    if actor is Actor.TRACKER:
        return (
            exists()
            .where(
                ProblemLead.problem_id == Problem.id,
                LeadRole.lead_id == ProblemLead.lead_id,
                LeadRole.role == LeadRoleKind.TRACKER,
                role_held_on(on),
                Person.id == LeadRole.person_id,
                fit,
            )
            .correlate(Problem)
        )
    is_so: ColumnElement[bool] = Person.role.in_(IN_LINE)
    if actor is Actor.MEMBER:
        is_so = Problem.person_id.is_(None) & ~has_line(on)
    return (
        exists()
        .where(
            *(Posting.unit_id == Problem.unit_id, Posting.person_id == Person.id),
            *(held_on(on), is_so, fit),
        )
        .correlate(Problem)
    )
