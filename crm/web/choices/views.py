"""What forms ask as one types: people, leads that I may see, and how a date is read."""

from collections.abc import Sequence

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from crm.base.choices import MOST_FOUND, Choice
from crm.base.formatting import full_day
from crm.extensions import db
from crm.leads.company_queries import found_companies
from crm.leads.queries import found_leads
from crm.people.choices import Group, PeopleAsked, found_people
from crm.web.auth import my_view
from crm.web.choices.fields import CompanyField
from crm.web.date_fields import read_date, read_time, shown_time
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


@bp.get("/companies")
def companies() -> ResponseReturnValue:
    """Companies found as in their list."""
    text = text_arg("q")
    found = found_companies(db.session, my_view(), today(), text) if text else []
    return _answer(found, prefix=CompanyField.prefix)


@bp.get("/date")
def date() -> ResponseReturnValue:
    """How an entered date or time is read, as its field shows it; else what is wrong with it."""
    text = text_arg("text")
    try:
        if text_arg("as") == "time":
            return {"shown": shown_time(read_time(text))}
        return {"shown": full_day(read_date(text, is_ahead="ahead" in request.args))}
    except ValueError as error:
        return {"error": str(error)}


def _without() -> int | None:
    return request.args.get("without", type=row_id)


def _answer(found: Sequence[Choice], *, prefix: str = "") -> ResponseReturnValue:
    rows = [
        {"value": f"{prefix}{row.id}", "text": row.text, "note": row.note or ""}
        for row in found[:MOST_FOUND]
    ]
    return {"found": rows, "has_more": len(found) > MOST_FOUND}
