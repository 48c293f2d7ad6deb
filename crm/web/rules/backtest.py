"""A draft tried over past periods, as its page shows it: units first, then people by name."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import request, url_for
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
from crm.digests.results import groups
from crm.jobs.ledger import began_on
from crm.people.queries import UnitNode, people_by_id, unit_tree
from crm.quotas.backtest import Compared, Counts, Said, backtest, counts, past_periods
from crm.quotas.permissions import FEWEST
from crm.quotas.rule_changes import check_rule
from crm.quotas.rule_versions import as_rule, versions
from crm.quotas.rules import FigureBasis
from crm.quotas.wording import demand_of
from crm.web.errors import show_at_field
from crm.web.forms import text_arg
from crm.web.quotas.visible_figures import my_figure_scope
from crm.web.rules.forms import USUAL, BacktestForm, as_typed

MOST_PERIODS = 60
MOST_ROWS = 500
USUALLY = 3  # periods over which a draft is tried where nothing is said


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person in one period: what was said, and what the draft would have said."""

    name: str
    unit: str
    period: Period
    url: str | None  # how what was said came about
    was: Said | None
    would: Said | None
    basis: FigureBasis


@dataclass(frozen=True, slots=True)
class Trial:
    """The draft over the periods."""

    demand: str
    periods: tuple[Period, ...]
    # of all, of a unit, of a period; none: too few people, not all of them seen
    total: Counts | None
    units: tuple[tuple[str, Counts | None], ...]
    by_period: tuple[tuple[Period, Counts | None], ...]
    people: tuple[PersonRow, ...]
    is_partial: bool  # whether figures of people are kept from the viewer
    left_out: int  # rows beyond what a page can hold


def asked(db: Session, usual: str, now: datetime) -> tuple[BacktestForm, Trial | None]:
    """The form of the address, and its trial where it is filled in; else a rule as it is."""
    if "minimum" not in request.args:
        return _beginning(db, text_arg("code") or usual, now), None
    form = BacktestForm(request.args)
    if not form.validate():
        return form, None
    try:
        return form, trial(db, form, now)
    except Refused as refusal:
        show_at_field(form, refusal)
        return form, None


def trial(db: Session, form: BacktestForm, now: datetime) -> Trial | None:
    """What the draft of a valid form would have said; none where its dates hold no period.

    Refused as `check_rule` does.
    """
    first, last = form.first_on.data, form.last_on.data
    assert first and last  # noqa: S101, PT018 - a valid form has them
    draft = form.drafted(form.code.data or "draft", first)
    check_rule(draft)
    periods = past_periods(draft.period, first, last, clock.civil_date(now))
    if wrong := _wrong_span(periods):
        form.last_on.errors = [*form.last_on.errors, wrong]
        return None

    found = backtest(db, [draft], first=first, last=last, now=now, since=began_on(db))
    units = unit_tree(db)
    rows = [each for each in _in_order(db, found, units) if each.is_turned or form.all.data]
    rows = [each for each in rows if _is_seen(each)]
    by_unit, by_period = _by_unit(found, units), _by_period(found)
    told_units = [some for _, some in by_unit if _may_tell(some)]
    told_periods = [some for _, some in by_period if _may_tell_sum(some, told_units)]
    may_tell_total = _may_tell_sum(found, told_units) and _may_tell_sum(found, told_periods)

    return Trial(
        demand=demand_of(draft),
        periods=tuple(periods),
        total=counts(found) if may_tell_total else None,
        units=tuple((name, counts(some) if some in told_units else None) for name, some in by_unit),
        by_period=tuple(
            (period, counts(some) if some in told_periods else None) for period, some in by_period
        ),
        people=tuple(map(_row, rows[:MOST_ROWS])),
        is_partial=not all(map(_is_seen, found)),
        left_out=max(0, len(rows) - MOST_ROWS),
    )


def _is_seen(each: Compared) -> bool:
    sight = my_figure_scope()
    return all(sight.sees(each.person_id, each.unit_id, duty) for duty in each.duties)


def _may_tell(some: Iterable[Compared]) -> bool:
    """Whether counts of these may be shown; as `may_be_split`, for what was and what would be."""
    rows = list(some)
    owing = (
        [each for each in rows if each.was and each.was.required],
        [each for each in rows if each.would and each.would.required],
    )
    return all(
        all(map(_is_seen, side)) or len({each.person_id for each in side}) >= FEWEST
        for side in owing
    )


def _may_tell_sum(some: Sequence[Compared], told: Iterable[Sequence[Compared]]) -> bool:
    """Whether counts of these may be shown beside counts of those parts of a whole."""
    beside = {_key(each) for part in told for each in part}
    return _may_tell(some) and _may_tell(each for each in some if _key(each) not in beside)


def _key(each: Compared) -> tuple[int, int, Period]:
    return each.person_id, each.unit_id, each.period


def _beginning(db: Session, code: str, now: datetime) -> BacktestForm:
    """The form of a rule as it is, over the last periods of its kind."""
    today = clock.civil_date(now)
    known = versions(db, code)
    begun = [each for each in known if each.valid_from <= today]
    data: dict[str, Any] = dict(USUAL)
    if known:
        data |= as_typed(as_rule(begun[-1] if begun else known[0]))
    first, last = usual_span(data["period"], today)
    return BacktestForm(formdata=None, data=data | {"first_on": first, "last_on": last})


def usual_span(kind: PeriodKind, today: date) -> tuple[date, date]:
    """The dates over which a draft is tried where nothing is said: the last periods that ended."""
    last = Period.holding(kind, today).before
    first = last
    for _ in range(USUALLY - 1):
        first = first.before
    return first.first, last.last


def _wrong_span(periods: Sequence[Period]) -> str:
    if not periods:
        return "这段日期里没有完整的、已开始的周期，请把日期放宽。"
    if len(periods) > MOST_PERIODS:
        return f"一次最多回测 {MOST_PERIODS} 个周期，请把日期收窄。"
    return ""


def _by_unit(
    found: Sequence[Compared], units: Sequence[UnitNode]
) -> list[tuple[str, list[Compared]]]:
    named = groups(units, frozenset(one.unit.id for one in units))
    rows = [(one.name, [each for each in found if each.unit_id in one.unit_ids]) for one in named]
    return [(name, some) for name, some in rows if some]


def _by_period(found: Sequence[Compared]) -> list[tuple[Period, list[Compared]]]:
    rows: defaultdict[Period, list[Compared]] = defaultdict(list)
    for each in found:
        rows[each.period].append(each)
    return list(rows.items())


def _in_order(db: Session, found: Sequence[Compared], units: Sequence[UnitNode]) -> list[Compared]:
    """By unit in the order of the tree, then by name, then by time: nobody is ranked."""
    place = {one.unit.id: number for number, one in enumerate(units)}
    people = people_by_id(db, {each.person_id for each in found})
    return sorted(
        found,
        key=lambda each: (
            place[each.unit_id],
            people[each.person_id].pinyin,
            each.username,
            each.period.first,
        ),
    )


def _row(each: Compared) -> PersonRow:
    told_at = {"rule": each.rule.code, "person": each.username, "period": each.period.name}
    return PersonRow(
        name=each.name,
        unit=each.unit_name,
        period=each.period,
        url=url_for("compliance.figure", **told_at) if each.was else None,  # type: ignore[arg-type]
        was=each.was,
        would=each.would,
        basis=each.basis,
    )
