"""The page of the audit trail, its export and its verification, for admins and auditors."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2

from crm.base.audit_reading import AuditFilter, entries_page, latest_entries
from crm.base.audit_trail import first_break, trail
from crm.base.errors import Refused
from crm.base.sheets import Format
from crm.extensions import db
from crm.people.choices import Group, PeopleAsked
from crm.web.audit.exports import COLUMNS, cells_of
from crm.web.audit.labels import ACTIONS, SUBJECTS
from crm.web.audit.rows import audit_rows
from crm.web.auth import my_view
from crm.web.choices.fields import PersonField, offer_people
from crm.web.downloads import Export, export_links, exported
from crm.web.errors import refusal_text
from crm.web.forms import at_cursor, date_arg, query_arguments, row_id, text_arg
from crm.web.transaction import moment, release, today

bp = Blueprint("audit", __name__)
EVERYONE = SelectChoice("", "全部人员")
MOST_EXPORTED = 20_000
ROWS_AT_ONCE = 500  # their names are read in a fixed number of queries


class ActorForm(Form):
    """Whose entries are listed."""

    who = PersonField("操作人")


@bp.get("/admin/audit")
def listing() -> ResponseReturnValue:
    """Entries, the latest first."""
    form, asked = _asked()
    found = entries_page(db.session, asked, cursor=request.args.get("at"))

    return render_template(
        "audit/list.html",
        # REGIME 2: an admin sees that something was done to a hidden lead, and not what
        rows=audit_rows(db.session, my_view(), found.items, moment()),
        asked=asked,
        is_narrow=any(value is not None for value in asdict(asked).values()),
        form=form,
        actions=[("", "全部操作"), *ACTIONS.items()],
        subjects=[("", "全部对象"), *SUBJECTS.items()],
        newer=at_cursor(found.newer),
        older=at_cursor(found.older),
        exports=export_links(".export"),
    )


def _asked() -> tuple[ActorForm, AuditFilter]:
    """What the list is narrowed to, with the form of whose entries."""
    form = ActorForm(request.args)
    everyone = PeopleAsked(my_view(), today(), Group.ALL)
    offer_people(db.session, everyone, form.who, extra=[EVERYONE])
    return form, AuditFilter(
        by_id=form.who.data,
        action=text_arg("action") or None,
        subject=text_arg("subject") or None,
        subject_id=request.args.get("id", type=row_id),
        first=date_arg("from"),
        last=date_arg("to"),
    )


@bp.get("/admin/audit/export<any('.csv', '.xlsx'):suffix>")
def export(suffix: str) -> ResponseReturnValue:
    """The entries that the list finds, as a file; very many are narrowed to some dates first."""
    _, asked = _asked()
    found = latest_entries(db.session, asked, most=MOST_EXPORTED + 1)
    if len(found) > MOST_EXPORTED:
        flash(f"一次最多导出 {MOST_EXPORTED} 条，请按日期分段导出。", "danger")
        asked_again: dict[str, Any] = {**query_arguments()}
        return redirect(url_for(".listing", **asked_again))

    rows = [
        row
        for at in range(0, len(found), ROWS_AT_ONCE)
        for row in audit_rows(db.session, my_view(), found[at : at + ROWS_AT_ONCE], moment())
    ]
    return exported(Export("操作记录", "audit", COLUMNS, Format(suffix)), map(cells_of, rows))


@bp.post("/admin/audit/verify")
def verify() -> ResponseReturnValue:
    """Check the chain of the trail, as `crm audit verify` does."""
    release()  # one snapshot of its own, and nothing held meanwhile
    with db.sessionmaker() as own:
        broken, reached = first_break(own), trail(own)
    if broken:
        refusal = Refused("audit_broken", part=broken.part, name=broken.name, flaw=broken.flaw)
        flash(refusal_text(refusal), "danger")
    else:
        flash(
            f"操作记录完整：共 {reached.entries} 条，日封存 {reached.seals} 次，"
            f"链尾第 {reached.position} 环。",
            "success",
        )
    return redirect(url_for(".listing"))
