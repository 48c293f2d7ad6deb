"""What a change of the working calendar does: to months, to what is owed, to what is frozen."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.quotas.calendar import Flips
from crm.quotas.models import FigureRecord
from crm.quotas.queries import figures, period_kinds, working_calendar

FROZEN_BY_NOW = timedelta(days=40)  # no run of rest days holds up a freeze for so long

Owed = Mapping[tuple[Period, str], Mapping[int, int]]  # period, rule's name: person, required


@value_class
class CalendarState:
    """Working days, requirements and frozen figures before or after a change."""

    workdays: Mapping[Period, int]  # of each month
    owed: Owed
    frozen: int


@value_class
class Month:
    """A month whose number of working days changes."""

    period: Period
    before: int
    after: int


@value_class
class Demand:
    """A rule's requirement changes in an open period; the numbers are one person's."""

    period: Period
    rule: str
    people: int
    before: int
    after: int


@value_class
class Effects:
    """All effects of a change."""

    flips: Flips
    months: list[Month]
    demands: list[Demand]
    frozen: int  # figures that stay as they are, and may be corrected


def calendar_state(db: Session, changed: Flips, now: datetime) -> CalendarState:
    """The present state of the periods that hold the changed dates."""
    calendar = working_calendar(db)
    months = sorted({Period.holding(PeriodKind.MONTH, on) for on in changed.dates})
    return CalendarState(
        {month: len(calendar.workdays(month.first, month.last)) for month in months},
        {key: owed for period in _open(db, changed, now) for key, owed in _owed(db, period, now)},
        _frozen(db, changed),
    )


def effects(changed: Flips, before: CalendarState, after: CalendarState) -> Effects:
    """The difference between the two states."""
    months = [Month(month, before.workdays[month], days) for month, days in after.workdays.items()]
    demands = []

    for (period, rule), owed in after.owed.items():
        was = before.owed.get((period, rule), {})
        other = [person_id for person_id in owed if was.get(person_id) != owed[person_id]]
        if other:
            # the numbers of one of them, as an example for all
            first = other[0]
            demands.append(Demand(period, rule, len(other), was.get(first, 0), owed[first]))

    return Effects(
        changed, [month for month in months if month.before != month.after], demands, after.frozen
    )


def _open(db: Session, changed: Flips, now: datetime) -> list[Period]:
    """The periods of any rule that hold such a date, have begun and are not frozen."""
    today = civil_date(now)
    periods = {Period.holding(kind, on) for kind in period_kinds(db) for on in changed.dates}
    earliest = today - FROZEN_BY_NOW
    # a period that ended long ago is frozen, or never will be
    begun = {period for period in periods if period.first <= today and period.last >= earliest}
    closed = select(FigureRecord.period).where(
        FigureRecord.frozen_at.is_not(None),
        FigureRecord.period.in_({period.name for period in begun}),
    )
    names = set(db.scalars(closed.distinct()))
    return sorted(period for period in begun if period.name not in names)


def _owed(
    db: Session, period: Period, now: datetime
) -> list[tuple[tuple[Period, str], dict[int, int]]]:
    owed: dict[tuple[Period, str], dict[int, int]] = {}
    for judged in figures(db, period=period, as_of=now):
        of_rule = owed.setdefault((period, judged.figure.rule.name), {})
        of_rule[judged.person_id] = judged.figure.required
    return list(owed.items())


def _frozen(db: Session, changed: Flips) -> int:
    """How many frozen figures hold such a date."""
    dates: list[date] = changed.dates
    if not dates:
        return 0
    query = select(func.count()).select_from(FigureRecord)
    holding = or_(
        *(
            (FigureRecord.first_on <= month.last) & (FigureRecord.last_on >= month.first)
            for month in _spans(dates)
        )
    )
    return db.scalar(query.where(FigureRecord.frozen_at.is_not(None), holding)) or 0


@value_class
class _Span:
    first: date
    last: date


def _spans(dates: list[date]) -> list[_Span]:
    """Runs of neighbouring dates."""
    runs: list[_Span] = []
    for on in dates:
        if runs and (on - runs[-1].last).days == 1:
            runs[-1] = _Span(runs[-1].first, on)
        else:
            runs.append(_Span(on, on))
    return runs
