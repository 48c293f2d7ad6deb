"""Reads of frozen figures and their corrections, as known at a moment (REGIME 4, Closing)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from crm.base.db import batches
from crm.base.periods import Period
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.people.models import Person, Unit
from crm.people.permissions import Viewer
from crm.people.rules import Duty
from crm.quotas.facts import PersonFigure, Place, among
from crm.quotas.models import Correction, FigureRecord, RuleVersion
from crm.quotas.permissions import FigureScope, seen_records
from crm.quotas.rules import Corrected, Explanation, Figure, Rule, Settled

NUMBERS = ("required", "achieved", "planned", "pace", "status", "workdays", "present")
PLACE = (Person.id, Person.username, Person.name, Unit.id, Unit.code, Unit.name)
RULE = [getattr(RuleVersion, field.name) for field in fields(Rule)]


@cache  # at the first frozen figure: it takes 3 MiB and 10 ms
def _explanations() -> TypeAdapter[Explanation]:
    return TypeAdapter(Explanation)


def explanation_json(figure: Figure) -> str:
    """The explanation of a figure as it is stored."""
    explanation = Explanation(figure.counted, figure.not_counted)
    return _explanations().dump_json(explanation).decode()


def frozen_figures(
    db: Session,
    *,
    period: Period,
    as_of: datetime,
    codes: Collection[str] | None = None,
    person_ids: Collection[int] | None = None,
) -> list[PersonFigure]:
    """The figures of the period that were frozen by then, each with its latest correction."""
    kept = _kept([period], as_of, codes, person_ids)
    rows = db.execute(_frozen(FigureRecord.explanation).where(kept)).all()
    corrected = _corrected(db, kept, as_of) if rows else {}
    return [
        _figure(
            row,
            period,
            corrected.get(row.figure_id),
            _explanations().validate_json(row.explanation),
        )
        for row in rows
        if person_ids is None or row[0] in person_ids
    ]


def frozen_by_period(
    db: Session,
    *,
    periods: Collection[Period],
    as_of: datetime,
    codes: Collection[str] | None = None,
    person_ids: Collection[int] | None = None,
) -> defaultdict[Period, list[PersonFigure]]:
    """By period, the figures that were frozen by then, without the visits behind them."""
    by_name = {period.name: period for period in periods}
    kept = _kept(periods, as_of, codes, person_ids)
    rows = db.execute(_frozen(FigureRecord.period.label("period_name")).where(kept)).all()
    corrected = _corrected(db, kept, as_of) if rows else {}
    found: defaultdict[Period, list[PersonFigure]] = defaultdict(list)

    for row in rows:
        if person_ids is None or row[0] in person_ids:
            period = by_name[row.period_name]
            found[period].append(_figure(row, period, corrected.get(row.figure_id)))

    return found


def _kept(
    periods: Iterable[Period],
    as_of: datetime,
    codes: Collection[str] | None,
    person_ids: Collection[int] | None,
) -> ColumnElement[bool]:
    """The records of the periods that were frozen by then; of many people, everybody's."""
    names = [period.name for period in periods]
    return and_(
        FigureRecord.period.in_(names),
        FigureRecord.frozen_at <= as_of,
        true() if codes is None else FigureRecord.rule_code.in_(codes),
        among(FigureRecord.person_id, person_ids),
    )


def next_settlement(db: Session, period: Period, as_of: datetime) -> datetime | None:
    """The next moment at which a figure of the period was frozen, corrected or signed."""
    corrected = select(Correction).join(FigureRecord, FigureRecord.id == Correction.figure_id)
    corrected = corrected.where(FigureRecord.period == period.name)
    moments = [
        select(func.min(FigureRecord.frozen_at)).where(
            FigureRecord.period == period.name, FigureRecord.frozen_at > as_of
        ),
        *(
            corrected.with_only_columns(func.min(moment)).where(moment > as_of)
            for moment in (Correction.made_at, Correction.signed_at)
        ),
    ]
    return min(filter(None, db.scalars(union_all(*moments))), default=None)


