"""Reads of the quotas: rules, the working calendar, and everybody's figures (REGIME 4)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from itertools import product
from typing import TypeAlias

from sqlalchemy import bindparam, func, select, union
from sqlalchemy.orm import Session

from crm.base.periods import Period, PeriodKind
from crm.base.remembered import recall, remembered_long
from crm.base.value_class import value_class
from crm.people.models import Posting
from crm.people.queries import unit_tree
from crm.people.rules import Duty
from crm.quotas import facts
from crm.quotas.date_bits import dates_of
from crm.quotas.facts import PersonFigure as PersonFigure
from crm.quotas.facts import working_calendar as working_calendar
from crm.quotas.frozen import frozen_by_period, frozen_figures, next_settlement
from crm.quotas.live import explained_live_figures, in_order
from crm.quotas.live_reads import read_live
from crm.quotas.models import FigureRecord, RuleVersion
from crm.quotas.permissions import FigureScope
from crm.quotas.rules import Figure, Rule
from crm.quotas.waiting import WaitingVisit
from crm.visits.models import Visit
from crm.visits.permissions import covering

FiguresByPeriod: TypeAlias = Mapping[tuple[str, str], Figure]  # by rule code and period name


def rules_for(db: Session, period: Period) -> list[Rule]:
    """The rules by which the period is judged: the versions that hold on its first date."""
    return rules_for_all(db, [period])


def rules_holding(db: Session, first: date, last: date) -> list[Rule]:
    """The versions that hold on a date of the span, for periods of any kind, by code."""
    return [
        rule
        for rule in _all_rules(db)
        if rule.valid_from <= last and (rule.valid_to is None or rule.valid_to >= first)
    ]


def _all_rules(db: Session) -> list[Rule]:
    """Every version of every rule, by code: a zone has a dozen."""
    return remembered_long(
        db, "rules", read=lambda: [Rule(*row) for row in db.execute(_RULES).all()]
    )


_RULES = select(*(RuleVersion.__table__.c[field.name] for field in fields(Rule))).order_by(
    RuleVersion.code
)
# only of duties that the person ever held: others owe in other periods
_DUTIES = select(Posting.duty).where(
    Posting.person_id == bindparam("person_id"), Posting.is_primary
)


def _rules_of(period: Period, rules: Iterable[Rule]) -> list[Rule]:
    """Those of the rules by which the period is judged."""
    return [rule for rule in rules if rule.period is period.kind and rule.holds_on(period.first)]


def rules_for_all(db: Session, periods: Collection[Period]) -> list[Rule]:
    """The rules by which any of the periods is judged, read at once."""
    if not periods:
        return []

    first_dates = [period.first for period in periods]
    return [
        rule
        for rule in rules_holding(db, min(first_dates), max(first_dates))
        if any(rule.period is period.kind and rule.holds_on(period.first) for period in periods)
    ]


def rule_codes(db: Session) -> list[str]:
    """The code of every rule that ever was."""
    return list(db.scalars(select(RuleVersion.code).distinct().order_by(RuleVersion.code)))


def period_kinds(db: Session) -> list[PeriodKind]:
    """The kinds of period by which any rule ever judged, the shorter first."""
    kinds = {rule.period for rule in _all_rules(db)}
    return [kind for kind in PeriodKind if kind in kinds]


def dates_held(db: Session, duty: Duty, person_id: int, period: Period) -> tuple[date, ...]:
    """On which dates of the period the person holds the duty."""
    holding = facts.holdings(db, period, [duty], [person_id]).get((person_id, duty))
    return dates_of(period, holding.held) if holding else ()


def figures(
    db: Session,
    *,
    period: Period,
    as_of: datetime,
    codes: Collection[str] | None = None,
    person_ids: Collection[int] | None = None,
) -> list[PersonFigure]:
    """One figure per rule and person who holds its duty in the period, by rule and unit.

    What was frozen by then stands as it was frozen, whatever the facts say now (REGIME 4). The
    visits behind it are not read: see `explained_figures`. Figures that cannot have changed since
    they were last asked for are remembered.
    """
    people = None if person_ids is None else frozenset(person_ids)
    return [
        judged
        for judged in current(db, period, as_of, people).figures
        if (codes is None or judged.figure.rule.code in codes)
        and (people is None or judged.person_id in people)
    ]


@value_class
class Current:
    """What one read of a period gives, of everybody or of some people."""

    figures: list[PersonFigure]
    waiting: list[WaitingVisit] | None  # none: nobody's visits, or not everybody's, were read
    until: datetime  # the next moment at which time itself may change them

    def __len__(self) -> int:
        """How much it holds."""
        return len(self.figures) + len(self.waiting or ())


def current(
    db: Session, period: Period, as_of: datetime, person_ids: frozenset[int] | None
) -> Current:
    """What is remembered of everybody or of these people, else what is read now.

    It may hold more people than were asked for.
    """
    memory = recall(db, as_of)
    if memory is None:
        return _read(db, period, as_of, person_ids)

    def read() -> tuple[Current, datetime]:
        made = _read(db, period, as_of, person_ids)
        until = min(made.until, next_settlement(db, period, as_of) or made.until)
        return Current(made.figures, made.waiting, until), until

    return memory.find_or_read(period, person_ids, read=read)


def _read(
    db: Session, period: Period, as_of: datetime, person_ids: frozenset[int] | None
) -> Current:
    """The figures with what waits, and until when what is live holds."""
    rules = rules_holding(db, period.first, period.first)
    frozen = frozen_by_period(db, periods=[period], as_of=as_of, person_ids=person_ids)[period]
    judging = [rule for rule in rules if rule.period is period.kind]
    others = _not_frozen(db, period, judging, person_ids, frozen)
    people = person_ids if others is None else {person_id for _, person_id in others}
    # by no rule, nobody's visits are read
    read_by = rules if judging else []
    live = read_live(db, period=period, as_of=as_of, rules=read_by, person_ids=people)
    made = _joined(frozen, live.figures, others)
    return Current(made, live.waiting if judging and others is None else None, live.until)


def explained_figures(
    db: Session,
    *,
    period: Period,
    as_of: datetime,
    codes: Collection[str] | None = None,
    person_ids: Collection[int] | None = None,
) -> list[PersonFigure]:
    """The same as `figures`, each with the visits behind it."""
    rules = [rule for rule in rules_for(db, period) if codes is None or rule.code in codes]
    frozen = frozen_figures(db, period=period, as_of=as_of, codes=codes, person_ids=person_ids)
    others = _not_frozen(db, period, rules, person_ids, frozen)
    people = person_ids if others is None else {person_id for _, person_id in others}
    live = explained_live_figures(db, period=period, as_of=as_of, rules=rules, person_ids=people)
    return _joined(frozen, live, others)


def _not_frozen(
    db: Session,
    period: Period,
    rules: Sequence[Rule],
    person_ids: Collection[int] | None,
    frozen: Sequence[PersonFigure],
) -> set[tuple[str, int]] | None:
    """By rule, who owes and has no frozen figure; None: nothing is frozen."""
    if not frozen:
        return None
    known = {_key(judged) for judged in frozen}
    # one figure that is frozen leaves nobody to look for
    if person_ids is not None and known >= {*product((rule.code for rule in rules), person_ids)}:
        return set()
    # for past periods hardly ever anybody
    return _owing(db, period, rules, person_ids) - known


def _joined(
    frozen: Sequence[PersonFigure],
    live: list[PersonFigure],
    others: set[tuple[str, int]] | None,
) -> list[PersonFigure]:
    if others is None:
        return live
    return in_order([*frozen, *(judged for judged in live if _key(judged) in others)])


def _owing(
    db: Session, period: Period, rules: Sequence[Rule], person_ids: Collection[int] | None
) -> set[tuple[str, int]]:
    """By rule, who holds its duty on a date of the period."""
    held = facts.holdings(db, period, {rule.duty for rule in rules}, person_ids)
    return {
        (rule.code, person_id)
        for person_id, duty in held
        if person_ids is None or person_id in person_ids
        for rule in rules
        if rule.duty is duty
    }


def figures_on(
    db: Session, person_id: int, dates: Iterable[date], as_of: datetime
) -> FiguresByPeriod:
    """The person's live figures of every period that holds one of the dates, each explained.

    Those of shorter periods come first.
    """
    found: dict[tuple[str, str], Figure] = {}

    for period, rules in judged_on(db, person_id, dates):
        live = explained_live_figures(
            db, period=period, as_of=as_of, rules=rules, person_ids=[person_id]
        )
        found |= _by_period(live, period)

    return found


def judged_on(
    db: Session, person_id: int, dates: Iterable[date]
) -> list[tuple[Period, list[Rule]]]:
    """The periods that hold one of the dates, the shorter first, with the person's rules."""
    duties = _duties_of(db, person_id)
    rules = [rule for rule in _all_rules(db) if rule.duty in duties]
    periods = {Period.holding(rule.period, on) for rule in rules for on in dates}
    kinds = list(PeriodKind)

    return [
        (period, _rules_of(period, rules))
        for period in sorted(periods, key=lambda each: (kinds.index(each.kind), each.first))
    ]


