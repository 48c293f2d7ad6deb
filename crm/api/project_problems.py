"""Problems that hold projects up (困难问题): listed and read with their history (PROJECTS 5)."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from crm.api.call import Call, NotFound
from crm.api.lead_models import unit_id
from crm.api.models import Listed, Listing, RowId
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
from crm.people.rules import WITH_RECORDS
from crm.problems.categories import categories as all_categories
from crm.problems.models import Problem
from crm.problems.permissions import Onlooker, onlooker
from crm.problems.queries import ProblemFilter, problem_of, problems_page, seen
from crm.problems.rules import ProblemState

problems = Resource("problems", "困难问题")
ONE = "/problems/{problem_id}"


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
    problem = problem_of(call.db, _onlooker(call), problem_id)
    if problem is None:
        raise NotFound
    return problem