def corrections_of(db: Session, figure_ids: Collection[int]) -> Sequence[Correction]:
    """The corrections of these figures, the oldest of a figure first."""
    query = select(Correction).order_by(Correction.id)
    # after a change for everybody they are more than a statement takes
    return [
        correction
        for ids in batches(list(figure_ids))
        for correction in db.scalars(query.where(Correction.figure_id.in_(ids)))
    ]


@value_class
class CorrectionFacts:
    """A correction with its figure's person and rule, and the names of its author and signer."""

    correction: Correction
    person: Person
    rule_code: str
    rule_name: str
    period: Period
    unit_id: int
    duty: Duty
    author: str | None
    signer: str | None

    def is_seen_by(self, scope: FigureScope) -> bool:
        """Whether its figure is the viewer's to see, or the correction is theirs to sign."""
        # once it is signed, nobody has to stand in for its author
        author_id = None if self.correction.signed_at else self.correction.made_by_id
        return scope.sees(self.person.id, self.unit_id, self.duty, author_id=author_id)

    def may_be_signed_by(self, scope: FigureScope) -> bool:
        """Whether it is unsigned and seen, and neither the edit nor the figure is the viewer's."""
        is_own = scope.person_id in (self.correction.made_by_id, self.person.id)
        return self.correction.signed_at is None and not is_own and self.is_seen_by(scope)


def of_figure(figure: Figure) -> ColumnElement[bool]:
    """The corrections of one figure."""
    return (
        (FigureRecord.rule_code == figure.rule.code)
        & (FigureRecord.person_id == figure.person_id)
        & (FigureRecord.period == figure.period.name)
    )


def seen_corrections(scope: FigureScope) -> ColumnElement[bool]:
    """The corrections of figures that the viewer sees, and those that fall to them to sign."""
    unsigned_by = case((Correction.signed_at.is_(None), Correction.made_by_id))
    return seen_records(scope, author=unsigned_by)


def corrections(
    db: Session, *conditions: ColumnElement[bool], most: int | None = None
) -> list[CorrectionFacts]:
    """The corrections for which the conditions hold, the unsigned first, then the latest."""
    author, signer = aliased(Person), aliased(Person)
    rows = db.execute(
        select(
            *(Correction, Person, FigureRecord.rule_code, RuleVersion.name),
            *(FigureRecord.period, FigureRecord.unit_id, RuleVersion.duty),
            *(author.name, signer.name),
        )
        .join(FigureRecord, FigureRecord.id == Correction.figure_id)
        .join(Person, Person.id == FigureRecord.person_id)
        .join(RuleVersion, RuleVersion.id == FigureRecord.rule_id)
        .outerjoin(author, author.id == Correction.made_by_id)
        .outerjoin(signer, signer.id == Correction.signed_by_id)
        .where(*conditions)
        .order_by(Correction.signed_at.is_not(None), Correction.id.desc())
        .limit(most)
    )

    return [CorrectionFacts(*row[:4], Period.parse(row[4]), *row[5:]) for row in rows]


def correction_to_sign(db: Session, correction_id: int, scope: FigureScope) -> Correction | None:
    """The correction, where the viewer sees its figure or it falls to them to sign; none: 404."""
    found = corrections(db, Correction.id == correction_id, seen_corrections(scope))
    return found[0].correction if found else None


def correction_by(db: Session, correction_id: int, author_id: int) -> Correction | None:
    """The correction, where it came from an edit of that person; none: 404."""
    found = corrections(db, Correction.id == correction_id, Correction.made_by_id == author_id)
    return found[0].correction if found else None


def of_edit(author_id: int, at: datetime) -> ColumnElement[bool]:
    """The corrections that came from the person's edit of that moment."""
    return (Correction.made_by_id == author_id) & (Correction.made_at == at)


def of_author(person_id: int) -> ColumnElement[bool]:
    """The corrections of a person's own figures that came from an edit of their own."""
    return (Correction.made_by_id == person_id) & (FigureRecord.person_id == person_id)


def for_signing(viewer: Viewer, scope: FigureScope) -> ColumnElement[bool]:
    """The corrections that wait for the viewer's signature, or another supervisor's."""
    if not viewer.judges:
        return false()
    # REGIME 4: a supervisor signs, but not for an edit or a figure of their own
    by_another = or_(Correction.made_by_id.is_(None), Correction.made_by_id != viewer.person_id)
    return and_(
        Correction.signed_at.is_(None),
        seen_corrections(scope),
        FigureRecord.person_id != viewer.person_id,
        by_another,
    )