def _by_period(judged: Iterable[PersonFigure], period: Period) -> dict[tuple[str, str], Figure]:
    return {(each.figure.rule.code, period.name): each.figure for each in judged}


def figures_in_scope(
    db: Session, scope: FigureScope, period: Period, as_of: datetime
) -> list[PersonFigure]:
    """The viewer's own figures, and those under the units of which they see counts.

    Where these are the whole zone's, everybody's are read: they are the same for many viewers.
    """
    people = _people_of(db, scope, period)
    judged = current(db, period, as_of, _asked_for(db, scope, period)).figures
    return [figure for figure in judged if figure.person_id in people]


def _people_of(db: Session, scope: FigureScope, period: Period) -> frozenset[int]:
    if not scope.unit_ids:
        return frozenset({scope.person_id})
    return people_under(db, scope.unit_ids, period) | {scope.person_id}


def _asked_for(db: Session, scope: FigureScope, period: Period) -> frozenset[int] | None:
    """The people whose figures are read for the scope; none: everybody's."""
    is_zone = bool(scope.unit_ids) and len(scope.unit_ids) == len(unit_tree(db))
    return None if is_zone else _people_of(db, scope, period)


def unchanged_until(db: Session, scope: FigureScope, period: Period, as_of: datetime) -> datetime:
    """Until when time itself changes none of `figures_in_scope`, nor the visits that wait for them.

    `as_of` where that is not known.
    """
    found = current(db, period, as_of, _asked_for(db, scope, period))
    return as_of if found.waiting is None else found.until


