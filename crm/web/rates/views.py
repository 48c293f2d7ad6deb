"""The page of exchange rates: the latest ones, one entered by hand, and a file imported."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import FileField, SelectField
from wtforms.validators import InputRequired

from crm.base.money import Currency
from crm.base.sheets import Format, ImportResult, SheetRefused, write_template
from crm.extensions import db
from crm.leads.rate_entry import RATE_COLUMNS, enter_rate, import_rates
from crm.leads.rates import FOREIGN, rates_by_day
from crm.results.receipts import keep_missing_rates
from crm.web.auth import signed_in
from crm.web.date_fields import DateField
from crm.web.downloads import attached
from crm.web.errors import problem_sentences
from crm.web.forms import PlainDecimal, date_of, enum_choices, is_saved, sensible_year
from crm.web.transaction import moment, today, transaction

bp = Blueprint("rates", __name__, url_prefix="/admin/rates")
DAYS = 31  # on a page
MOST_BYTES = 1024 * 1024


class RateForm(FlaskForm):
    """A rate of one currency on one date."""

    on = DateField("日期", [InputRequired("请选择日期。"), sensible_year])
    currency = SelectField("币种", choices=enum_choices(FOREIGN), coerce=Currency)
    rate = PlainDecimal("汇率", [InputRequired("请填写汇率。")], places=None)


class FileForm(FlaskForm):
    """A file with rates."""

    file = FileField("文件")


@bp.get("")
def listing() -> ResponseReturnValue:
    """The rates of the latest dates, and the forms to enter more."""
    form = RateForm(formdata=None, data={"on": today(), "currency": Currency.USD})
    return _page(form, FileForm(formdata=None))


@bp.post("")
def enter() -> ResponseReturnValue:
    form = RateForm()

    def change(session: Session) -> None:
        on: Any = form.on.data  # a valid form has both
        rate: Any = form.rate.data
        currency = form.currency.data
        enter_rate(session, on=on, currency=currency, rate=rate, by=signed_in(), now=moment())
        keep_missing_rates(session, by=signed_in(), now=moment())

    if form.validate() and is_saved(form, change, {}):
        flash("汇率已保存。", "success")
        return redirect(url_for(".listing"))
    return _page(form, FileForm(formdata=None)), HTTPStatus.UNPROCESSABLE_ENTITY


@bp.get("/template<any('.csv', '.xlsx'):suffix>")
def template(suffix: str) -> ResponseReturnValue:
    file_format = Format(suffix)
    return attached(write_template(RATE_COLUMNS, file_format), "rates", file_format)


@bp.post("/import")
def import_file() -> ResponseReturnValue:
    """Enter the rates of a file, all or none."""
    upload = request.files.get("file")
    content = upload.read(MOST_BYTES + 1) if upload else b""
    if not content or len(content) > MOST_BYTES:
        return _refused(["请选择文件，不超过 1 MB。"])

    try:
        outcome = _import(content)
    except SheetRefused as refused:
        return _refused(problem_sentences(refused.problems))

    unchanged = f"，{outcome.unchanged} 条与原有一致" if outcome.unchanged else ""
    flash(f"已导入 {outcome.added} 条汇率{unchanged}。", "success")
    return redirect(url_for(".listing"))


def _import(content: bytes) -> ImportResult:
    with transaction() as session:
        outcome = import_rates(session, content=content, by=signed_in(), now=moment())
        keep_missing_rates(session, by=signed_in(), now=moment())
        return outcome


def _refused(problems: list[str]) -> ResponseReturnValue:
    form = RateForm(formdata=None, data={"on": today(), "currency": Currency.USD})
    return _page(form, FileForm(formdata=None), problems), HTTPStatus.UNPROCESSABLE_ENTITY


def _page(form: RateForm, file_form: FileForm, problems: list[str] | None = None) -> str:
    before = date_of(request.args.get("before", ""))
    days = rates_by_day(db.session, most=DAYS + 1, before=before)
    shown = days[:DAYS]
    older = url_for(".listing", before=shown[-1].on) if len(days) > DAYS else None

    return render_template(
        "rates/listing.html",
        form=form,
        file_form=file_form,
        problems=problems or [],
        days=shown,
        currencies=FOREIGN,
        newer=url_for(".listing") if before else None,
        older=older,
    )
