"""Workflows as tables: from where to where a step leads, who may take it and whom it tells."""

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from enum import Enum, auto
from typing import Generic, TypeVar

from crm.base.enums import LabeledEnum
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar

StepT = TypeVar("StepT", bound=LabeledEnum)
StateT = TypeVar("StateT", bound=LabeledEnum)
ActorT = TypeVar("ActorT", bound=LabeledEnum)
ConditionT = TypeVar("ConditionT", bound=LabeledEnum)


class Obstacle(Enum):
    """Why a step may not be taken, where it is no condition of its own."""

    STATE = auto()
    ACTOR = auto()  # not among those who may
    SAME_PERSON = auto()  # one of those who may, but it is their own work on which it decides


@value_class
class Within:
    """How long something may take; the day on which it begins is left out."""

    workdays: int = 0
    days: int = 0

    def after(self, on: date, calendar: WorkingCalendar) -> date:
        """The last day in time."""
        if self.workdays:
            return calendar.nth_workday_after(on, self.workdays)
        return on + timedelta(days=self.days)

    def __str__(self) -> str:
        """The span in words."""
        return f"{self.workdays} working days" if self.workdays else f"{self.days} days"


@value_class
class Situation(Generic[StateT, ActorT, ConditionT]):
    """How a record stands for one person: its state, who they are to it, which conditions hold."""

    state: StateT
    actors: AbstractSet[ActorT]
    conditions: AbstractSet[ConditionT] = frozenset()


@value_class(kw_only=True)
class Transition(Generic[StepT, StateT, ActorT, ConditionT]):
    """One row of a workflow."""

    step: StepT
    sources: Collection[StateT]  # empty: the record begins with it
    target: StateT | None = None  # None: the state stays
    by: Collection[ActorT] = ()  # who may take it; empty: the clock alone
    but_not: Collection[ActorT] = ()  # who may not, even where they are among `by`
    another_than: ActorT | None = None  # on whose work it decides
    when: Collection[ConditionT] = ()
    waits_for: Collection[ActorT] = ()  # whose task it is; the rest of `by` act in their stead
    else_for: ActorT | None = None  # whose task it is where none of `waits_for` can take it
    tells: Collection[ActorT] = ()
    due: Collection[Within] = ()  # how long the next step may take; the record's kind picks one

    @property
    def never(self) -> tuple[ActorT, ...]:
        """Who may not take it, whatever else they are."""
        return (*self.but_not, *(() if self.another_than is None else (self.another_than,)))

    def obstacle(
        self, situation: Situation[StateT, ActorT, ConditionT]
    ) -> Obstacle | ConditionT | None:
        """Why the person may not take the step now; `None` where they may."""
        if situation.state not in self.sources:
            return Obstacle.STATE

        actors = situation.actors
        if actors.isdisjoint(self.by) or not actors.isdisjoint(self.but_not):
            return Obstacle.ACTOR

        for condition in self.when:
            if condition not in situation.conditions:
                return condition

        return Obstacle.SAME_PERSON if self.another_than in actors else None


class Workflow(Generic[StepT, StateT, ActorT, ConditionT]):
    """The transitions of one kind of record, each step once."""

    def __init__(self, *transitions: Transition[StepT, StateT, ActorT, ConditionT]) -> None:
        """Refuse a table in which a step stands twice or waits for nobody who may take it."""
        self._transitions = {row.step: row for row in transitions}
        if len(self._transitions) != len(transitions):
            raise ValueError("a step stands in two rows")
        if any(row.waits_for and not row.by for row in transitions):
            raise ValueError("a step of the clock waits for nobody")

    def __iter__(self) -> Iterator[Transition[StepT, StateT, ActorT, ConditionT]]:
        """The rows in their order."""
        return iter(self._transitions.values())

    def of(self, step: StepT) -> Transition[StepT, StateT, ActorT, ConditionT]:
        """The row of a step."""
        return self._transitions[step]

    def steps(self, situation: Situation[StateT, ActorT, ConditionT]) -> frozenset[StepT]:
        """What the person may do now."""
        return frozenset(row.step for row in self if row.obstacle(situation) is None)

    def awaited(
        self, state: StateT, conditions: AbstractSet[ConditionT]
    ) -> Iterator[Transition[StepT, StateT, ActorT, ConditionT]]:
        """The steps that are somebody's task now."""
        for row in self:
            if row.waits_for and state in row.sources and conditions >= set(row.when):
                yield row


def as_markdown(workflow: Workflow[StepT, StateT, ActorT, ConditionT]) -> str:
    """The table of a workflow as the documentation prints it."""
    head = ("step", "from", "to", "by", "never by", "only if", "waits for", "tells", "next due in")
    rows = [head, ("---",) * len(head)]

    for row in workflow:
        waits_for = _names(row.waits_for)
        waits_for += f"; else {row.else_for.value}" if row.else_for else ""
        rows.append(
            (
                f"{row.step.value} {row.step.label}",
                _names(row.sources) or "(begin)",
                row.target.value if row.target else "(stays)",
                _names(row.by) or "the clock",
                _names(row.never),
                _names(row.when),
                waits_for,
                _names(row.tells),
                ", ".join(map(str, row.due)),
            )
        )

    return "".join(
        f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|\n" for cells in rows
    )


def _names(members: Collection[LabeledEnum]) -> str:
    return ", ".join(member.value for member in members)
