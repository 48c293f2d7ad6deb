"""What lists of forms find as one types: people, and leads that I may see."""

from collections.abc import Sequence

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from crm.base.choices import MOST_FOUND, Choice
from crm.extensions import db
from crm.leads.queries import found_leads
from crm.people.choices import Group, PeopleAsked, found_people
from crm.web.auth import my_view
from crm.web.forms import enum_arg, row_id, text_arg
from crm.web.transaction import today

bp = Blueprint("choices", __name__, url_prefix="/choices")


@bp.get("/people")
def people() -> ResponseReturnValue:
    """People of the group, found by name, initials, username or unit."""
    asked = PeopleAsked(
        my_view(), today(), enum_arg("group", Group) or Group.COLLEAGUES, _without()
    )
    text = text_arg("q")
    found = found_people(db.session, asked, text) if text else []
    return _answer(found, prefix="p" if text_arg("prefix") else "")


@bp.get("/leads")
def leads() -> ResponseReturnValue:
    """Leads found as in their list; those that I may not see do not exist here either."""
    text = text_arg("q")
    found = found_leads(db.session, my_view(), today(), text) if text else []
    return _answer([lead for lead in found if lead.id != _without()])


def _without() -> int | None:
    return request.args.get("without", type=row_id)


def _answer(found: Sequence[Choice], *, prefix: str = "") -> ResponseReturnValue:
    rows = [
        {"value": f"{prefix}{row.id}", "text": row.text, "note": row.note or ""}
        for row in found[:MOST_FOUND]
    ]
    return {"found": rows, "has_more": len(found) > MOST_FOUND}
