"""The page of the audit trail, for admins."""

from dataclasses import asdict

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from crm.audit.queries import actor_choices
from crm.base.audit_reading import AuditFilter, entries_page
from crm.extensions import db
from crm.web.audit.labels import ACTIONS, SUBJECTS
from crm.web.audit.rows import audit_rows
from crm.web.auth import my_view
from crm.web.forms import at_cursor, date_arg, row_id, text_arg
from crm.web.transaction import moment

bp = Blueprint("audit", __name__)


@bp.get("/admin/audit")
def listing() -> ResponseReturnValue:
    """Entries, the latest first."""
    asked = AuditFilter(
        by_id=request.args.get("who", type=row_id),
        action=text_arg("action") or None,
        subject=text_arg("subject") or None,
        subject_id=request.args.get("id", type=row_id),
        first=date_arg("from"),
        last=date_arg("to"),
    )
    found = entries_page(db.session, asked, cursor=request.args.get("at"))
    people = actor_choices(db.session)

    return render_template(
        "audit/list.html",
        # REGIME 2: an admin sees that something was done to a hidden lead, and not what
        rows=audit_rows(db.session, my_view(), found.items, moment()),
        asked=asked,
        is_narrow=any(value is not None for value in asdict(asked).values()),
        people=[("", "全部人员"), *people],
        actions=[("", "全部操作"), *ACTIONS.items()],
        subjects=[("", "全部对象"), *SUBJECTS.items()],
        newer=at_cursor(found.newer),
        older=at_cursor(found.older),
    )
