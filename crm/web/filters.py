"""Template filters for dates, moments and amounts."""

from datetime import datetime
from decimal import Decimal

from flask import Flask

from crm.base import clock, formatting
from crm.base.money import Currency
from crm.base.money import format_amount as money
from crm.web.transaction import moment, today


def time(at: datetime) -> str:
    """`09:30`, in civil time."""
    return f"{clock.civil(at):%H:%M}"


def amount(value: Decimal | None, currency: Currency | None = Currency.CNY) -> str:
    """`12.5亿元`; empty where the amount is unknown."""
    return "" if value is None or currency is None else money(value, currency)


def init_app(app: Flask) -> None:
    """Register the filters under the names that mails use too."""
    app.jinja_env.filters |= {
        "day": formatting.day,
        "weekday": formatting.weekday,
        "full_day": formatting.full_day,
        # pages count from the request's date; mails bring one of their own
        "dated": lambda on: formatting.dated(on, today()),
        "moment": lambda at: formatting.moment(at, today()),
        "duration": formatting.duration,
        "period_name": formatting.period_name,
        "civil_date": clock.civil_date,
        "time": time,
        "amount": amount,
    }

    app.jinja_env.globals["span"] = formatting.span
    # paper is read in later years, too: with its year
    app.jinja_env.globals["printed_at"] = lambda: formatting.full_moment(moment())
