"""Problems that hold projects up (困难问题): listed, raised, and their steps (PROJECTS 5)."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from crm.api.call import Call, found
from crm.api.lead_models import unit_id
from crm.api.models import Asked, Day, Line, Listed, Listing, Prose, RowId, Username
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.api.project_problem_models import (
    Categories,
    CategoryShown,
    ProblemListed,
    ProblemShown,
    show_listed,
    show_problem,
)
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.people.rules import WITH_RECORDS
from crm.problems.categories import categories as all_categories
from crm.problems.models import Problem
from crm.problems.notifications import tell
from crm.problems.permissions import Onlooker, onlooker
from crm.problems.queries import ProblemFilter, problem_of, problems_page, seen
from crm.problems.raising import MOST_LEADS, ProblemData, first_entry, raise_problem
from crm.problems.rules import ProblemState
from crm.problems.service import StepInput, take_step
from crm.problems.workflow import Step
from crm.quotas.queries import working_calendar

problems = Resource("problems", "困难问题")
ONE = "/problems/{problem_id}"
WORDS = ("reason", "text", "basis")  # as services call the words of a step
PARTS = {"lead_ids": "leads", "unit_id": "unit", "person_id": "person", "unit_ids": "units"}
NAMES = {**PARTS, "category_id": "category", **dict.fromkeys(WORDS, "text")}
Code = Annotated[str, Field(max_length=50)]


class ProblemQuery(Listed):
    text: Annotated[str, Field(max_length=100)] = Field("", description="查找的文字")
    mine: bool = Field(False, description="只要本人提出或承办的")  # noqa: FBT003 - a default
    unit: Annotated[str, Field(max_length=50)] | None = Field(
        None, description="承办或协办单位的编号"
    )
    state: ProblemState | None = Field(None, description="状态")
    open: bool = Field(False, description="只要未销号的")  # noqa: FBT003 - a default
    category: Annotated[str, Field(max_length=50)] | None = Field(None, description="类别的代码")
    lead: RowId | None = Field(None, description="线索的 id")
    overdue: bool = Field(False, description="只要逾期的")  # noqa: FBT003 - a default


class NewProblem(Asked):
    NAMES: ClassVar = NAMES

    ref: Line = Field("", description="编号；留空由系统生成")
    matter: Annotated[Prose, Field(min_length=1, max_length=2000)] = Field(description="遇到的困难")
    category: Code = Field(description="类别的代码")
    leads: list[RowId] = Field(min_length=1, max_length=MOST_LEADS, description="线索的 id")
    due_on: Day = Field(description="期限")
    unit: Code | None = Field(None, description="承办单位的编号；留空按类别确定")
    person: Username | None = Field(None, description="承办人的账号；留空由承办单位明确")
    units: list[Code] = Field([], max_length=50, description="协办单位的编号")
    visit: RowId | None = Field(None, description="由哪次拜访的下一步而来")


class ProblemStep(Asked):
    """A step of the workflow; what it does not need is left out."""

    NAMES: ClassVar = NAMES

    step: Step = Field(description="problem 的 steps 中的一步")
    text: Annotated[Prose, Field(max_length=2000)] = Field(
        "", description="理由、进展、解决情况或销号依据"
    )
    unit: Code | None = Field(None, description="转办至、明确为哪个单位")
    person: Username | None = Field(None, description="承办人、办理人的账号")
    units: list[Code] | None = Field(None, max_length=50, description="协办单位；留空不变")
    on: Day | None = Field(None, description="新的期限或再研究日期")


@problems.get("/problems", "可见的困难问题，新提出的在前", roles=WITH_RECORDS)
def listing(call: Call, query: ProblemQuery) -> Listing[ProblemListed]:
    me, place = _onlooker(call), place_of(call, query)
    page = problems_page(call.db, me, _filter(call, query), place, size=query.limit)

    def show_rows(rows: Sequence[Problem]) -> list[ProblemListed]:
        return show_listed(call, seen(call.db, me, rows))

    return listed(call, query, page, show_rows)


@problems.get("/problem-categories", "困难问题的类别", roles=WITH_RECORDS)
def categories(call: Call) -> Categories:
    rows = all_categories(call.db, offered=True)
    return Categories(items=[CategoryShown.model_validate(row) for row in rows])


@problems.get(ONE, "一项困难问题及其办理过程", roles=WITH_RECORDS)
def show(call: Call, problem_id: RowId) -> ProblemShown:
    return show_problem(call, _onlooker(call), _visible(call, problem_id))


@problems.post("/problems", "提出困难问题", creates=True, roles=WITH_RECORDS)
def add(call: Call, body: NewProblem) -> ProblemShown:
    """Raise a problem; the same `ref` of the same person is the same problem, and harmless."""
    data = ProblemData(
        matter=body.matter,
        category_id=_category_id(call, body.category),
        lead_ids=body.leads,
        due_on=body.due_on,
        unit_id=unit_id(call, body.unit, "unit"),
        person_id=call.person_id(body.person, "person") if body.person else None,
        unit_ids=_unit_ids(call, body.units),
        visit_id=body.visit,
        ref=body.ref,
    )
    calendar = working_calendar(call.db)
    problem = raise_problem(call.db, data=data, by=call.person, calendar=calendar, now=call.now)
    tell(call.db, problem=problem, entry=first_entry(call.db, problem), site=call.site)
    return call.after(show, problem.id)


@problems.post(f"{ONE}/steps", "办理困难问题的一步", roles=WITH_RECORDS)
def take(call: Call, problem_id: RowId, body: ProblemStep) -> ProblemShown:
    lock_row(call.db, Problem, problem_id)
    problem = _visible(call, problem_id)
    call.match(show_problem(call, _onlooker(call), problem))
    given = StepInput(
        text=body.text,
        unit_id=unit_id(call, body.unit, "unit"),
        person_id=call.person_id(body.person, "person") if body.person else None,
        unit_ids=None if body.units is None else _unit_ids(call, body.units),
        on=body.on,
    )
    entry = take_step(
        call.db,
        problem=problem,
        step=body.step,
        by=call.person,
        calendar=working_calendar(call.db),
        now=call.now,
        given=given,
    )
    tell(call.db, problem=problem, entry=entry, site=call.site)
    return call.after(show, problem_id)


def _unit_ids(call: Call, codes: Sequence[str]) -> list[int]:
    ids = [unit_id(call, code, "units") for code in dict.fromkeys(codes)]
    return [found for found in ids if found is not None]


def _filter(call: Call, query: ProblemQuery) -> ProblemFilter:
    asked_unit = unit_id(call, query.unit, "unit")
    return ProblemFilter(
        text=query.text,
        is_mine=query.mine,
        unit_ids=frozenset({asked_unit}) if asked_unit else None,
        state=query.state,
        is_open=query.open,
        category_id=_category_id(call, query.category) if query.category else None,
        lead_id=query.lead,
        is_overdue=query.overdue,
    )


def _category_id(call: Call, code: str) -> int:
    """The id of the category; refused as `unknown_category`."""
    for row in all_categories(call.db):
        if row.code == code:
            return row.id
    raise Refused("unknown_category", field="category")


def _onlooker(call: Call) -> Onlooker:
    return onlooker(call.db, call.viewer, call.on)


def _visible(call: Call, problem_id: int) -> Problem:
    return found(problem_of(call.db, _onlooker(call), problem_id))
