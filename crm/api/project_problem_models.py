"""Problems that hold projects up as the API tells of them."""

from collections.abc import Sequence
from datetime import date, datetime

from pydantic import Field

from crm.api.call import Call
from crm.api.models import LeadNamed, PersonShown, Shown
from crm.leads.queries import refs_by_id
from crm.problems.assignees import steps_of
from crm.problems.models import Problem, ProblemEntry
from crm.problems.permissions import Onlooker
from crm.problems.queries import SeenProblem, seen_alone
from crm.problems.rules import EntryKind, ProblemState, days_overdue
from crm.problems.workflow import Step


class CategoryShown(Shown):
    code: str
    name: str


class Categories(Shown):
    """The categories that may be chosen, in their order."""

    items: list[CategoryShown]


class ProblemListed(Shown):
    id: int
    ref: str
    state: ProblemState
    category: str = Field(description="类别的代码")
    matter: str = Field(description="遇到的困难")
    leads: list[LeadNamed]
    unit: str = Field(description="承办单位的编号")
    person: PersonShown | None = Field(description="承办人")
    raised_by: PersonShown
    raised_at: datetime
    take_by: date | None = Field(description="受理期限")
    due_on: date
    days_overdue: int
    again_on: date | None = Field(description="再研究日期")
    basis: str | None = Field(description="销号依据")
    closed_at: datetime | None


class ProblemEntryShown(Shown):
    """A step of its history, with how it stood afterwards."""

    kind: EntryKind
    state: ProblemState
    text: str | None
    unit: str
    person: PersonShown | None
    due_on: date
    at: datetime
    by: PersonShown | None = Field(description="系统登记的为空")


class ProblemShown(ProblemListed):
    units: list[str] = Field(description="协办单位的编号")
    named: PersonShown | None = Field(description="指定的办理人")
    passes: int = Field(description="转办次数")
    entries: list[ProblemEntryShown] = Field(description="办理过程，按时间先后")
    steps: list[Step] = Field(description="本人目前可以办理的步骤")


SAME = ("id", "ref", "state", "matter", "raised_at", "take_by", "due_on", "again_on", "basis")


def show_listed(call: Call, rows: Sequence[SeenProblem]) -> list[ProblemListed]:
    """The problems of a list; their parties are loaded."""
    refs = refs_by_id(call.db, {label.id for row in rows for label in row.leads if label.id})
    return [ProblemListed(**_columns(call, row, refs)) for row in rows]


def show_problem(call: Call, me: Onlooker, problem: Problem) -> ProblemShown:
    """One problem with all that its page shows."""
    alone = seen_alone(call.db, me, problem)
    refs = refs_by_id(call.db, {label.id for label in alone.leads if label.id})
    steps = steps_of(call.db, me, problem, call.now)
    return ProblemShown(
        **_columns(call, alone, refs),
        units=[unit.code for unit in problem.units],
        named=PersonShown.or_none(problem.named),
        passes=problem.passes,
        entries=[_entry(entry) for entry in problem.entries],
        steps=[step for step in Step if step in steps],
    )


def _columns(call: Call, seen: SeenProblem, refs: dict[int, str]) -> dict[str, object]:
    problem = seen.problem
    return {name: getattr(problem, name) for name in (*SAME, "closed_at")} | {
        "category": problem.category.code,
        "leads": [LeadNamed.of(label, refs) for label in seen.leads],
        "unit": problem.unit.code,
        "person": PersonShown.or_none(problem.person),
        "raised_by": PersonShown.of(problem.raised_by),
        "days_overdue": days_overdue(problem.state, problem.due_on, call.on),
    }


def _entry(entry: ProblemEntry) -> ProblemEntryShown:
    """An entry of the history; its parties are loaded."""
    same = ("kind", "state", "text", "due_on", "at")
    return ProblemEntryShown(
        **{name: getattr(entry, name) for name in same},
        unit=entry.unit.code,
        person=PersonShown.or_none(entry.person),
        by=PersonShown.or_none(entry.by),
    )
