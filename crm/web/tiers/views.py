"""The page where an admin sets the lines of the tiers in foreign currencies (PROJECTS 1)."""

from datetime import date
from decimal import Decimal
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import SelectField
from wtforms.validators import InputRequired, NumberRange, Optional

from crm.base.formatting import day
from crm.base.money import WAN, Currency, format_amount
from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.rates import FOREIGN
from crm.leads.tier_lines import BEGINNING, set_line, tier_lines
from crm.leads.tiers import SIZES, Tier, TierLine
from crm.web.auth import signed_in
from crm.web.date_fields import DateField
from crm.web.forms import WholeNumber, enum_arg, enum_choices, is_saved, sensible_year
from crm.web.transaction import moment, today

bp = Blueprint("tier_lines", __name__, url_prefix="/admin/tiers")
MOST = 10_000_000  # 万 of a currency
WHOLE = "请填写整数，以万为单位，例如 3000。"


class LineForm(FlaskForm):
    """Where a tier begins in a currency, from a date on."""

    tier = SelectField("项目规模", choices=enum_choices(SIZES), coerce=Tier)
    currency = SelectField("币种", choices=enum_choices(FOREIGN), coerce=Currency)
    threshold = WholeNumber("标准（万）", [Optional(), NumberRange(1, MOST, WHOLE)], message=WHOLE)
    from_on = DateField("施行日期", [InputRequired("请选择日期。"), sensible_year])

    def to_data(self) -> TierLine:
        from_on: Any = self.from_on.data  # a valid form has it
        wan = self.threshold.data
        threshold = None if wan is None else Decimal(wan) * WAN
        return TierLine(self.tier.data, self.currency.data, from_on, threshold)


@value_class
class LineCell:
    """The line of a tier in a currency on the day, and the address where it is set."""

    currency: str
    text: str
    url: str | None  # none: in yuan the tier is its own line


@value_class
class LineChange:
    """A line that holds from a later date than the first ones."""

    what: str
    text: str
    from_on: date


@bp.get("")
def listing() -> ResponseReturnValue:
    """The lines of today, and their changes."""
    rows = tier_lines(db.session).rows
    held = {row.currency for row in rows}
    currencies = [currency for currency in Currency if currency in held]
    changes = [row for row in rows if row.from_on > BEGINNING]

    return render_template(
        "tiers/listing.html",
        currencies=[currency.label for currency in currencies],
        rows=[(tier.label, [_cell(tier, currency) for currency in currencies]) for tier in SIZES],
        changes=[
            LineChange(f"{row.tier.label}，{row.currency.label}", _text(row), row.from_on)
            for row in sorted(changes, key=lambda row: row.from_on, reverse=True)
        ],
    )


def _cell(tier: Tier, currency: Currency) -> LineCell:
    threshold = tier_lines(db.session).of(currency, today()).get(tier)
    is_foreign = currency is not Currency.CNY
    return LineCell(
        currency.label,
        "—" if threshold is None else format_amount(threshold, currency),
        url_for(".new", tier=tier, currency=currency) if is_foreign else None,
    )


def _text(line: TierLine) -> str:
    return "不设标准" if line.threshold is None else format_amount(line.threshold, line.currency)


@bp.get("/new")
def new() -> ResponseReturnValue:
    tier, currency = enum_arg("tier", Tier) or Tier.YI_10, enum_arg("currency", Currency)
    currency = currency or Currency.USD
    threshold = tier_lines(db.session).of(currency, today()).get(tier)
    values = {
        "tier": tier,
        "currency": currency,
        "threshold": None if threshold is None else int(threshold / WAN),
        "from_on": today(),
    }
    return _page(LineForm(formdata=None, data=values))


@bp.post("/new")
def create() -> ResponseReturnValue:
    form = LineForm()

    def change(session: Session) -> None:
        set_line(session, line=form.to_data(), by=signed_in(), now=moment())

    if form.validate() and is_saved(form, change):
        flash(f"已保存，自{day(form.to_data().from_on)}起施行。", "success")
        return redirect(url_for(".listing"))
    return _page(form), 422


def _page(form: LineForm) -> str:
    return render_template("tiers/new.html", form=form)
