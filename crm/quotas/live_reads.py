"""What the facts of a period say now, judged once and brought up to date by what changes.

After a change of a visit the visits that changed are read again, and their people judged anew.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain

from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.periods import DAY, Period
from crm.base.updated_reads import updated_read
from crm.base.value_class import value_class
from crm.quotas import facts
from crm.quotas.facts import PersonFigure
from crm.quotas.live import Basis, in_order, judged_by, read_basis
from crm.quotas.rules import Rule, VisitFacts
from crm.quotas.waiting import WaitingVisit, waiting_visits


@value_class
class Live:
    """What one read of a period gives at a moment."""

    figures: list[PersonFigure]
    waiting: list[WaitingVisit]
    until: datetime  # the next moment at which time itself may change them


@value_class
class _Read:
    """The facts as they were read, and what they said from a moment on."""

    basis: Basis
    since: datetime
    live: Live

    def __len__(self) -> int:
        """How much it holds."""
        return sum(map(len, self.basis.visits.values())) + len(self.live.figures) + 1


def read_live(
    db: Session,
    *,
    period: Period,
    as_of: datetime,
    rules: Sequence[Rule],
    person_ids: Collection[int] | None,
) -> Live:
    """The same as `live_figures`, with what waits and until when both hold.

    `rules`: all that hold on the period's first date, as visits wait for those of other periods,
    too.
    """
    people = None if person_ids is None else frozenset(person_ids)

    def read() -> _Read:
        basis = read_basis(db, period, rules, people)
        return _Read(basis, as_of, _live(db, basis, rules, as_of))

    def update(before: _Read, visit_ids: Collection[int]) -> _Read:
        return _updated(db, before, visit_ids, rules, as_of, people)

    if not rules:  # nobody's visits are read
        return read().live
    key = ("live", period, tuple(rule.code for rule in rules), people)
    return updated_read(db, *key, subject="visit", read=read, update=update).live


def _live(db: Session, basis: Basis, rules: Sequence[Rule], as_of: datetime) -> Live:
    return Live(
        judged_by(basis, _judging(basis.period, rules), as_of, None),
        waiting_visits(db, basis.period, basis.visits, rules, as_of),
        _until(basis.visits.values(), as_of),
    )


def _updated(  # noqa: PLR0913, PLR0917 - what was read, what changed, and who asks when
    db: Session,
    before: _Read,
    visit_ids: Collection[int],
    rules: Sequence[Rule],
    as_of: datetime,
    people: frozenset[int] | None,
) -> _Read:
    """The read with the visits as they are now; the figures of their people are judged anew."""
    basis, period = before.basis, before.basis.period
    anew = facts.named_visits_by_person(db, period, people, visit_ids) if visit_ids else {}
    concerned = anew.keys() | {
        person_id
        for person_id, visits in basis.visits.items()
        if any(visit.id in visit_ids for visit in visits)
    }
    if concerned:
        basis = basis.renewed(concerned, visit_ids, anew)

    if not before.since <= as_of < before.live.until:
        return _Read(basis, as_of, _live(db, basis, rules, as_of))
    if not concerned:
        return before
    live = before.live
    held = {key: held for key, held in basis.holdings.items() if key[0] in concerned}
    judged = judged_by(replace(basis, holdings=held), _judging(period, rules), as_of, None)
    others = (each for each in live.figures if each.person_id not in concerned)
    waiting = [each for each in live.waiting if each.id not in visit_ids]
    return _Read(
        basis,
        as_of,  # before it, what was entered meanwhile was not there (REGIME 4, As of T)
        Live(
            in_order([*others, *judged]),
            waiting + waiting_visits(db, period, anew, rules, as_of),
            min(live.until, _until(anew.values(), as_of)),
        ),
    )


def _judging(period: Period, rules: Iterable[Rule]) -> list[Rule]:
    return [rule for rule in rules if rule.period is period.kind]


def _until(visits: Iterable[Iterable[VisitFacts]], as_of: datetime) -> datetime:
    """The next moment at which a visit may come to count otherwise: midnight at the latest."""
    until = clock.at_civil(clock.civil_date(as_of) + DAY)
    for visit in chain.from_iterable(visits):
        for moment in (
            *(visit.entered_at, visit.starts_at, visit.ends_at),
            *(visit.logged_at or as_of, visit.verdict_at or as_of),
        ):
            if as_of < moment < until:
                until = moment
    return until
