"""What the product keeps of contacts, why and how long, and whom to ask (PIPL)."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from crm.base.audit_trail import KEPT_DAYS
from crm.extensions import db
from crm.people.officers import admin_names
from crm.personal_data.retention import retention_periods
from crm.personal_data.retention_rules import Kept

bp = Blueprint("privacy", __name__)


@bp.get("/me/personal-data")
def show() -> ResponseReturnValue:
    """The notice for whoever enters or uses contacts' data."""
    return render_template(
        "contacts/privacy.html",
        admins=admin_names(db.session),
        kept_days=KEPT_DAYS,
        months=retention_periods(db.session)[Kept.CONTACTS],
    )
