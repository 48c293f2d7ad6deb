"""What a change of a visit does to a person's figures: those before it and those after it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.audit_chain import MOST_SINCE, Subject
from crm.base.updated_reads import EVERYDAY
from crm.base.value_class import value_class
from crm.quotas import facts
from crm.quotas.counting import explain, known_visits, terms_of
from crm.quotas.judging import judge_known
from crm.quotas.live import Basis, read_basis
from crm.quotas.queries import FiguresByPeriod, judged_on
from crm.quotas.rules import Figure, Rule, VisitFacts
from crm.visits.models import Visit


@value_class
class VisitChange:
    """A visit that was changed, and what it was before to a person who leads or joins it."""

    visit_id: int
    person_id: int
    was: VisitFacts | None  # none: they had no part in it


@value_class
class JudgedFacts:
    """What a person's figures of some dates rest on, by period, with the rules that judge them."""

    person_id: int
    dates: frozenset[date]
    periods: list[tuple[Basis, list[Rule]]]  # the shorter first


def read_facts(db: Session, person_id: int, dates: Iterable[date]) -> JudgedFacts:
    """The facts of every period that holds one of the dates."""
    on = frozenset(dates)
    periods = [
        (read_basis(db, period, rules, [person_id]), rules)
        for period, rules in judged_on(db, person_id, on)
    ]
    return JudgedFacts(person_id, on, periods)


def with_new_visit(
    db: Session, before: JudgedFacts, visit: Visit, changed: Collection[Subject]
) -> JudgedFacts:
    """The facts after a visit was logged; `changed`: what others changed since they were read."""
    ids = {row_id for table, row_id in changed if table == Visit.__tablename__} - {visit.id}
    if len(ids) > MOST_SINCE or not {table for table, _ in changed} <= EVERYDAY:
        return read_facts(db, before.person_id, before.dates)

    person_id, new = before.person_id, facts.facts_for(db, visit, before.person_id)
    periods = []
    for basis, rules in before.periods:
        period = basis.period
        found = facts.named_visits_by_person(db, period, [person_id], ids) if ids else {}
        anew = found.get(person_id, [])
        if new and new.first_on <= period.last and new.last_on >= period.first:
            anew.append(new)
        renewed = basis.renewed([person_id], ids | {visit.id}, {person_id: anew})
        periods.append((renewed, rules))
    return replace(before, periods=periods)


def figures_around(
    judged: JudgedFacts, as_of: datetime, change: VisitChange
) -> tuple[FiguresByPeriod, FiguresByPeriod]:
    """The person's live figures before and after the change, from the facts after it.

    What others have changed meanwhile is in both, so that the difference is the change alone. The
    figures after it are explained on the dates of the visit.
    """
    before: dict[tuple[str, str], Figure] = {}
    after: dict[tuple[str, str], Figure] = {}

    for basis, rules in judged.periods:
        for rule in rules:
            for was, now in _around(basis, rule, as_of, change):
                key = rule.code, basis.period.name
                before[key], after[key] = was, now

    return before, after


def _around(
    basis: Basis, rule: Rule, as_of: datetime, change: VisitChange
) -> Iterator[tuple[Figure, Figure]]:
    """The figure before and after, where the person holds the rule's duty."""
    terms = terms_of(rule, basis.period, basis.workdays, as_of)
    for _, tenure, visits in basis.of(rule.duty):
        now = [visit for visit in visits if visit.id == change.visit_id]
        others = (visit for visit in visits if visit.id != change.visit_id)
        # the others are the same before and after, and so are known once
        same, was, new = (
            list(known_visits(part, change.person_id, terms))
            for part in (others, [change.was] if change.was else [], now)
        )
        before, after = (judge_known(same + part, tenure, terms) for part in (was, new))
        # where each date of it is won, it counts as it would alone
        is_won = after.achieved - before.achieved == sum(visit.covered.bit_count() for visit in new)
        near = now if is_won else _overlapping(visits, now)
        yield before, replace(after, explanation=explain(near, tenure, terms))


def _overlapping(visits: Sequence[VisitFacts], changed: Sequence[VisitFacts]) -> list[VisitFacts]:
    # a date counts through the first of its visits, whatever others there are on other dates
    return [
        visit
        for visit in visits
        if any(
            visit.first_on <= each.last_on and visit.last_on >= each.first_on for each in changed
        )
    ]
