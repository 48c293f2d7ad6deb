"""Who stands in for a step of a problem that is nobody's task: see `else_for` of the workflow."""

from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from sqlalchemy import literal, select, union_all
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.remembered import remembered_long
from crm.people.models import Person
from crm.people.officers import officer_ids
from crm.people.permissions import Viewer, viewers
from crm.people.queries import active_at, posted_as, unit_tree, units_above
from crm.people.rules import Role
from crm.problems.models import Problem
from crm.problems.permissions import IN_LINE, Onlooker, ids_of, visible
from crm.problems.workflow import PROBLEM_WORKFLOW, Actor, Step


class StandIns:
    """The first level that has somebody who may take the step.

    People and units are read once for all the problems, and what people may see once for all those
    of a level.
    """

    def __init__(self, db: Session, problems: Sequence[Problem], at: datetime) -> None:
        """Read who could stand in."""
        self._db, self._on = db, civil_date(at)
        self._problem_ids = [problem.id for problem in problems]
        self._tree = unit_tree(db)
        self._in_line = posted_as(db, IN_LINE, at)
        self._officers = officer_ids(db, self._on)
        ids = {person_id for held in self._in_line.values() for person_id in held}
        query = select(Person).where(Person.id.in_(ids | self._officers), active_at(at))
        # in this order, by username, `of` returns them
        self._people = {person.id: person for person in db.scalars(query.order_by(Person.username))}
        people = list(self._people.values())
        self._unit_ids = remembered_long(
            *(db, "units of stand-ins", tuple(self._people), self._on),
            read=lambda: {seer.person_id: seer.unit_ids for seer in viewers(db, people, self._on)},
        )
        self._visible: dict[int, set[int]] = {}

    def of(self, problem: Problem, step: Step) -> list[Person]:
        """The people who stand in for a step of one of the problems, by username."""
        row = PROBLEM_WORKFLOW.of(step)
        excluded = ids_of(problem, row.never)
        for level in self._levels(problem, row.else_for):
            if found := self._seeing(problem, set(level) - excluded):
                return found
        return []

    def _levels(self, problem: Problem, actor: Actor | None) -> Iterator[Collection[int]]:
        if actor is None:
            return
        if actor is Actor.NEAREST:
            yield from self._up_from(problem.unit_id)
        else:
            # PROJECTS 5: the raiser's supervisor, then an officer
            yield from map(self._supervisors, self._up_from(problem.raised_unit_id))
            yield self._officers

    def _up_from(self, unit_id: int | None) -> Iterator[Collection[int]]:
        for above in units_above(self._tree, unit_id) if unit_id else ():
            yield self._in_line.get(above, ())

    def _supervisors(self, person_ids: Collection[int]) -> list[int]:
        return [
            person_id
            for person_id in person_ids
            if person_id in self._people and self._people[person_id].role is Role.SUPERVISOR
        ]

    def _seeing(self, problem: Problem, person_ids: AbstractSet[int]) -> list[Person]:
        level = [person for person_id, person in self._people.items() if person_id in person_ids]
        self._read_visible([person for person in level if person.id not in self._visible])
        return [person for person in level if problem.id in self._visible[person.id]]

    def _read_visible(self, people: Sequence[Person]) -> None:
        """Read which of the problems each of these people may see, in one query."""
        if not people:
            return
        seen = [
            select(literal(person.id), Problem.id).where(
                Problem.id.in_(self._problem_ids), visible(self._onlooker(person))
            )
            for person in people
        ]
        self._visible |= {person.id: set() for person in people}
        for person_id, problem_id in self._db.execute(union_all(*seen)):
            self._visible[person_id].add(problem_id)

    def _onlooker(self, person: Person) -> Onlooker:
        viewer = Viewer(person, self._unit_ids[person.id], self._tree)
        return Onlooker(viewer, self._on, person.id in self._officers)
