"""Pages of one receipt: recorded on a lead, shown, changed, reversed, withdrawn (PROJECTS 8)."""

from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from crm.base.locks import lock_row
from crm.base.money import editable_amount
from crm.base.refs import new_ref
from crm.extensions import db
from crm.leads.models import Lead
from crm.results.receipt_forms import FormRow, form_rows
from crm.results.receipt_models import Receipt
from crm.results.receipt_queries import reversals_of
from crm.results.receipt_rules import Line
from crm.results.receipts import (
    change_receipt,
    check_receipt,
    check_reversal_of,
    receipt_id_recorded,
    record_receipt,
    reverse_receipt,
    reversed_of,
    withdraw_receipt,
)
from crm.web.auth import signed_in
from crm.web.edit_conflicts import CurrentRecord, has_conflict, version_of
from crm.web.forms import date_arg, is_faultless, is_saved, text_arg
from crm.web.leads.detail import changeable_or_404 as lead_or_404
from crm.web.receipts.claims import standing_of
from crm.web.receipts.files import FILES, changeable_or_404, of_receipt, receipt_or_404
from crm.web.receipts.forms import ReceiptForm, ReversalForm, offer_forms, values_of
from crm.web.receipts.questions import prompt_about
from crm.web.receipts.rows import facts_of, receipt_line
from crm.web.transaction import moment, today


def show(receipt_id: int) -> ResponseReturnValue:
    """One receipt with its evidence and what was taken back of it."""
    row, may_change = receipt_or_404(receipt_id)
    on, reversals = today(), reversals_of(db.session, receipt_id)
    standing = standing_of(row)
    is_open = may_change and not standing.is_claimed and not reversals
    left = row.amount + sum(each.amount for each in reversals)
    return render_template(
        "receipts/show.html",
        receipt=row,
        line=receipt_line(row, on),
        facts=facts_of(row, on),
        reversals=reversals,
        left=left if reversals else None,
        standing=standing,
        may_change=is_open and row.reverses_id is None,
        may_withdraw=is_open,
        may_reverse=may_change and row.reverses_id is None and left > 0,
        files=FILES.part(of_receipt(row, can_change=may_change)),
        form=FlaskForm(),
    )


def new(lead_id: int) -> ResponseReturnValue:
    """The form of a receipt, filled in: from the company, today unless the link says else."""
    lead, rows = lead_or_404(lead_id), _offered()
    values: dict[str, Any] = {"ref": new_ref("R", today()), "payer": lead.company.name}
    values |= {"arrived_on": date_arg("on") or today(), "amount": text_arg("amount")}
    values |= {"form_id": rows[0].id} if rows else {}
    return _form_page(ReceiptForm(formdata=None, data=values), lead)


def create(lead_id: int) -> ResponseReturnValue:
    """Record the receipt; a form sent twice records one."""
    lead, form = lead_or_404(lead_id), ReceiptForm()
    if answer := _known_answer(form):
        return answer
    made: list[Receipt] = []

    def save(session: Session) -> None:
        data = form.receipt_data(today())
        made.append(record_receipt(session, lead=lead, data=data, by=signed_in(), now=moment()))

    if _may_keep(form, lead) and is_saved(form, save):
        flash("已登记，请添加进账单、验资报告等佐证材料。", "success")
        return redirect(url_for(".show", receipt_id=made[-1].id))
    # sent twice at once: the receipt like this one may be itself, saved since
    if answer := _known_answer(form):
        return answer
    # read again: a refusal rolled the transaction back
    return _form_page(form, lead_or_404(lead_id)), 422


def _known_answer(form: ReceiptForm) -> ResponseReturnValue | None:
    """The way to the receipt that this form has recorded already."""
    known_id = receipt_id_recorded(db.session, ref=form.ref.data, by_id=signed_in().id)
    if known_id is None:
        return None
    flash("这笔到资已登记，未重复保存。", "info")
    return redirect(url_for(".show", receipt_id=known_id))


def edit(receipt_id: int) -> ResponseReturnValue:
    """The form of a receipt that stands as it was recorded."""
    row = _editable_or_404(receipt_id)
    current = _current(row)
    data = {**current.values, "seen": version_of(db.session, current)}
    return _form_page(ReceiptForm(formdata=None, data=data), row.lead, row)


