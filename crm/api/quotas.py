"""Quotas: the figures of a period, and one explained, as the board and `crm quota` give them."""

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from crm.api.call import Call, found
from crm.api.models import AskedInQuery, Shown, Username
from crm.api.operations import Resource
from crm.base.periods import Period
from crm.base.typed_dates import YEARS
from crm.jobs.ledger import began_on
from crm.people.queries import by_username
from crm.people.rules import IN_BUSINESS
from crm.quotas.facts import PersonFigure
from crm.quotas.figure_rows import as_row
from crm.quotas.permissions import figure_scope
from crm.quotas.queries import explained_figures, figures, working_calendar
from crm.quotas.rules import FigureBasis, FigureStatus, Reason, basis_of
from crm.visits.queries import rights_on

quotas = Resource("quotas", "考核")
_PERIOD = "周期：2026-W30（周）、2026-07（月）、2026-07-X1（旬）、2026-Q3（季）、2026（年）"
MOST = 5_000  # figures of one answer; a zone has some hundreds


def _period(text: str) -> str:
    try:
        is_plausible = Period.parse(text).first.year in YEARS
    except ValueError:
        is_plausible = False
    if not is_plausible:
        raise PydanticCustomError("bad_period", "bad_period", {"value": text})
    return text


PeriodName = Annotated[
    str,
    AfterValidator(_period),
    WithJsonSchema({"type": "string", "maxLength": 20, "examples": ["2026-07", "2026-W30"]}),
]
RuleCode = Annotated[str, Field(max_length=50, description="规则代码")]


class ReportQuery(AskedInQuery):
    period: PeriodName = Field(description=_PERIOD)
    rule: RuleCode | None = None
    person: Username | None = None


class ExplanationQuery(AskedInQuery):
    rule: RuleCode
    person: Username
    period: PeriodName = Field(description=_PERIOD)


class FigureShown(Shown):
    """A figure: what is owed and what counts."""

    rule: str = Field(description="规则代码")
    person: str = Field(description="账号")
    unit: str = Field(description="单位编号")
    period: str
    required: int = Field(description="应完成")
    achieved: int = Field(description="已完成")
    planned: int = Field(description="计划中")
    pace: int | None = Field(description="序时应完成")
    status: FigureStatus
    workdays: int = Field(description="工作日")
    present: int = Field(description="在岗工作日")
    estimated: bool = Field(description="工作日历是否为估算")
    basis: FigureBasis = Field(description="数据口径")


class CountedShown(Shown):
    visit: str | None = Field(description="拜访的编号；不在本人查看范围内的为空")
    days: int


class NotCountedShown(CountedShown):
    reason: Reason


class ExplanationShown(FigureShown):
    """A figure with the visits that counted, and those that did not and why."""

    counted: list[CountedShown]
    not_counted: list[NotCountedShown]


class Report(Shown):
    """The figures of a period, by rule and unit."""

    items: list[FigureShown]


@quotas.get("/quotas/report", "一个周期内本人可见的考核数据", roles=IN_BUSINESS)
def report(call: Call, query: ReportQuery) -> Report:
    period = Period.parse(query.period)
    person = by_username(call.db, query.person) if query.person else None
    if query.person and person is None:
        return Report(items=[])
    found = figures(
        call.db,
        period=period,
        as_of=call.now,
        codes=[query.rule] if query.rule else None,
        person_ids=[person.id] if person else None,
    )
    scope = figure_scope(call.db, call.viewer, call.on)
    seen = [judged for judged in found if scope.sees_figure(judged)]
    return Report(items=[FigureShown(**_columns(call, judged)) for judged in seen])


@quotas.get("/quotas/explain", "一项考核数据及其依据", roles=IN_BUSINESS, refusals=(404,))
def explain(call: Call, query: ExplanationQuery) -> ExplanationShown:
    """A figure explained; not found where the caller may not see it."""
    person = found(by_username(call.db, query.person))
    figures = explained_figures(
        call.db,
        period=Period.parse(query.period),
        as_of=call.now,
        codes=[query.rule],
        person_ids=[person.id],
    )
    scope = figure_scope(call.db, call.viewer, call.on)
    return _explained(call, found(next(filter(scope.sees_figure, figures), None)))


def _explained(call: Call, judged: PersonFigure) -> ExplanationShown:
    figure = judged.figure
    visits = [part.visit for part in figure.counted]
    visits += [part.visit for part in figure.not_counted]
    seen = rights_on(call.db, call.viewer, {visit.id for visit in visits}, call.on).visible
    refs = {visit.id: visit.ref for visit in visits if visit.id in set(seen)}

    return ExplanationShown(
        **_columns(call, judged),
        counted=[
            CountedShown(visit=refs.get(part.visit.id), days=part.days) for part in figure.counted
        ],
        not_counted=[
            NotCountedShown(visit=refs.get(part.visit.id), days=part.days, reason=part.reason)
            for part in figure.not_counted
        ],
    )


def _columns(call: Call, judged: PersonFigure) -> dict[str, object]:
    figure = judged.figure
    calendar = working_calendar(call.db)
    # a frozen figure does not change with the calendar any more
    estimated = not figure.settled and calendar.is_estimated(figure.period)
    basis = basis_of([figure], figure.period, began_on(call.db))
    return as_row(judged) | {"estimated": estimated, "basis": basis}
