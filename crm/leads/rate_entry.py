"""Exchange rates entered by an admin or imported from a file (PROJECTS 1)."""

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.cells import Cells, Day, Required, number, one_of, read_rows
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.money import Currency
from crm.base.sheets import Column, ImportResult, read_sheet
from crm.leads.amount_models import ExchangeRate
from crm.leads.amounts import keep_missing_rates
from crm.people.models import Person
from crm.people.rules import SYSTEM

LARGEST = Decimal(1000)
LARGEST_YEN = Decimal(1)  # banks quote 100 yen; one is worth some cents
RATE_COLUMNS = (
    Column("on", "日期", "2026-11-20"),
    Column("currency", "币种", "美元"),
    Column("rate", "汇率", "7.0832"),
)


class RateCells(Cells):
    """A row of a file."""

    on: Day
    currency: Annotated[Currency, one_of(Currency), Required]
    rate: Annotated[Decimal, BeforeValidator(partial(number, code="bad_rate")), Required]


def enter_rate(  # noqa: PLR0913 - a rate of a currency on a date
    db: Session,
    *,
    on: date,
    currency: Currency,
    rate: Decimal,
    by: Person | None,
    now: datetime,
) -> None:
    """Enter or correct a rate; signed amounts that had none take it.

    Refused as `not_yours`, `in_future`, `yuan_has_no_rate`, `bad_rate`, `rate_of_one_yen`.
    """
    _set_rate(db, on=on, currency=currency, rate=rate, by=by, now=now)
    keep_missing_rates(db, by=by, now=now)


def import_rates(db: Session, *, content: bytes, by: Person | None, now: datetime) -> ImportResult:
    """Enter the rates of a file, all or none; raises `SheetRefused`."""
    sheet = read_sheet(content, RATE_COLUMNS)
    rows = list(read_rows(sheet, RateCells))
    outcome = ImportResult(notices=sheet.notices)

    for line, row in rows:
        try:
            is_new = _set_rate(db, on=row.on, currency=row.currency, rate=row.rate, by=by, now=now)
        except Refused as refusal:
            sheet.add_problem(line, refusal)
        else:
            outcome.added += is_new
            outcome.unchanged += not is_new

    sheet.raise_problems()
    keep_missing_rates(db, by=by, now=now)
    return outcome


def _set_rate(  # noqa: PLR0913 - as enter_rate
    db: Session,
    *,
    on: date,
    currency: Currency,
    rate: Decimal,
    by: Person | None,
    now: datetime,
) -> bool:
    """Whether the rate is another than the one known."""
    if by and by.role not in SYSTEM:
        raise Refused("not_yours")
    if on > civil_date(now):
        raise Refused("in_future", field="on", on=on)
    _check_rate(currency, rate)

    known = db.scalar(
        select(ExchangeRate).where(ExchangeRate.currency == currency, ExchangeRate.on == on)
    )
    if known and known.rate == rate:
        return False

    before = {"rate": known.rate} if known else None
    row = known or ExchangeRate(on=on, currency=currency)
    row.rate, row.entered_at, row.entered_by_id = rate, now, by.id if by else None
    db.add(row)
    db.flush()
    after = {"on": on, "currency": currency, "rate": rate}
    record(db, "exchange_rate.set", row, by=by, at=now, before=before, after=after)

    return True


def _check_rate(currency: Currency, rate: Decimal) -> None:
    if currency is Currency.CNY:
        raise Refused("yuan_has_no_rate", field="currency")
    largest = LARGEST_YEN if currency is Currency.JPY else LARGEST
    if not rate.is_finite() or not 0 < rate < largest or rate != round(rate, 8):
        code = "rate_of_one_yen" if currency is Currency.JPY and rate >= largest else "bad_rate"
        raise Refused(code, field="rate")
