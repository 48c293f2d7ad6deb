"""The figures that a monthly digest reported, and how the frozen ones differ (REGIME 5)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.batches import Batch
from crm.base.db import batches, insert_into
from crm.base.outbox import Row
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.digests.facts import Facts
from crm.digests.models import ReportedFigure
from crm.people.models import Person, Unit
from crm.people.rules import Duty
from crm.quotas.models import RuleVersion
from crm.quotas.permissions import FigureScope
from crm.quotas.queries import PersonFigure, figures
from crm.quotas.rules import FigureStatus


@value_class
class FigureValues:
    """A figure's numbers, as reported in the digest or as frozen."""

    required: int
    achieved: int
    status: FigureStatus
    unit_id: int

    @property
    def numbers(self) -> tuple[int, int, FigureStatus]:
        """What the notice compares; a move to another unit alone is no change."""
        return self.required, self.achieved, self.status


@value_class
class FigureChange:
    """One person's figure as reported and as frozen; None where it exists on one side only."""

    person_id: int
    name: str
    unit_name: str
    rule_name: str
    duty: Duty
    period: Period
    before: FigureValues | None
    after: FigureValues | None

    @property
    def differs(self) -> bool:
        before, after = self.before, self.after
        return (before and before.numbers) != (after and after.numbers)

    @property
    def values(self) -> list[FigureValues]:
        return [values for values in (self.before, self.after) if values]

    def is_under(self, unit_ids: Collection[int]) -> bool:
        """Whether the figure belongs, or belonged, to one of the units."""
        return any(values.unit_id in unit_ids for values in self.values)

    def is_seen_by(self, scope: FigureScope) -> bool:
        """Whether the reader may see the person's figure where it is, or where it was."""
        return any(scope.sees(self.person_id, values.unit_id, self.duty) for values in self.values)


def reported_figures(facts: Facts) -> Iterator[Batch]:
    """Store what a monthly digest says of ended periods that are not frozen yet."""
    if facts.period.kind is not PeriodKind.MONTH:
        return
    rows = [
        {
            "month": facts.period.name,
            "rule_code": found.figure.rule.code,
            "rule_name": found.figure.rule.name,
            "person_id": found.person_id,
            "period": found.figure.period.name,
            "unit_id": found.unit_id,
            "required": found.figure.required,
            "achieved": found.figure.achieved,
            "status": found.figure.status,
        }
        for found in facts.figures
        if found.figure.period in facts.spans.ended and not found.figure.settled
    ]

    for part in batches(rows):
        # they begin anew after a crash, so the position stays at the beginning
        yield Batch(partial(_store, rows=part), "")


def _store(db: Session, *, rows: Sequence[Row]) -> Mapping[str, int]:
    # A digest that is made again must not overwrite what was sent.
    db.execute(insert_into(db, ReportedFigure).on_conflict_do_nothing(), rows)
    return {}


def figure_changes(db: Session, period: Period, at: datetime) -> list[FigureChange]:
    """Every figure that the digest reported before it was frozen, beside the frozen one."""
    duty = (
        select(RuleVersion.duty)
        .where(RuleVersion.code == ReportedFigure.rule_code)
        .order_by(RuleVersion.valid_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    reported = db.execute(
        select(ReportedFigure, Person.name, Unit.name, duty)
        .join(Person, Person.id == ReportedFigure.person_id)
        .join(Unit, Unit.id == ReportedFigure.unit_id)
        .where(ReportedFigure.month == period.name)
    ).all()
    frozen = {
        (found.figure.rule.code, found.person_id, name): found
        for name in {row.period for row, *_ in reported}
        for found in figures(db, period=Period.parse(name), as_of=at)
        if found.figure.settled
    }
    # A period that is not frozen yet has nothing to compare.
    frozen_periods = {name for _, _, name in frozen}
    changes = [
        _change(row, frozen.pop((row[0].rule_code, row[0].person_id, row[0].period), None))
        for row in reported
        if row[0].period in frozen_periods
    ]

    return changes + [_new_figure(found) for found in frozen.values()]


def _change(
    reported: sa.Row[ReportedFigure, str, str, Duty], after: PersonFigure | None
) -> FigureChange:
    row, name, unit_name, duty = reported
    return FigureChange(
        row.person_id,
        name,
        after.unit_name if after else unit_name,
        row.rule_name,
        duty,
        Period.parse(row.period),
        FigureValues(row.required, row.achieved, row.status, row.unit_id),
        _values(after) if after else None,
    )


def _values(found: PersonFigure) -> FigureValues:
    figure = found.figure
    return FigureValues(figure.required, figure.achieved, figure.status, found.unit_id)


def _new_figure(found: PersonFigure) -> FigureChange:
    """A frozen figure that the digest did not report."""
    rule, period = found.figure.rule, found.figure.period
    person = (found.person_id, found.name, found.unit_name)
    return FigureChange(*person, rule.name, rule.duty, period, None, _values(found))
