"""What draft rules would have made of past periods, beside what was judged; changes nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.periods import DAY, Period, PeriodKind
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.people.rules import Duty
from crm.quotas.facts import PersonFigure, Place
from crm.quotas.live import live_figures
from crm.quotas.models import FigureRecord
from crm.quotas.permissions import FEWEST, FigureScope
from crm.quotas.queries import figures, working_calendar
from crm.quotas.rules import (
    WORKDAYS_TO_LOG,
    FigureBasis,
    FigureResult,
    FigureStatus,
    Rule,
    basis_of,
)


@value_class
class Comparison(Place):
    """One person, rule and period: the result as it was, and by the draft."""

    rule: Rule  # the draft
    period: Period
    was: FigureResult | None  # none: nothing was asked
    would: FigureResult | None  # none: the draft asks nothing of them
    basis: FigureBasis  # of the result as it was
    duties: frozenset[Duty]  # of which the two figures are: they decide who sees them

    @property
    def is_frozen(self) -> bool:
        """Whether the result as it was is a frozen figure."""
        return self.basis is FigureBasis.SETTLED

    @property
    def is_changed(self) -> bool:
        """Whether the draft comes to any other number or status."""
        return self.was != self.would

    @property
    def is_turned(self) -> bool:
        """Whether the draft comes to another status, not to other numbers alone."""
        return (self.was and self.was.status) != (self.would and self.would.status)


@value_class
class Counts:
    """How many owed something and how many met it, as it was and by the draft."""

    was_owing: int
    was_met: int
    would_owing: int
    would_met: int
    changed: int
    turned: int  # those of them with another status


def past_periods(kind: PeriodKind, first: date, last: date, today: date) -> list[Period]:
    """The periods of that kind that lie whole within the dates and have begun, in order."""
    period = Period.holding(kind, first)
    # one that began before the dates does not lie whole within them
    period = period if period.first == first else period.after
    found = []
    while period.last <= last and period.first <= today:
        found.append(period)
        period = period.after
    return found


def backtest(  # noqa: PLR0913 - which figures, and as known when
    db: Session,
    drafts: Sequence[Rule],
    *,
    first: date,
    last: date,
    now: datetime,
    since: date = date.min,
) -> list[Comparison]:
    """The drafts over the periods of their kind within the dates, by rule, period, unit and name.

    Each period is judged by what was known at its freeze (or is now, where that lies ahead); from
    when to when a draft holds does not matter here. `since`: on which date the clock's slots begin.
    """
    calendar = working_calendar(db)
    found: list[Comparison] = []

    # a dict, as a set would lose the order of the drafts
    for kind in {draft.period: None for draft in drafts}:
        of_kind = [draft for draft in drafts if draft.period is kind]
        for period in past_periods(kind, first, last, civil_date(now)):
            as_of = _known_at(db, calendar, period, now)
            found += _compare(db, of_kind, period, as_of, since)

    order = [draft.code for draft in drafts]

    return sorted(
        found,
        key=lambda row: (
            order.index(row.rule.code),
            row.period.first,
            row.unit_code,
            row.username,
        ),
    )


def counts(compared: Iterable[Comparison]) -> Counts:
    """How many owed and met before and after; whoever is exempt owes nothing."""
    totals: Counter[str] = Counter()

    for row in compared:
        for name, result in (("was", row.was), ("would", row.would)):
            status = result.status if result else FigureStatus.EXEMPT
            totals[f"{name}_owing"] += status is not FigureStatus.EXEMPT
            totals[f"{name}_met"] += status is FigureStatus.MET
        totals["changed"] += row.is_changed
        totals["turned"] += row.is_turned

    return Counts(**{name: totals[name] for name in Counts.__dataclass_fields__})


def is_seen(compared: Comparison, scope: FigureScope) -> bool:
    """Whether the viewer may see both figures with the person's name."""
    return all(scope.sees(compared.person_id, compared.unit_id, duty) for duty in compared.duties)


def may_be_counted(compared: Iterable[Comparison], scope: FigureScope) -> bool:
    """Whether counts of these may be shown: `may_be_split` for what was and what would be."""
    rows = list(compared)
    owing = (
        [row for row in rows if row.was and row.was.required],
        [row for row in rows if row.would and row.would.required],
    )
    return all(
        all(is_seen(row, scope) for row in side) or len({row.person_id for row in side}) >= FEWEST
        for side in owing
    )


def may_be_counted_beside(
    whole: Sequence[Comparison], parts: Iterable[Sequence[Comparison]], scope: FigureScope
) -> bool:
    """Whether counts of the whole may be shown beside counts of these parts of it."""
    # REGIME 2: the whole less the parts tells of the rest
    shown = {_place(row) for part in parts for row in part}
    rest = (row for row in whole if _place(row) not in shown)
    return may_be_counted(whole, scope) and may_be_counted(rest, scope)


def _place(compared: Comparison) -> tuple[int, int, Period]:
    return compared.person_id, compared.unit_id, compared.period


def _known_at(db: Session, calendar: WorkingCalendar, period: Period, now: datetime) -> datetime:
    """The moment of the period's freeze: as it was, else as it is due; at the latest now."""
    query = select(func.max(FigureRecord.frozen_at)).where(FigureRecord.period == period.name)
    if frozen_at := db.scalar(query):
        return min(frozen_at, now)
    due_on = calendar.nth_workday_after(period.last, WORKDAYS_TO_LOG) + DAY
    return min(at_civil(due_on), now)


def _compare(
    db: Session, drafts: Sequence[Rule], period: Period, as_of: datetime, since: date
) -> Iterable[Comparison]:
    codes = {draft.code for draft in drafts}
    judged = figures(db, period=period, as_of=as_of, codes=codes)
    # whatever is frozen: a draft judges the facts
    by_draft = live_figures(db, period=period, as_of=as_of, rules=drafts)
    was = {_key(figure): figure for figure in judged}
    would = {_key(figure): figure for figure in by_draft}
    rules = {draft.code: draft for draft in drafts}

    for key in {**would, **was}:
        before = was.get(key)
        basis = basis_of([before.figure] if before else [], period, since)
        yield _comparison(rules[key[0]], before, would.get(key), basis)


def _comparison(
    rule: Rule, was: PersonFigure | None, would: PersonFigure | None, basis: FigureBasis
) -> Comparison:
    known = was or would
    assert known is not None  # noqa: S101 - the caller has at least one of them
    return Comparison(
        **{name: getattr(known, name) for name in Place.__dataclass_fields__},
        rule=rule,
        period=known.figure.period,
        was=_result(was),
        would=_result(would),
        basis=basis,
        duties=frozenset(judged.figure.rule.duty for judged in (was, would) if judged),
    )


def _result(judged: PersonFigure | None) -> FigureResult | None:
    if judged is None:
        return None
    figure = judged.figure
    return FigureResult(figure.required, figure.achieved, figure.status)


def _key(judged: PersonFigure) -> tuple[str, int]:
    return judged.figure.rule.code, judged.person_id
