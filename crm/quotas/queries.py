"""Reads of the quotas: rules, the working calendar, and everybody's figures (REGIME 4)."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from functools import partial
from typing import TypeAlias

from sqlalchemy import func, or_, select, union
from sqlalchemy.orm import Session

from crm.base.periods import Period, PeriodKind
from crm.base.workdays import Source, Workday, WorkingCalendar
from crm.people.models import Posting
from crm.people.rules import Duty
from crm.quotas import facts
from crm.quotas.counting import explain, terms_of
from crm.quotas.date_bits import DateBits, bits_of, dates_of
from crm.quotas.facts import Holding, Place
from crm.quotas.facts import PersonFigure as PersonFigure
from crm.quotas.frozen import frozen_by_period, frozen_figures
from crm.quotas.judging import judge
from crm.quotas.models import FigureRecord, RuleVersion, WorkdayOverride
from crm.quotas.rules import Figure, Freeze, Rule, Tenure, VisitFacts
from crm.visits.models import Visit
from crm.visits.permissions import covering

FiguresByPeriod: TypeAlias = Mapping[tuple[str, str], Figure]  # by rule code and period name


def working_calendar(db: Session) -> WorkingCalendar:
    """The working calendar with the zone's overrides and imported years."""
    columns = (WorkdayOverride.on, WorkdayOverride.is_workday, WorkdayOverride.source)
    by_hand_last = WorkdayOverride.source == Source.OVERRIDE  # REGIME 4: it goes first
    rows = db.execute(select(*columns).order_by(by_hand_last))
    return WorkingCalendar({on: Workday(is_workday, source) for on, is_workday, source in rows})


def rules_for(db: Session, period: Period) -> list[Rule]:
    """The rules by which the period is judged: the versions that hold on its first date."""
    return rules_for_all(db, [period])


def rules_holding(db: Session, first: date, last: date) -> list[Rule]:
    """The versions that hold on a date of the span, for periods of any kind, by code."""
    columns = [getattr(RuleVersion, field.name) for field in fields(Rule)]
    holding = (RuleVersion.valid_from <= last) & or_(
        RuleVersion.valid_to.is_(None), RuleVersion.valid_to >= first
    )
    rows = db.execute(select(*columns).where(holding).order_by(RuleVersion.code))
    return [Rule(*row) for row in rows]


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


def rule_of(db: Session, code: str, period: Period) -> Rule | None:
    """The version of that rule by which the period is judged."""
    return next((rule for rule in rules_for(db, period) if rule.code == code), None)


def rule_codes(db: Session) -> list[str]:
    """The code of every rule that ever was."""
    return list(db.scalars(select(RuleVersion.code).distinct().order_by(RuleVersion.code)))


def period_kinds(db: Session) -> list[PeriodKind]:
    """The kinds of period by which any rule ever judged, the shorter first."""
    kinds = set(db.scalars(select(RuleVersion.period).distinct()))
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
    visits behind it are not read: see `explained_figures`.
    """
    wanted = _Wanted(period, codes, person_ids)
    frozen = frozen_by_period(
        db, periods=[period], as_of=as_of, codes=codes, person_ids=person_ids
    )[period]
    return _with_live(db, wanted, frozen, partial(live_figures, as_of=as_of))


def explained_figures(
    db: Session,
    *,
    period: Period,
    as_of: datetime,
    codes: Collection[str] | None = None,
    person_ids: Collection[int] | None = None,
) -> list[PersonFigure]:
    """The same as `figures`, each with the visits behind it."""
    wanted = _Wanted(period, codes, person_ids)
    frozen = frozen_figures(db, period=period, as_of=as_of, codes=codes, person_ids=person_ids)
    return _with_live(db, wanted, frozen, partial(explained_live_figures, as_of=as_of))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which figures: by rule code and by person, `None` means all."""

    period: Period
    codes: Collection[str] | None
    person_ids: Collection[int] | None


def _with_live(
    db: Session,
    wanted: _Wanted,
    frozen: Sequence[PersonFigure],
    live: Callable[..., list[PersonFigure]],
) -> list[PersonFigure]:
    """The frozen figures, and the live ones of those who owe and have none."""
    period, codes = wanted.period, wanted.codes
    rules = [rule for rule in rules_for(db, period) if codes is None or rule.code in codes]
    if not frozen:
        return live(db, period=period, rules=rules, person_ids=wanted.person_ids)

    kept = {_key(judged) for judged in frozen}
    # for past periods hardly ever anybody
    others = _owing(db, period, rules, wanted.person_ids) - kept
    people = {person_id for _, person_id in others}
    judged = live(db, period=period, rules=rules, person_ids=people)

    return sorted([*frozen, *(found for found in judged if _key(found) in others)], key=_place)


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


