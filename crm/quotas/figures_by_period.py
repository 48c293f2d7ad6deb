"""Everybody's figures of many periods at once, most of them frozen: what a trend reads."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.people.models import Posting
from crm.people.rules import Duty
from crm.quotas.frozen import frozen_by_period
from crm.quotas.queries import PersonFigure, figures, rules_holding
from crm.quotas.rules import Rule


@value_class
class _PrimaryPosting:
    """A primary posting, as far as it says who owes what."""

    person_id: int
    duty: Duty
    from_on: date
    to_on: date | None

    def touches(self, period: Period) -> bool:
        """Whether it holds on a date of the period."""
        return self.from_on <= period.last and (self.to_on is None or self.to_on >= period.first)


def figures_by_period(
    db: Session, *, periods: Sequence[Period], as_of: datetime
) -> dict[Period, list[PersonFigure]]:
    """By period, what `figures` says, but of frozen ones without the visits behind them.

    Only what is not frozen is judged, so that the past costs a fixed number of queries.
    """
    if not periods:
        return {}

    first, last = min(period.first for period in periods), max(period.last for period in periods)
    frozen = frozen_by_period(db, periods=periods, as_of=as_of)
    # read once for all periods; which of them concern one is found in memory
    rules, postings = rules_holding(db, first, last), _primary_postings(db, first, last)

    return {
        period: frozen[period] + _others(db, period, as_of, frozen[period], rules, postings)
        for period in periods
    }


def _primary_postings(db: Session, first: date, last: date) -> list[_PrimaryPosting]:
    rows = db.execute(
        select(Posting.person_id, Posting.duty, Posting.from_on, Posting.to_on).where(
            Posting.is_primary,
            Posting.from_on <= last,
            or_(Posting.to_on.is_(None), Posting.to_on >= first),
        )
    )
    return [_PrimaryPosting(*row) for row in rows]


def _others(  # noqa: PLR0913, PLR0917 - what was read once for all periods
    db: Session,
    period: Period,
    as_of: datetime,
    frozen: Iterable[PersonFigure],
    rules: Iterable[Rule],
    postings: Iterable[_PrimaryPosting],
) -> list[PersonFigure]:
    """The figures of those who owe in the period and have no frozen one."""
    kept = {(judged.figure.rule.code, judged.person_id) for judged in frozen}
    owing: defaultdict[Duty, set[int]] = defaultdict(set)

    for posting in postings:
        if posting.touches(period):
            owing[posting.duty].add(posting.person_id)

    judging = [rule for rule in rules if rule.period is period.kind and rule.holds_on(period.first)]
    missing = {
        person_id
        for rule in judging
        for person_id in owing[rule.duty]
        if (rule.code, person_id) not in kept
    }
    if not missing:
        return []

    # where nothing is frozen, everybody: no long list of ids for the database
    found = figures(db, period=period, as_of=as_of, person_ids=missing if kept else None)

    return [judged for judged in found if (judged.figure.rule.code, judged.person_id) not in kept]