def own_figures(db: Session, person_id: int, on: date, as_of: datetime) -> list[Figure]:
    """The person's figures of the periods that hold the date, the shorter first."""
    return [judged.figure for judged in figures_of(db, person_id, on, as_of)]


def figures_of(db: Session, person_id: int, on: date, as_of: datetime) -> list[PersonFigure]:
    """The same with the unit under which each stands, by which others see it."""
    kinds = _kinds_of(db, person_id)
    periods = [Period.holding(kind, on) for kind in PeriodKind if kind in kinds]
    return [
        judged
        for period in periods
        for judged in figures(db, period=period, as_of=as_of, person_ids=[person_id])
    ]


def _kinds_of(db: Session, person_id: int) -> frozenset[PeriodKind]:
    """The kinds of period of duties that the person ever held: others owe in other periods."""
    duties = _duties_of(db, person_id)
    return frozenset(rule.period for rule in _all_rules(db) if rule.duty in duties)


def _duties_of(db: Session, person_id: int) -> frozenset[Duty]:
    """The duties that the person ever held."""
    return remembered_long(
        *(db, "duties of", person_id),
        read=lambda: frozenset(db.scalars(_DUTIES, {"person_id": person_id})),
    )


def people_under(db: Session, unit_ids: Collection[int], period: Period) -> frozenset[int]:
    """Ids of the people whose figures of the period may stand under one of the units."""
    return remembered_long(
        *(db, "people under", frozenset(unit_ids), period),
        read=lambda: _read_people_under(db, unit_ids, period),
    )


def _read_people_under(db: Session, unit_ids: Collection[int], period: Period) -> frozenset[int]:
    posted = select(Posting.person_id).where(
        Posting.is_primary,
        Posting.unit_id.in_(unit_ids),
        Posting.from_on <= period.last,
        Posting.to_on.is_(None) | (Posting.to_on >= period.first),
    )
    frozen = select(FigureRecord.person_id).where(
        FigureRecord.unit_id.in_(unit_ids), FigureRecord.period == period.name
    )
    return frozenset(db.scalars(union(posted, frozen)))


def figure_of(
    db: Session, *, code: str, person_id: int, period: Period, as_of: datetime
) -> PersonFigure | None:
    """The explained figure of one person; none where no such rule, or not the person, is judged."""
    found = explained_figures(db, period=period, as_of=as_of, codes=[code], person_ids=[person_id])
    return found[0] if found else None


def last_visit_edit(db: Session, period: Period) -> datetime | None:
    """When a visit of the period was last entered, logged or judged.

    Nothing else that figures rest on has a moment: it is as known now (REGIME 4, As of T).
    """
    moments = (Visit.entered_at, Visit.logged_at, Visit.verdict_at)
    latest = db.execute(
        select(*map(func.max, moments)).where(covering(period.first, period.last))
    ).one()
    return max(filter(None, latest), default=None)


def _key(judged: PersonFigure) -> tuple[str, int]:
    return judged.figure.rule.code, judged.person_id