def change(receipt_id: int) -> ResponseReturnValue:
    """Save the receipt."""
    lock_row(db.session, Receipt, receipt_id)
    row, form = _editable_or_404(receipt_id), ReceiptForm()

    def save(session: Session) -> None:
        change_receipt(
            session, row=row, data=form.receipt_data(today()), by=signed_in(), now=moment()
        )

    is_ready = _may_keep(form, row.lead, row) and not has_conflict(db.session, form, _current(row))
    if is_ready and is_saved(form, save):
        flash("已保存。", "success")
        return redirect(url_for(".show", receipt_id=receipt_id))
    row = changeable_or_404(receipt_id)
    return _form_page(form, row.lead, row), 422


def new_reversal(receipt_id: int) -> ResponseReturnValue:
    """The form of a reversal, with what is left of the receipt."""
    row = changeable_or_404(receipt_id)
    left = row.amount - reversed_of(db.session, row.id)
    values = {
        "ref": new_ref("R", today()),
        "arrived_on": today(),
        "amount": editable_amount(left, row.currency) if left > 0 else "",
    }
    return _reversal_page(ReversalForm(formdata=None, data=values), row)


def reverse(receipt_id: int) -> ResponseReturnValue:
    """Take back of the receipt."""
    row, form = changeable_or_404(receipt_id), ReversalForm()
    data, made = form.reversal_data(today()), list[Receipt]()

    def check() -> None:
        # sent twice it is one reversal, which has taken back what this one would
        if receipt_id_recorded(db.session, ref=data.ref, by_id=signed_in().id) is None:
            check_reversal_of(db.session, row, data, today())

    def save(session: Session) -> None:
        made.append(reverse_receipt(session, row=row, data=data, by=signed_in(), now=moment()))

    is_ready = is_faultless(form, check)
    if _is_of_currency(form, row) and is_ready and is_saved(form, save):
        flash("已登记冲减，请添加佐证材料。", "success")
        return redirect(url_for(".show", receipt_id=made[-1].id))
    return _reversal_page(form, changeable_or_404(receipt_id)), 422


def withdraw(receipt_id: int) -> ResponseReturnValue:
    """Withdraw what was recorded by mistake."""
    row, form = changeable_or_404(receipt_id), FlaskForm()
    lead_id = row.lead_id

    def save(session: Session) -> None:
        withdraw_receipt(session, row=row, by=signed_in(), now=moment())

    if form.validate() and is_saved(form, save):
        flash("已撤销登记，不再计入。", "success")
        return redirect(url_for("leads.show", lead_id=lead_id))
    flash("；".join(form.form_errors) or "未能撤销，请刷新页面后办理。", "danger")
    return redirect(url_for(".show", receipt_id=receipt_id))


def _editable_or_404(receipt_id: int) -> Receipt:
    """The receipt, where I may change it; a reversal has no form, it is withdrawn and made anew."""
    row = changeable_or_404(receipt_id)
    return row if row.reverses_id is None else abort(404)


def _may_keep(form: ReceiptForm, lead: Lead, was: Receipt | None = None) -> bool:
    """Whether the form is valid and its questions are answered."""
    data = form.receipt_data(today())
    if not is_faultless(form, lambda: check_receipt(db.session, data, today())):
        return False
    form.prompt = prompt_about(lead, data, was)
    return form.prompt is None


def _is_of_currency(form: ReversalForm, row: Receipt) -> bool:
    if form.stated is None or form.stated[1] is row.currency:
        return True
    form.amount.errors = [f"冲减金额应与原到资币种一致（{row.currency.label}）。"]
    return False


def _current(row: Receipt) -> CurrentRecord:
    names = {str(each.id): each.name for each in form_rows(db.session)}
    return CurrentRecord(row, values_of(row), {"form_id": names.get(str(row.form_id), "")})


def _offered(row: Receipt | None = None) -> list[FormRow]:
    return [
        each
        for each in form_rows(db.session)
        if each.is_offered or (row and each.id == row.form_id)
    ]


def _form_page(form: ReceiptForm, lead: Lead, row: Receipt | None = None) -> str:
    offer_forms(form.form_id, _offered(row))
    back = url_for(".show", receipt_id=row.id) if row else url_for("leads.show", lead_id=lead.id)
    foreign = [each.name for each in _offered(row) if each.line is Line.FOREIGN]
    return render_template(
        "receipts/new.html", form=form, lead=lead, receipt=row, back=back, foreign=foreign
    )


def _reversal_page(form: ReversalForm, row: Receipt) -> str:
    line = receipt_line(row, today())
    return render_template("receipts/reverse.html", form=form, receipt=row, line=line)
