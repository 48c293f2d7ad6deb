"""What leads reached and which are new; totals include every lead (REGIME 2 and 6)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from crm.base.clock import civil_date
from crm.base.money import Currency
from crm.leads.models import Company, Lead, LeadRole, Milestone
from crm.leads.queries import LeadLabel, in_charge, named, visible
from crm.leads.rules import (
    MAJOR_CNY,
    MAJOR_USD,
    ON_LINE,
    LeadRoleKind,
    MilestoneKind,
)
from crm.people.queries import Viewer

FORWARD = tuple(kind for kind in ON_LINE if kind is not MilestoneKind.LEAD)


@dataclass(frozen=True, slots=True)
class Moved:
    """A lead that the viewer may see, and what it reached on which date."""

    lead: LeadLabel
    ref: str
    kind: MilestoneKind
    on: date
    amount: Decimal | None
    currency: Currency | None
    unit_id: int | None


@dataclass(frozen=True, slots=True)
class NewLead:
    """A lead that the viewer may see, entered in the span."""

    lead: LeadLabel
    ref: str
    on: date
    amount: Decimal | None
    currency: Currency | None
    unit_id: int | None


@dataclass(slots=True)
class UnitResult:
    """What the leads of one unit came to in a span; leads without a unit stand under none."""

    unit_id: int | None
    signed: int
    signed_amounts: dict[Currency, Decimal]
    moved: int  # leads that reached a further stage
    new: int


def major() -> ColumnElement[bool]:
    """Leads of the 10亿元 tier, as `rules.is_major` says it."""
    return or_(
        and_(Lead.currency == Currency.CNY, Lead.amount >= MAJOR_CNY),
        and_(Lead.currency == Currency.USD, Lead.amount >= MAJOR_USD),
    )


def _unit_id(on: date) -> ColumnElement[int | None]:
    """The unit responsible for the lead on the date."""
    role = aliased(LeadRole)
    return (
        select(func.min(role.unit_id))
        .where(
            role.lead_id == Lead.id,
            role.role == LeadRoleKind.RESPONSIBLE_UNIT,
            role.from_on <= on,
            or_(role.to_on.is_(None), role.to_on >= on),
        )
        .correlate(Lead)
        .scalar_subquery()
    )


def _first_reached(first: date, last: date, as_of: datetime) -> Select[int, MilestoneKind, date]:
    """What each lead reached for the first time in the span, as known at that moment."""
    on = func.min(Milestone.reached_on)
    return (
        select(Milestone.lead_id, Milestone.kind, on.label("on"))
        .where(Milestone.entered_at <= as_of)
        .group_by(Milestone.lead_id, Milestone.kind)
        .having(on.between(first, last))
    )


def moved(db: Session, viewer: Viewer, first: date, last: date, *, as_of: datetime) -> list[Moved]:
    """What leads of the viewer's units, or on which they are named, reached in the span.

    Only leads that the viewer may see; in order of date.
    """
    on = civil_date(as_of)
    reached = _first_reached(first, last, as_of).subquery()
    rows = db.execute(
        select(*_OWN, Company.name, reached.c.kind, reached.c.on, _unit_id(on).label("unit_id"))
        .join(Lead.company)
        .join(reached, reached.c.lead_id == Lead.id)
        .where(
            visible(viewer, on),
            _concerning(viewer, on),
            Lead.entered_at <= as_of,
            reached.c.kind != MilestoneKind.LEAD,
        )
        .order_by(reached.c.on, Lead.id, reached.c.kind)
    )
    return [
        Moved(_label(row), row.ref, row.kind, row.on, row.amount, row.currency, row.unit_id)
        for row in rows
    ]


def new_leads(
    db: Session, viewer: Viewer, first: date, last: date, *, as_of: datetime
) -> list[NewLead]:
    """The visible leads entered in the span, of the viewer's units or on which they are named."""
    on = civil_date(as_of)
    rows = db.execute(
        select(*_OWN, Company.name, Lead.entered_on, _unit_id(on).label("unit_id"))
        .join(Lead.company)
        .where(
            visible(viewer, on),
            _concerning(viewer, on),
            Lead.entered_on.between(first, last),
            Lead.entered_at <= as_of,
        )
        .order_by(Lead.entered_on, Lead.id)
    )
    return [
        NewLead(_label(row), row.ref, row.entered_on, row.amount, row.currency, row.unit_id)
        for row in rows
    ]


_OWN = (Lead.id, Lead.ref, Lead.title, Lead.secrecy, Lead.amount, Lead.currency)


def _label(row: object) -> LeadLabel:
    return LeadLabel(row.id, row.title, row.name, row.secrecy)  # type: ignore[attr-defined]


def _concerning(viewer: Viewer, on: date) -> ColumnElement[bool]:
    return in_charge(viewer.unit_ids, on) | named(viewer.person_id, on)


def unit_results(
    db: Session, first: date, last: date, *, as_of: datetime
) -> dict[int | None, UnitResult]:
    """The results of each unit's own leads in the span, restricted ones included; two queries."""
    on = civil_date(as_of)
    reached = _first_reached(first, last, as_of).subquery()
    steps = db.execute(
        select(Lead.id, Lead.amount, Lead.currency, reached.c.kind, _unit_id(on).label("unit_id"))
        .join(reached, reached.c.lead_id == Lead.id)
        .where(reached.c.kind.in_(FORWARD), Lead.entered_at <= as_of)
    ).all()
    entered = db.execute(
        select(_unit_id(on).label("unit_id"), Lead.id).where(
            Lead.entered_on.between(first, last), Lead.entered_at <= as_of
        )
    ).all()
    found: dict[int | None, UnitResult] = {}
    for unit_id in {row.unit_id for row in (*steps, *entered)}:
        of_unit = [row for row in steps if row.unit_id == unit_id]
        signed = [row for row in of_unit if row.kind is MilestoneKind.SIGNED]
        found[unit_id] = UnitResult(
            unit_id,
            len(signed),
            _by_currency((row.currency, row.amount) for row in signed),
            len({row.id for row in of_unit}),
            sum(row.unit_id == unit_id for row in entered),
        )
    return found


def _by_currency(
    amounts: Iterable[tuple[Currency | None, Decimal | None]],
) -> dict[Currency, Decimal]:
    sums: dict[Currency, Decimal] = defaultdict(Decimal)
    for currency, amount in amounts:
        if currency is not None and amount is not None:
            sums[currency] += amount
    return dict(sums)


def together(results: Collection[UnitResult]) -> UnitResult:
    """Several units' results as one: a unit with all below it."""
    return UnitResult(
        None,
        sum(result.signed for result in results),
        _by_currency(pair for result in results for pair in result.signed_amounts.items()),
        sum(result.moved for result in results),
        sum(result.new for result in results),
    )
