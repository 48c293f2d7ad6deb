"""A contact's data, taken out as a file or erased, on request of the person (PIPL 45, 47)."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from crm.base.sheets import Format
from crm.extensions import db
from crm.followups.fields import FOLLOWUP_FIELDS
from crm.followups.models import Followup
from crm.leads.fields import LEAD_FIELDS
from crm.leads.models import Contact, Lead
from crm.personal_data.copies import COLUMNS, rows_of
from crm.personal_data.erasure import counts, erase_contact
from crm.personal_data.free_texts import FreeText, free_texts
from crm.personal_data.places import places_of
from crm.visits.fields import VISIT_FIELDS
from crm.visits.models import Visit
from crm.web.audit.labels import ACTIONS
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
_RECORDS: Mapping[Any, Any] = {
    Visit: ("拜访", VISIT_FIELDS, lambda row_id: url_for("visits.show", visit_id=row_id)),
    Lead: ("线索", LEAD_FIELDS, lambda row_id: url_for("leads.show", lead_id=row_id)),
    Followup: (
        "跟进",
        FOLLOWUP_FIELDS,
        lambda row_id: url_for("followups.show", followup_id=row_id),
    ),
}


class EraseForm(FlaskForm):
    """On what grounds a contact is erased."""

    basis = TextAreaField(
        "删除依据",
        [DataRequired("请填写删除依据。"), Length(max=200, message="最多 %(max)d 个字。")],
        filters=[prose],
    )


@bp.get(f"{CONTACT}/personal-data")
def show(contact_id: int) -> ResponseReturnValue:
    """Where the contact's data stand, and what would change."""
    is_expired = request.args.get("basis") == "expired"
    form = EraseForm(formdata=None, data={"basis": EXPIRED if is_expired else ""})
    return _page(contact_or_404(contact_id), form)


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
        basis = form.basis.data or ""
        erase_contact(session, contact=contact, basis=basis, by=signed_in(), now=moment())

    if form.validate() and is_saved(form, save):
        flash("已删除该联系人的个人信息，以代号保留记录。", "success")
        return redirect(url_for(".show", contact_id=contact_id))
    return _page(contact_or_404(contact_id), form), 422


def _page(contact: Contact, form: EraseForm) -> str:
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
        hidden=texts.hidden,
        form=form,
    )


def _line(text: FreeText) -> tuple[str, str, str]:
    """The record, which of its fields, and its address."""
    record, fields, address = _RECORDS[text.table]
    labels = "、".join(fields[name].label for name in text.fields)
    return f"{record} {text.ref}", labels, address(text.row_id)
