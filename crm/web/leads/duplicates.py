"""Duplicates of the company that is being entered: shown as one types, and once as one saves."""

from collections.abc import Iterable, Sequence
from datetime import date

from flask import render_template
from flask.typing import ResponseReturnValue

from crm.base import formatting
from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.assistance import leads_to_assist
from crm.leads.companies import LeadScope
from crm.leads.duplicates import Duplicate, Entered, Level, duplicates
from crm.leads.lists import ListedLead, listed_leads
from crm.leads.rules import LeadRoleKind
from crm.web.auth import my_view, signed_in
from crm.web.forms import text_arg, whole_number
from crm.web.leads.forms import LeadForm
from crm.web.transaction import today

FIELDS = ("company", "credit_code", "group_name", "contact", "phone")


@value_class
class DuplicateRow:
    """A lead that may be of the same company, in words."""

    id: int
    title: str
    company: str
    level: Level
    why: str
    sentence: str  # who follows it up
    can_assist: bool


def entered_in(form: LeadForm) -> Entered:
    """The company as the form has it."""
    return _entered({name: form[name].data or "" for name in FIELDS})


def found_duplicates(entered: Entered, *, but: Iterable[int] = ()) -> list[DuplicateRow]:
    """What I may see of likely duplicates, for which the form stops; `but` those shown already."""
    scope = LeadScope(my_view(), today())
    found = duplicates(db.session, entered, scope, levels=(Level.CERTAIN, Level.LIKELY))
    shown = set(but)
    return _rows(found) if any(row.lead_id not in shown for row in found) else []


def check() -> ResponseReturnValue:
    """The duplicates of what is typed so far, as a part of the form's page."""
    entered = _entered({name: text_arg(name) for name in FIELDS})
    found = duplicates(db.session, entered, LeadScope(my_view(), today()))
    return render_template("leads/_duplicates.html", duplicates=_rows(found), is_asked=False)


def _entered(values: dict[str, str]) -> Entered:
    return Entered(
        name=values["company"],
        credit_code=values["credit_code"] or None,
        group_name=values["group_name"] or None,
        contact=values["contact"] or None,
        phone=values["phone"] or None,
    )


def _rows(found: Sequence[Duplicate]) -> list[DuplicateRow]:
    ids = [row.lead_id for row in found]
    leads = {lead.id: lead for lead in listed_leads(db.session, ids, today())} if ids else {}
    to_assist = leads_to_assist(db.session, ids, signed_in(), today()) if ids else set()

    return [
        DuplicateRow(
            id=row.lead_id,
            title=leads[row.lead_id].title,
            company=row.company,
            level=row.level,
            why="、".join(kind.label for kind in row.likenesses),
            sentence=followed_by(leads[row.lead_id], today()),
            can_assist=row.level is not Level.POSSIBLE and row.lead_id in to_assist,
        )
        for row in found
    ]


def followed_by(lead: ListedLead, on: date) -> str:
    """Who follows the lead up, how far it is, and when somebody was last in contact."""
    unit = lead.holders.get(LeadRoleKind.RESPONSIBLE_UNIT, "")
    tracker = lead.holders.get(LeadRoleKind.TRACKER, "")
    who = f"{unit}{tracker}同志" if tracker else unit
    last_on = lead.last_contact_on
    contact = f"，最近联系{formatting.dated(last_on, on)}" if last_on else ""
    state = f"（{lead.stage.label}{contact}）"
    return f"该企业由{who}跟进{state}" if who else f"该企业已登记，暂无责任人{state}"


def shown_before(form: LeadForm) -> list[int]:
    """Ids of the leads that the form has stopped for."""
    ids = map(whole_number, (form.warned_of.data or "").split(","))
    return [lead_id for lead_id in ids if lead_id is not None]


def note_shown(form: LeadForm, rows: Sequence[DuplicateRow]) -> None:
    """Keep the leads that the page now shows: sent again, the form is saved."""
    ids = dict.fromkeys([*shown_before(form), *(row.id for row in rows)])
    form.warned_of.data = ",".join(map(str, ids))