def without_reason() -> ColumnElement[bool]:
    """The unsigned corrections of whose edit nobody has said why, with it or since."""
    return Correction.signed_at.is_(None) & Correction.reason.is_(None)


def count_corrections(db: Session, condition: ColumnElement[bool]) -> int:
    """How many corrections there are for which the condition holds."""
    query = select(func.count(Correction.id)).join(
        FigureRecord, FigureRecord.id == Correction.figure_id
    )
    return db.scalar(query.where(condition)) or 0


# put together once, as every visit that is logged asks for it
_FROZEN_PERIODS = (
    select(FigureRecord.period)
    .where(
        FigureRecord.frozen_at.is_not(None),
        FigureRecord.person_id.in_(bindparam("people", expanding=True)),
        FigureRecord.first_on <= bindparam("last"),
        FigureRecord.last_on >= bindparam("first"),
    )
    .distinct()
)


_LAST_FROZEN = (
    select(FigureRecord.last_on)
    .where(
        FigureRecord.frozen_at.is_not(None),
        FigureRecord.person_id.in_(bindparam("people", expanding=True)),
    )
    .order_by(FigureRecord.last_on.desc())
    .limit(1)
)


def frozen_periods(
    db: Session, person_ids: Collection[int], first: date, last: date
) -> list[Period]:
    """The periods of the span in which a figure of one of the people is frozen, in order."""
    if _frozen_through(db, person_ids) < first:  # as for most visits that are logged
        return []
    values = {"people": person_ids, "first": first, "last": last}
    periods = [Period.parse(name) for name in db.scalars(_FROZEN_PERIODS, values)]

    return sorted(periods, key=lambda period: (period.first, period.last))


def _frozen_through(db: Session, person_ids: Collection[int]) -> date:
    """The last date of their frozen figures; the earliest of all dates where they have none."""
    people = tuple(sorted(person_ids))
    return remembered_long(
        *(db, "frozen through", people),
        read=lambda: db.scalar(_LAST_FROZEN, {"people": people}) or date.min,
    )


def _frozen(*more: ColumnElement[Any] | InstrumentedAttribute[Any]) -> Select[Any]:
    return (
        select(
            *PLACE,
            *RULE,
            *(getattr(FigureRecord, f"frozen_{name}").label(f"was_{name}") for name in NUMBERS),
            FigureRecord.id.label("figure_id"),
            FigureRecord.frozen_at,
            *more,
        )
        .join_from(FigureRecord, Person, Person.id == FigureRecord.person_id)
        .join(Unit, Unit.id == FigureRecord.unit_id)
        .join(RuleVersion, RuleVersion.id == FigureRecord.rule_id)
    )


def _corrected(db: Session, kept: ColumnElement[bool], as_of: datetime) -> dict[int, Corrected]:
    """By figure, what the latest correction that was made by then made of it."""
    made = select(Correction).join(FigureRecord, FigureRecord.id == Correction.figure_id)
    made = made.where(kept, Correction.made_at <= as_of).order_by(Correction.id)
    return {
        correction.figure_id: Corrected(
            correction.to_required,
            correction.to_achieved,
            correction.to_status,
            is_signed=correction.signed_at is not None and correction.signed_at <= as_of,
        )
        for correction in db.scalars(made)  # the latest of a figure is the last
    }


def _figure(
    row: Row[Any], period: Period, corrected: Corrected | None, why: Explanation | None = None
) -> PersonFigure:
    # by position, as the columns of places and rules have names in common
    place = Place(*row[: len(PLACE)])
    rule = Rule(*row[len(PLACE) : len(PLACE) + len(RULE)])
    figure = Figure(
        rule=rule,
        person_id=place.person_id,
        period=period,
        **{name: getattr(row, f"was_{name}") for name in NUMBERS},
        settled=Settled(row.frozen_at, corrected),
        explanation=why,
    )

    return PersonFigure(**asdict(place), figure=figure)
