"""The page of the audit trail, for admins."""

from dataclasses import asdict

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from wtforms import Form
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2

from crm.base.audit_reading import AuditFilter, entries_page
from crm.extensions import db
from crm.people.choices import Group, PeopleAsked
from crm.web.audit.labels import ACTIONS, SUBJECTS
from crm.web.audit.rows import audit_rows
from crm.web.auth import my_view
from crm.web.choices.fields import PersonField, offer_people
from crm.web.forms import at_cursor, date_arg, row_id, text_arg
from crm.web.transaction import moment, today

bp = Blueprint("audit", __name__)
EVERYONE = SelectChoice("", "全部人员")


class ActorForm(Form):
    """Whose entries are listed."""

    who = PersonField("操作人")


@bp.get("/admin/audit")
def listing() -> ResponseReturnValue:
    """Entries, the latest first."""
    form = ActorForm(request.args)
    everyone = PeopleAsked(my_view(), today(), Group.ALL)
    offer_people(db.session, everyone, form.who, extra=[EVERYONE])
    asked = AuditFilter(
        by_id=form.who.data,
        action=text_arg("action") or None,
        subject=text_arg("subject") or None,
        subject_id=request.args.get("id", type=row_id),
        first=date_arg("from"),
        last=date_arg("to"),
    )
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
    )
