"""Reads of the quotas: rules, the working calendar, and everybody's figures (REGIME 4)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from typing import TypeAlias

from sqlalchemy import func, or_, select, union
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.periods import Period, PeriodKind
from crm.base.workdays import Source, Workday, WorkingCalendar
from crm.people.models import Posting
from crm.people.rules import Duty
from crm.quotas import facts
from crm.quotas.facts import Holding, Place
from crm.quotas.facts import PersonFigure as PersonFigure
from crm.quotas.frozen import frozen_figures
from crm.quotas.judging import judge_figure
from crm.quotas.models import FigureRecord, RuleVersion, WorkdayOverride
from crm.quotas.rules import Case, Figure, Freeze, Rule, Tenure, VisitFacts
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


def tenure_of(db: Session, duty: Duty, person_id: int, period: Period) -> Tenure:
    """On which dates of the period the person holds the duty, and on which they are absent."""
    held = facts.holdings(db, period, [duty], [person_id]).get((person_id, duty), {})
    return Tenure(person_id, frozenset(held), facts.absences(db, period, [person_id])[person_id])


def figures(
    db: Session,
    *,
    period: Period,
    as_of: datetime,
    codes: Collection[str] | None = None,
    person_ids: Collection[int] | None = None,
) -> list[PersonFigure]:
    """One figure per rule and person who holds its duty in the period, by rule and unit.

    What was frozen by then stands as it was frozen, whatever the facts say now (REGIME 4).
    """
    rules = [rule for rule in rules_for(db, period) if codes is None or rule.code in codes]
    frozen = frozen_figures(db, period=period, as_of=as_of, codes=codes, person_ids=person_ids)
    if not frozen:
        return live_figures(db, period=period, as_of=as_of, rules=rules, person_ids=person_ids)

    kept = {_key(judged) for judged in frozen}
    others = _owing(db, period, rules, person_ids) - kept  # for past periods hardly ever anybody
    live = live_figures(
        db,
        period=period,
        as_of=as_of,
        rules=rules,
        person_ids={person_id for _, person_id in others},
    )

    return sorted([*frozen, *(judged for judged in live if _key(judged) in others)], key=_place)


def _owing(
    db: Session, period: Period, rules: Sequence[Rule], person_ids: Collection[int] | None
) -> set[tuple[str, int]]:
    """By rule, who holds its duty on a date of the period."""
    held = facts.holdings(db, period, {rule.duty for rule in rules}, person_ids)
    return {
        (rule.code, person_id) for person_id, duty in held for rule in rules if rule.duty is duty
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
    if not rules or (person_ids is not None and not person_ids):
        return []

    basis = _read(db, period, {rule.duty for rule in rules}, as_of, person_ids)
    basis = replace(basis, freeze=freeze)

    made = []
    for rule in rules:
        owing = [key for key in basis.holdings if key[1] is rule.duty]
        made += [_judged(rule, person_id, basis) for person_id, _ in owing]

    return sorted(made, key=_place)


def figures_on(
    db: Session, person_id: int, dates: Iterable[date], as_of: datetime
) -> FiguresByPeriod:
    """The person's live figures of every period that holds one of the dates, the shorter first."""
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
        live = live_figures(db, period=period, as_of=as_of, rules=rules, person_ids=[person_id])
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
    """The figure of one person; none where no such rule, or not the person, is judged."""
    found = figures(db, period=period, as_of=as_of, codes=[code], person_ids=[person_id])
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

    period: Period
    as_of: datetime
    workdays: frozenset[date]
    holdings: Mapping[tuple[int, Duty], Holding]
    absences: Mapping[int, frozenset[date]]
    visits: Mapping[int, Mapping[int, VisitFacts]]
    freeze: Freeze | None = None


def _read(
    db: Session,
    period: Period,
    duties: Collection[Duty],
    as_of: datetime,
    person_ids: Collection[int] | None,
) -> _Basis:
    return _Basis(
        period,
        as_of,
        frozenset(working_calendar(db).workdays(period.first, period.last)),
        facts.holdings(db, period, duties, person_ids),
        facts.absences(db, period, person_ids),
        facts.visits_by_person(db, period, as_of, person_ids),
    )


def _judged(rule: Rule, person_id: int, basis: _Basis) -> PersonFigure:
    holding = basis.holdings[person_id, rule.duty]
    figure = judge_figure(
        Case(rule, Tenure(person_id, frozenset(holding), basis.absences[person_id]), basis.period),
        basis.visits[person_id].values(),
        workdays=basis.workdays,
        as_of=basis.as_of,
        freeze=basis.freeze,
    )
    place = place_of_figure(holding, clock.civil_date(basis.as_of))
    return PersonFigure(**asdict(place), figure=figure)


def place_of_figure(holding: Holding, today: date) -> Place:
    """The place on the last date held up to today, else on the first date held."""
    # REGIME 4: the figure stands under one unit and is never split
    begun = [on for on in holding if on <= today]
    return holding[max(begun) if begun else min(holding)]
