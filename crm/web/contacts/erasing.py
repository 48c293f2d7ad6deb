"""A contact's data, taken out as a file or erased, on request of the person (PIPL 45, 47)."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, SelectMultipleField, TextAreaField
from wtforms.validators import DataRequired, Length

from crm.base.sheets import Format
from crm.base.value_class import value_class
from crm.extensions import db
from crm.followups.models import Followup
from crm.leads.models import Contact, Lead
from crm.personal_data.copies import COLUMNS, rows_of
from crm.personal_data.erasure import counts, erase_contact
from crm.personal_data.free_texts import FreeText, FreeTexts, free_texts
from crm.personal_data.places import places_of
from crm.problems.models import Problem
from crm.results.models import Claim
from crm.results.receipt_models import Receipt
from crm.supervision.models import Order
from crm.visits.models import Visit
from crm.web.access import ACCESS
from crm.web.audit.field_labels import label_of
from crm.web.audit.labels import ACTIONS, SUBJECTS
from crm.web.auth import my_view, signed_in
from crm.web.contacts.views import CONTACT, contact_or_404
from crm.web.downloads import Export, exported
from crm.web.forms import is_saved, prose
from crm.web.transaction import moment, today

bp = Blueprint("personal_data", __name__)
EXPIRED = "超过保存期限，已无保存必要"
PLACES = {
    "contacts": "企业联系人",
    "visits": "拜访中的会见人员和职务",
    "followups": "跟进中的会见人员",
    "proposals": "修改建议",
    "files": "佐证材料的文件名",
    "merges": "合并记录",
    "imported": "导入记录",
    "messages": "邮件和周报月报",
    "answers": "接口的应答存底",
    "entries": "操作记录（不再显示内容）",
}
# the page of each kind of record, and what its address calls it
_PAGES: Mapping[Any, tuple[str, str]] = {
    Visit: ("visits.show", "visit_id"),
    Lead: ("leads.show", "lead_id"),
    Followup: ("followups.show", "followup_id"),
    Problem: ("problems.show", "problem_id"),
    Order: ("supervision.show", "order_id"),
    Claim: ("claims.show", "claim_id"),
    Receipt: ("receipts.show", "receipt_id"),
}


@value_class
class TextLine:
    """A text that names the contact, as the page shows it."""

    key: str
    record: str
    field: str
    excerpt: str
    url: str | None


class EraseForm(FlaskForm):
    """On what grounds a contact is erased."""

    basis = TextAreaField(
        "删除依据",
        [DataRequired("请填写删除依据。"), Length(max=200, message="最多 %(max)d 个字。")],
        filters=[prose],
    )
    texts = SelectMultipleField("改为代号的文字", choices=[], validate_choice=False)
    hidden_texts = BooleanField("未公开的记录中的文字一并改为代号")


@bp.get(f"{CONTACT}/personal-data")
def show(contact_id: int) -> ResponseReturnValue:
    """Where the contact's data stand, and what would change."""
    return _page(contact_or_404(contact_id), None)


@bp.get(f"{CONTACT}/personal-data.xlsx")
def export(contact_id: int) -> ResponseReturnValue:
    """All that is kept of the contact; the export itself is an entry of the trail."""
    places = places_of(db.session, contact_or_404(contact_id))
    rows = rows_of(db.session, places, my_view(), today())
    words = [row | {"content": ACTIONS.get(row["content"], row["content"])} for row in rows]
    file = Export("联系人个人信息", f"contact-{contact_id}", COLUMNS, Format.XLSX)
    return exported(file, words)


@bp.post(f"{CONTACT}/erase")
def erase(contact_id: int) -> ResponseReturnValue:
    """Erase the contact's data."""
    form, contact = EraseForm(), contact_or_404(contact_id)

    def save(session: Session) -> None:
        erase_contact(
            session,
            contact=contact,
            basis=form.basis.data or "",
            sentences=_chosen(session, form, contact),
            by=signed_in(),
            now=moment(),
        )

    if form.validate() and is_saved(form, save):
        flash("已删除该联系人的个人信息，以代号保留记录。", "success")
        return redirect(url_for(".show", contact_id=contact_id))
    return _page(contact_or_404(contact_id), form), 422


def _form(texts: FreeTexts) -> EraseForm:
    """The form as it begins: every text gives way to the pseudonym."""
    is_expired = request.args.get("basis") == "expired"
    asked = {
        "basis": EXPIRED if is_expired else "",
        "texts": [text.key for text in texts.shown],
        "hidden_texts": True,
    }
    return EraseForm(formdata=None, data=asked)


def _page(contact: Contact, form: EraseForm | None) -> str:
    places = places_of(db.session, contact)
    found = counts(places)
    texts = free_texts(db.session, places, my_view(), today())
    return render_template(
        "contacts/personal_data.html",
        contact=contact,
        company=contact.company,
        pseudonym=places.data.pseudonym,
        others=[row for row in places.contacts if row.id != contact.id],
        counts=[(label, f"{found[kind]} 处") for kind, label in PLACES.items() if kind in found],
        texts=[_line(text) for text in texts.shown],
        hidden=len(texts.hidden),
        form=form or _form(texts),
    )


def _chosen(session: Session, form: EraseForm, contact: Contact) -> set[str]:
    """The keys of the texts to change: those that were ticked, and the hidden ones if asked."""
    texts = free_texts(session, places_of(session, contact), my_view(), today())
    chosen = {text.key for text in texts.shown} & set(form.texts.data or ())
    return chosen | ({text.key for text in texts.hidden} if form.hidden_texts.data else set())


def _line(text: FreeText) -> TextLine:
    subject = text.record.__tablename__
    ref = text.ref or f"#{text.record_id}"
    return TextLine(
        text.key,
        f"{SUBJECTS[subject]} {ref}",
        label_of(text.table, text.column),
        text.excerpt,
        _url(text),
    )


def _url(text: FreeText) -> str | None:
    """The page of the record, where there is one for the viewer."""
    endpoint, name = _PAGES.get(text.record, ("", ""))
    if not endpoint or signed_in().role not in ACCESS[endpoint]:
        return None
    values: dict[str, Any] = {name: text.record_id}
    return url_for(endpoint, **values)
