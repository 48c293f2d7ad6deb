"""Whose running figures turned for better or worse in a week (REGIME 5)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.periods import Period, PeriodKind
from crm.quotas.queries import figures, period_kinds
from crm.quotas.rules import FigureStatus

WEEK = timedelta(days=7)
Earlier = Mapping[tuple[str, int, Period], FigureStatus]  # by rule, person and period


def earlier_statuses(
    db: Session, period: Period, running: Iterable[Period], at: datetime
) -> Earlier:
    """How the running figures stood a week before; of periods that had begun by then."""
    if period.kind is not PeriodKind.WEEK:
        return {}
    then, judged = at - WEEK, period_kinds(db)
    begun = [one for one in running if one.kind in judged and one.first <= civil_date(then)]
    return {
        (one.figure.rule.code, one.person_id, one.figure.period): one.figure.status
        for part in begun
        for one in figures(db, period=part, as_of=then)
    }
