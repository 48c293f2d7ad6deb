"""Exchange rates by date and currency, as an admin has entered them (PROJECTS 1)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.money import Currency
from crm.base.value_class import value_class
from crm.leads.amount_models import ExchangeRate

FOREIGN = tuple(currency for currency in Currency if currency is not Currency.CNY)


@value_class
class RatesOfDay:
    """The rates of a date, by currency."""

    on: date
    rates: Mapping[Currency, Decimal]


def rate_of(db: Session, currency: Currency, on: date) -> Decimal | None:
    """What one unit was worth in yuan on the date: on a day without rates, the last before it.

    None while that is not known: the date has no rate and no later date has one.
    """
    of_currency = select(ExchangeRate).where(ExchangeRate.currency == currency)
    rows = db.scalars(
        of_currency.where(ExchangeRate.on <= on).order_by(ExchangeRate.on.desc()).limit(1)
    ).all()
    if not rows:
        return None
    if rows[0].on == on:
        return rows[0].rate
    later = db.scalar(
        select(ExchangeRate.id)
        .where(ExchangeRate.currency == currency, ExchangeRate.on > on)
        .limit(1)
    )
    return rows[0].rate if later else None


def rates_by_day(db: Session, *, most: int, before: date | None = None) -> list[RatesOfDay]:
    """The rates of the latest dates, before the given one."""
    days = select(ExchangeRate.on).distinct().order_by(ExchangeRate.on.desc()).limit(most)
    if before:
        days = days.where(ExchangeRate.on < before)
    rows = db.scalars(select(ExchangeRate).where(ExchangeRate.on.in_(days.scalar_subquery())))
    return _grouped(rows)


def _grouped(rows: Iterable[ExchangeRate]) -> list[RatesOfDay]:
    by_day: defaultdict[date, dict[Currency, Decimal]] = defaultdict(dict)
    for row in rows:
        by_day[row.on][row.currency] = row.rate
    return [RatesOfDay(on, by_day[on]) for on in sorted(by_day, reverse=True)]
