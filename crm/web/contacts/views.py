"""What somebody may do with the personal data of one contact (PIPL)."""

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.extensions import db
from crm.leads.contact_reveals import reveal_contact
from crm.leads.models import Contact
from crm.leads.reached import seen_contact
from crm.web.auth import my_view, signed_in
from crm.web.contacts.rows import contact_line
from crm.web.errors import refusal_text
from crm.web.forms import LARGEST_ID
from crm.web.transaction import moment, today, transaction

bp = Blueprint("contacts", __name__)
CONTACT = f"/contacts/<int(max={LARGEST_ID}):contact_id>"


@bp.post(f"{CONTACT}/reveal")
def reveal(contact_id: int) -> ResponseReturnValue:
    """Show one contact's number and address, and note who saw them."""
    problem = ""
    try:
        with transaction() as session:
            contact = contact_or_404(contact_id)
            reveal_contact(session, contact=contact, by=signed_in(), now=moment())
    except Refused as refusal:
        problem = refusal_text(refusal)

    contact = contact_or_404(contact_id)  # read again: a refusal rolled the transaction back
    line = contact_line(contact, is_plain=not problem)
    is_part = "HX-Request" in request.headers
    template = "contacts/_reach.html" if is_part else "contacts/revealed.html"
    page = render_template(template, contact=line, company=contact.company, problem=problem)
    return page, 422 if problem else 200


def contact_or_404(contact_id: int) -> Contact:
    return seen_contact(db.session, my_view(), contact_id, today()) or abort(404)
