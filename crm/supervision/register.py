"""The register of supervision orders (督办台账): filtered, by page or as a whole."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import ColumnElement, Select, or_
from sqlalchemy.orm import Session, selectinload

from crm.base.paging import PAGE, Page, page_of
from crm.base.value_class import value_class
from crm.people.permissions import Viewer
from crm.quotas.permissions import FigureScope
from crm.supervision.models import Order
from crm.supervision.permissions import assisted_by, overdue, visible_to
from crm.supervision.queries import PARTIES
from crm.supervision.rules import OrderKind, OrderState, Origin, number_of


@value_class
class OrderFilter:
    """Filters of the register; the defaults filter nothing."""

    text: str = ""  # words of the matter or demand, or a number
    state: OrderState | None = None
    kind: OrderKind | None = None
    origin: Origin | None = None
    unit_id: int | None = None  # leading or assisting
    person_id: int | None = None
    lead_id: int | None = None
    year: int | None = None  # of the number
    overdue_on: date | None = None  # overdue on that date


def filtered(
    db: Session, viewer: Viewer, on: date, by: OrderFilter, scope: FigureScope | None = None
) -> Select[Order]:
    """The visible orders that pass the filter; `scope` is read where it is not given."""
    query = visible_to(db, viewer, on, scope)
    if text := by.text.strip():
        query = query.where(_matching(text))

    for column, value in (
        (Order.state, by.state),
        (Order.kind, by.kind),
        (Order.origin, by.origin),
        (Order.person_id, by.person_id),
        (Order.lead_id, by.lead_id),
        (Order.number_year, by.year),
    ):
        if value:
            query = query.where(column == value)

    if by.unit_id:
        query = query.where(or_(Order.unit_id == by.unit_id, assisted_by([by.unit_id])))

    return query.where(overdue(by.overdue_on)) if by.overdue_on else query


def _matching(text: str) -> ColumnElement[bool]:
    columns = (Order.matter, Order.demand)
    matching = or_(*(column.icontains(text, autoescape=True) for column in columns))
    year, number = number_of(text)
    if number is None:
        return matching
    # a number without a year is meant in every year
    has_number = Order.number == number
    return or_(matching, has_number if year is None else has_number & (Order.number_year == year))


def orders_page(  # noqa: PLR0913 - whose orders, and which part of them
    db: Session,
    viewer: Viewer,
    on: date,
    *,
    by: OrderFilter,
    cursor: str | None = None,
    size: int = PAGE,
) -> Page[Order]:
    """A page of the register, the latest drafted first; unit, person, officer and units loaded."""
    query = filtered(db, viewer, on, by).options(*PARTIES, selectinload(Order.units))
    return page_of(db, query, on=Order.drafted_at, row_id=Order.id, cursor=cursor, size=size)


def found_orders(  # noqa: PLR0913 - whose orders, and by what they are found
    db: Session, viewer: Viewer, on: date, scope: FigureScope, text: str, *, most: int
) -> Sequence[Order]:
    """The latest orders found by the text."""
    query = filtered(db, viewer, on, OrderFilter(text=text), scope)
    return db.scalars(query.order_by(Order.drafted_at.desc(), Order.id.desc()).limit(most)).all()


def all_orders(db: Session, viewer: Viewer, on: date, *, by: OrderFilter) -> Sequence[Order]:
    """The whole filtered register for a file, loaded like its pages."""
    query = filtered(db, viewer, on, by).options(*PARTIES, selectinload(Order.units))
    return db.scalars(query.order_by(Order.drafted_at.desc(), Order.id.desc())).all()


def years_of(db: Session, viewer: Viewer, on: date) -> Sequence[int]:
    """The years of the visible numbers, the latest first."""
    query = visible_to(db, viewer, on).where(Order.number_year.is_not(None))
    numbered = query.with_only_columns(Order.number_year).distinct()
    years = db.scalars(numbered.order_by(Order.number_year.desc()))
    return [year for year in years if year is not None]
