"""A draft rule tried over past periods, as its page shows it: units first, then people by name."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.digests.results import groups
from crm.jobs.ledger import began_on
from crm.people.queries import UnitNode, people_by_id, unit_tree
from crm.quotas.backtest import (
    Comparison,
    Counts,
    backtest,
    counts,
    is_seen,
    may_be_counted,
    may_be_counted_beside,
    past_periods,
)
from crm.quotas.rule_changes import check_rule
from crm.quotas.rule_versions import as_rule, versions
from crm.quotas.rules import FigureBasis, FigureResult
from crm.quotas.wording import demand_of
from crm.web.errors import show_at_field
from crm.web.forms import text_arg
from crm.web.quotas.visible_figures import figure_url, my_figure_scope
from crm.web.rules.forms import DEFAULTS, BacktestForm, form_values

MOST_PERIODS = 60
MOST_ROWS = 500
DEFAULT_PERIODS = 3


@value_class
class PersonRow:
    """One person in one period: the figure as it was, and as it would be."""

    name: str
    unit: str
    period: Period
    url: str | None  # how the figure came about
    was: FigureResult | None
    would: FigureResult | None
    basis: FigureBasis


@value_class
class Trial:
    """The draft over the periods; counts are `None` where REGIME 2 forbids to show them."""

    demand: str
    periods: tuple[Period, ...]
    total: Counts | None
    units: tuple[tuple[str, Counts | None], ...]
    by_period: tuple[tuple[Period, Counts | None], ...]
    people: tuple[PersonRow, ...]
    is_partial: bool  # whether figures of people are kept from the viewer
    left_out: int  # rows beyond what a page can hold


def form_and_trial(
    db: Session, default_code: str, now: datetime
) -> tuple[BacktestForm, Trial | None]:
    """The form of the address, with its trial where it is filled in; else a rule as it is."""
    if "minimum" not in request.args:
        return _initial_form(db, text_arg("code") or default_code, now), None

    form = BacktestForm(request.args)
    if not form.validate():
        return form, None

    try:
        return form, _try(db, form, now)
    except Refused as refusal:
        show_at_field(form, refusal)
        return form, None


def _try(db: Session, form: BacktestForm, now: datetime) -> Trial | None:
    """The trial of a valid form; none where its dates hold no whole period.

    Refused as `check_rule` does.
    """
    first, last = form.first_on.data, form.last_on.data
    assert first and last  # noqa: S101, PT018 - a valid form has them
    draft = form.draft(form.code.data or "draft", first)
    check_rule(draft)

    periods = past_periods(draft.period, first, last, clock.civil_date(now))
    if problem := _span_problem(periods):
        form.last_on.errors = [*form.last_on.errors, problem]
        return None

    compared = backtest(db, [draft], first=first, last=last, now=now, since=began_on(db))
    return _trial(db, compared, demand_of(draft), periods, include_same=bool(form.all.data))


def _trial(
    db: Session,
    compared: Sequence[Comparison],
    demand: str,
    periods: Sequence[Period],
    *,
    include_same: bool,
) -> Trial:
    units, scope = unit_tree(db), my_figure_scope()
    rows = [row for row in _in_order(db, compared, units) if row.is_turned or include_same]
    rows = [row for row in rows if is_seen(row, scope)]

    by_unit, by_period = _by_unit(compared, units), _by_period(compared)
    # REGIME 2: a total less its shown parts tells of the hidden ones
    open_units = [part for _, part in by_unit if may_be_counted(part, scope)]
    open_periods = [part for _, part in by_period if may_be_counted_beside(part, open_units, scope)]
    is_total_open = all(
        may_be_counted_beside(compared, parts, scope) for parts in (open_units, open_periods)
    )

    return Trial(
        demand=demand,
        periods=tuple(periods),
        total=counts(compared) if is_total_open else None,
        units=tuple((name, counts(part) if part in open_units else None) for name, part in by_unit),
        by_period=tuple(
            (period, counts(part) if part in open_periods else None) for period, part in by_period
        ),
        people=tuple(map(_row, rows[:MOST_ROWS])),
        is_partial=not all(is_seen(row, scope) for row in compared),
        left_out=max(0, len(rows) - MOST_ROWS),
    )


def _initial_form(db: Session, code: str, now: datetime) -> BacktestForm:
    """The form of a rule as it is, over the last periods of its kind."""
    today = clock.civil_date(now)
    known = versions(db, code)
    begun = [version for version in known if version.valid_from <= today]  # none: all to come
    data: dict[str, Any] = dict(DEFAULTS)
    if known:
        data |= form_values(as_rule(begun[-1] if begun else known[0]))
    first, last = default_span(data["period"], today)
    return BacktestForm(formdata=None, data=data | {"first_on": first, "last_on": last})


def default_span(kind: PeriodKind, today: date) -> tuple[date, date]:
    """The first and last date of the latest periods of that kind that have ended."""
    last = Period.holding(kind, today).before
    first = last
    for _ in range(DEFAULT_PERIODS - 1):
        first = first.before
    return first.first, last.last


def _span_problem(periods: Sequence[Period]) -> str:
    if not periods:
        return "所选日期范围内没有已开始的完整周期，请扩大日期范围。"
    if len(periods) > MOST_PERIODS:
        return f"一次最多试算 {MOST_PERIODS} 个周期，请缩小日期范围。"
    return ""


def _by_unit(
    compared: Sequence[Comparison], units: Sequence[UnitNode]
) -> list[tuple[str, list[Comparison]]]:
    named = groups(units, frozenset(node.unit.id for node in units))
    parts = [
        (group.name, [row for row in compared if row.unit_id in group.unit_ids]) for group in named
    ]
    return [(name, part) for name, part in parts if part]


def _by_period(compared: Iterable[Comparison]) -> list[tuple[Period, list[Comparison]]]:
    parts: defaultdict[Period, list[Comparison]] = defaultdict(list)
    for row in compared:
        parts[row.period].append(row)
    return list(parts.items())


def _in_order(
    db: Session, compared: Sequence[Comparison], units: Sequence[UnitNode]
) -> list[Comparison]:
    """By unit in the order of the tree, then by name, then by time: nobody is ranked."""
    place = {node.unit.id: number for number, node in enumerate(units)}
    people = people_by_id(db, {row.person_id for row in compared})

    return sorted(
        compared,
        key=lambda row: (
            place[row.unit_id],
            people[row.person_id].pinyin,
            row.username,
            row.period.first,
        ),
    )


def _row(compared: Comparison) -> PersonRow:
    url = figure_url(compared.rule.code, compared.username, compared.period)
    return PersonRow(
        name=compared.name,
        unit=compared.unit_name,
        period=compared.period,
        # where the rule in force judged nobody there is nothing to explain
        url=url if compared.was else None,
        was=compared.was,
        would=compared.would,
        basis=compared.basis,
    )