def live_figures(  # noqa: PLR0913 - which figures, and as known when
    db: Session,
    *,
    period: Period,
    as_of: datetime,
    rules: Sequence[Rule],
    person_ids: Collection[int] | None = None,
    freeze: Freeze | None = None,
) -> list[PersonFigure]:
    """The figures by these rules and the facts alone, whatever is frozen.

    `freeze`: when the figures were frozen, to judge what edits made of them since.
    """
    basis = _read(db, period, rules, as_of, person_ids)
    made = []

    for rule in rules:
        terms = terms_of(rule, period, basis.workdays, as_of, freeze)
        for holding, tenure, visits in basis.of(rule.duty):
            figure = judge(visits, tenure, terms)
            made.append(_person_figure(holding.place(terms.begun), figure))

    return sorted(made, key=_place)


def explained_live_figures(
    db: Session,
    *,
    period: Period,
    as_of: datetime,
    rules: Sequence[Rule],
    person_ids: Collection[int] | None = None,
) -> list[PersonFigure]:
    """The same as `live_figures`, each with the visits behind it."""
    basis = _read(db, period, rules, as_of, person_ids)
    made = []

    for rule in rules:
        terms = terms_of(rule, period, basis.workdays, as_of)
        for holding, tenure, visits in basis.of(rule.duty):
            figure = judge(visits, tenure, terms)
            explained = replace(figure, explanation=explain(visits, tenure, terms))
            made.append(_person_figure(holding.place(terms.begun), explained))

    return sorted(made, key=_place)


def figures_on(
    db: Session, person_id: int, dates: Iterable[date], as_of: datetime
) -> FiguresByPeriod:
    """The person's live figures of every period that holds one of the dates, each explained.

    Those of shorter periods come first.
    """
    # only of duties that the person ever held: others owe in other periods
    kinds = set(
        db.scalars(
            select(RuleVersion.period)
            .join(Posting, Posting.duty == RuleVersion.duty)
            .where(Posting.person_id == person_id, Posting.is_primary)
        )
    )
    periods = sorted(
        {Period.holding(kind, on) for kind in kinds for on in dates},
        key=lambda period: (list(PeriodKind).index(period.kind), period.first),
    )
    found = {}

    for period in periods:
        rules = rules_for(db, period)
        live = explained_live_figures(
            db, period=period, as_of=as_of, rules=rules, person_ids=[person_id]
        )
        for judged in live:
            found[judged.figure.rule.code, period.name] = judged.figure

    return found


def people_under(db: Session, unit_ids: Collection[int], period: Period) -> set[int]:
    """Ids of the people whose figures of the period may stand under one of the units."""
    posted = select(Posting.person_id).where(
        Posting.is_primary,
        Posting.unit_id.in_(unit_ids),
        Posting.from_on <= period.last,
        Posting.to_on.is_(None) | (Posting.to_on >= period.first),
    )
    frozen = select(FigureRecord.person_id).where(
        FigureRecord.unit_id.in_(unit_ids), FigureRecord.period == period.name
    )
    return set(db.scalars(union(posted, frozen)))


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


def _place(judged: PersonFigure) -> tuple[str, str, str]:
    return judged.figure.rule.code, judged.unit_code, judged.username


@dataclass(frozen=True, slots=True)
class _Basis:
    """The facts of a period as known at a moment."""

    workdays: DateBits
    holdings: Mapping[tuple[int, Duty], Holding]
    absences: Mapping[int, DateBits]
    visits: Mapping[int, Sequence[VisitFacts]]

    def of(self, duty: Duty) -> Iterator[tuple[Holding, Tenure, Sequence[VisitFacts]]]:
        """Everybody who holds the duty on a date of the period, with their visits."""
        for (person_id, held_duty), holding in self.holdings.items():
            if held_duty is duty:
                absent = self.absences.get(person_id, 0)
                visits = self.visits.get(person_id, ())
                yield holding, Tenure(person_id, holding.held, absent), visits


def _read(
    db: Session,
    period: Period,
    rules: Sequence[Rule],
    as_of: datetime,
    person_ids: Collection[int] | None,
) -> _Basis:
    if not rules or (person_ids is not None and not person_ids):
        return _Basis(0, {}, {}, {})

    workdays = working_calendar(db).workdays(period.first, period.last)
    held = facts.holdings(db, period, {rule.duty for rule in rules}, person_ids)
    return _Basis(
        bits_of(period, workdays),
        {key: held[key] for key in held if person_ids is None or key[0] in person_ids},
        facts.absences(db, period, person_ids),
        facts.visits_by_person(db, period, as_of, person_ids),
    )


def _person_figure(place: Place, figure: Figure) -> PersonFigure:
    return PersonFigure(
        place.person_id,
        place.username,
        place.name,
        place.unit_id,
        place.unit_code,
        place.unit_name,
        figure,
    )
