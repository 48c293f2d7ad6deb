"""Figures by the facts alone, whatever is frozen: read once for everybody, then judged."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.people.rules import Duty
from crm.quotas import facts
from crm.quotas.counting import explain_known, known_visits, terms_of
from crm.quotas.date_bits import DateBits, bits_of
from crm.quotas.facts import Holding, PersonFigure
from crm.quotas.judging import judge, judge_known
from crm.quotas.rules import Figure, Freeze, Rule, Tenure, VisitFacts


def live_figures(  # noqa: PLR0913 - which figures, and as known when
    db: Session,
    *,
    period: Period,
    as_of: datetime,
    rules: Sequence[Rule],
    person_ids: Collection[int] | None = None,
    freeze: Freeze | None = None,
) -> list[PersonFigure]:
    """The figures by these rules and the facts alone, by rule, unit and person.

    `freeze`: when the figures were frozen, to judge what edits made of them since.
    """
    return judged_by(read_basis(db, period, rules, person_ids), rules, as_of, freeze)


def explained_live_figures(
    db: Session,
    *,
    period: Period,
    as_of: datetime,
    rules: Sequence[Rule],
    person_ids: Collection[int] | None = None,
) -> list[PersonFigure]:
    """The same as `live_figures`, each with the visits behind it."""
    return _explained(read_basis(db, period, rules, person_ids), rules, as_of)


def in_order(figures: Iterable[PersonFigure]) -> list[PersonFigure]:
    """The figures by rule, unit and person."""
    return sorted(
        figures, key=lambda judged: (judged.figure.rule.code, judged.unit_code, judged.username)
    )


@value_class
class Basis:
    """The facts of a period."""

    period: Period
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

    def renewed(
        self,
        person_ids: Iterable[int],
        visit_ids: Collection[int],
        anew: Mapping[int, Sequence[VisitFacts]],
    ) -> "Basis":
        """The same with these visits of these people as they are now.

        `anew`: by person, what is there of the visits.
        """
        visits = {
            person_id: [
                *(each for each in self.visits.get(person_id, ()) if each.id not in visit_ids),
                *anew.get(person_id, ()),
            ]
            for person_id in person_ids
        }
        return replace(self, visits={**self.visits, **visits})


def read_basis(
    db: Session, period: Period, rules: Sequence[Rule], person_ids: Collection[int] | None
) -> Basis:
    """Read what these people, or everybody, are judged by; nothing where no rule is given."""
    if not rules or (person_ids is not None and not person_ids):
        return Basis(period, 0, {}, {}, {})

    workdays = facts.working_calendar(db).workdays(period.first, period.last)
    held = facts.holdings(db, period, {rule.duty for rule in rules}, person_ids)
    return Basis(
        period,
        bits_of(period, workdays),
        # of many people everybody is read
        {key: held[key] for key in held if person_ids is None or key[0] in person_ids},
        facts.absences(db, period, person_ids),
        facts.visits_by_person(db, period, person_ids),
    )


def judged_by(
    basis: Basis, rules: Sequence[Rule], as_of: datetime, freeze: Freeze | None
) -> list[PersonFigure]:
    """The figures of all whose duties the facts hold; `freeze` as of `live_figures`."""
    made = []
    for rule in rules:
        terms = terms_of(rule, basis.period, basis.workdays, as_of, freeze)
        for holding, tenure, visits in basis.of(rule.duty):
            made.append(_placed(holding, terms.begun, judge(visits, tenure, terms)))
    return in_order(made)


def _explained(basis: Basis, rules: Sequence[Rule], as_of: datetime) -> list[PersonFigure]:
    """The figures, each with the visits behind it."""
    made = []

    for rule in rules:
        terms = terms_of(rule, basis.period, basis.workdays, as_of)
        for holding, tenure, visits in basis.of(rule.duty):
            known = list(known_visits(visits, tenure.person_id, terms))
            explanation = explain_known(known, tenure, terms)
            figure = replace(judge_known(known, tenure, terms), explanation=explanation)
            made.append(_placed(holding, terms.begun, figure))

    return in_order(made)


def _placed(holding: Holding, begun: DateBits, figure: Figure) -> PersonFigure:
    place = holding.place(begun)
    return PersonFigure(
        place.person_id,
        place.username,
        place.name,
        place.unit_id,
        place.unit_code,
        place.unit_name,
        figure,
    )
