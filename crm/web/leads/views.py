"""Pages of leads: the list, the form, and one lead with what may be done on it."""

from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.base.refs import new_ref
from crm.extensions import db
from crm.followups.contacts import last_contacts
from crm.leads import service
from crm.leads.catalog import industries
from crm.leads.companies import Eyes, told_of_company
from crm.leads.models import Lead
from crm.leads.queries import (
    LeadFilter,
    LeadLabel,
    contacts_of,
    lead_id_entered,
    leads_of_company,
    leads_page,
)
from crm.leads.rules import MilestoneKind, Secrecy, Stage
from crm.people.queries import primary_posting, unit_tree
from crm.people.rules import UnitKind
from crm.web.auth import my_view, signed_in
from crm.web.edit_conflicts import CurrentRecord, has_conflict, lock_row, version_of
from crm.web.forms import LARGEST_ID, at_cursor, enum_arg, row_id, show_refusal, text_arg
from crm.web.leads.actions import (
    correct,
    earlier_of,
    end_role,
    found,
    give_role,
    home_of,
    mine_to_change,
    page,
    reach,
    withdraw,
)
from crm.web.leads.forms import (
    FIELDS,
    EditForm,
    LeadForm,
    as_typed,
    in_words,
    offer,
    offer_supervisors,
)
from crm.web.leads.plans import plan, revise
from crm.web.leads.rows import lead_line
from crm.web.transaction import moment, today, transaction

bp = Blueprint("leads", __name__)
ONE = f"/leads/<int(max={LARGEST_ID}):lead_id>"
STEP = f"{ONE}/milestones/<int(max={LARGEST_ID}):milestone_id>"
bp.post(f"{ONE}/reach")(reach)
bp.post(f"{ONE}/plans")(plan)
bp.post(f"{ONE}/plans/<kind>")(revise)
bp.post(f"{ONE}/roles")(give_role)
bp.post(f"{ONE}/roles/<int(max={LARGEST_ID}):role_id>/end")(end_role)
bp.post(f"{STEP}/correct")(correct)
bp.post(f"{STEP}/withdraw")(withdraw)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the list was asked for."""

    who: str  # mine, or all that one may see
    by: LeadFilter

    @property
    def is_narrow(self) -> bool:
        """Whether anything but whose leads narrows the list."""
        by = self.by
        return any((by.text, by.stage, by.industry, by.park_id, by.secrecy))


@bp.get("/leads")
def listing() -> ResponseReturnValue:
    """The leads that one may see, the latest first."""
    asked, on = _asked(), today()
    found_page = leads_page(db.session, my_view(), on, by=asked.by, cursor=request.args.get("at"))
    contacts = last_contacts(db.session, [lead.id for lead in found_page.items])
    return render_template(
        "leads/list.html",
        asked=asked,
        lines=[lead_line(lead, contacts.get(lead.id), on) for lead in found_page.items],
        newer=at_cursor(found_page.newer),
        older=at_cursor(found_page.older),
        **_choices(asked),
    )


def _asked() -> Asked:
    who = "mine" if request.args.get("who") == "mine" else "all"

    return Asked(
        who,
        LeadFilter(
            text=text_arg("q"),
            stage=enum_arg("stage", Stage),
            industry=text_arg("industry") or None,
            park_id=request.args.get("park", type=row_id),
            secrecy=enum_arg("secrecy", Secrecy),
            is_mine=who == "mine",
        ),
    )


def _choices(asked: Asked) -> dict[str, object]:
    parks = [one.unit for one in unit_tree(db.session) if one.unit.kind is UnitKind.PARK]
    whose = {"all": "全部可见", "mine": "我的线索"}

    return {
        "stages": [("", "全部阶段"), *((each.value, each.label) for each in Stage)],
        "industries": [("", "全部产业"), *industries().items()],
        "parks": [("", "全部园区"), *((park.id, park.name) for park in parks)],
        "levels": [("", "知悉范围不限"), *((each.value, each.label) for each in Secrecy)],
        "tabs": [
            {"url": url_for(".listing", who=who), "label": label, "active": who == asked.who}
            for who, label in whose.items()
        ],
    }


@bp.get("/leads/new")
def new() -> ResponseReturnValue:
    """A new lead: of my unit, tracked by me, from today."""
    me = signed_in()
    own = primary_posting(db.session, me.id, today())
    form = LeadForm(
        data={
            "ref": new_ref("L", today()),
            "entered_on": today(),
            "unit_id": own.unit_id if own else None,
            "tracker_id": me.id,
            "stage": Stage.LEAD,
            "secrecy": Secrecy.OPEN,
        }
    )

    return _new_page(form)


def _new_page(form: LeadForm, alike: list[LeadLabel] | None = None) -> str:
    offer(db.session, form, my_view(), today())
    return render_template("leads/new.html", form=form, alike=alike or [])


@bp.post("/leads/new")
def create() -> ResponseReturnValue:
    """Enter the lead; a form that comes twice is one lead, and a likely duplicate is shown."""
    form = LeadForm()
    if (known := _entered_already(form.ref.data)) is not None:
        flash("这条线索已经录入过，没有重复保存。", "info")
        return redirect(home_of(known))

    alike = _alike(form)

    if form.validate() and not alike:
        try:
            lead = _enter(form)
        except Refused as refusal:
            show_refusal(form, refusal, FIELDS)
            _renew(form, refusal)
        else:
            flash("线索已录入。", "success")
            return redirect(home_of(lead.id))

    return _new_page(form, alike), 422


def _entered_already(ref: str | None) -> int | None:
    return lead_id_entered(db.session, ref=ref, by_id=signed_in().id)


def _alike(form: LeadForm) -> list[LeadLabel]:
    """The leads of the same company that I may see, unless they were shown for it already."""
    name = form.company.data
    if not name or form.warned_of.data == name:
        return []
    form.warned_of.data = name
    code = form.credit_code.data
    return leads_of_company(db.session, my_view(), today(), name=name, credit_code=code)


def _renew(form: LeadForm, refusal: Refused) -> None:
    """Give the form another reference where somebody else has its own, so that it can be saved."""
    if refusal.code == "duplicate_ref":
        form.ref.data = new_ref("L", today())


def _enter(form: LeadForm) -> Lead:
    me, now = signed_in(), moment()
    with transaction() as rows:
        lead = service.add_lead(rows, data=form.as_lead(), by=me, now=now)
        if lead.stage is Stage.LEAD and form.stage.data is not Stage.LEAD:
            kind = MilestoneKind(form.stage.data.value)
            service.reach(rows, lead=lead, kind=kind, on=lead.entered_on, by=me, now=now)
        return lead


@bp.get(ONE)
def show(lead_id: int) -> ResponseReturnValue:
    """One lead with its timeline."""
    return page(lead_id)


@bp.get(f"{ONE}/edit")
def edit(lead_id: int) -> ResponseReturnValue:
    """The form of a lead, to set right what is told of it."""
    lead = mine_to_change(lead_id)
    current = _there(lead)
    form = EditForm(data={**current.values, "seen": version_of(db.session, current)})
    return _edit_page(form, lead)


def _there(lead: Lead) -> CurrentRecord:
    contacts = contacts_of(db.session, my_view(), lead, today())
    eyes = Eyes(my_view(), today())
    told = told_of_company(db.session, lead, lead.company, eyes)
    values = as_typed(lead, contacts[0] if contacts else None) | told
    earlier = earlier_of(lead)
    values["earlier_lead_id"] = earlier.id if earlier else None
    return CurrentRecord(lead, values, in_words(lead, earlier))


def _edit_page(form: EditForm, lead: Lead) -> str:
    offer(db.session, form, my_view(), today(), but=lead.id)
    offer_supervisors(db.session, form, lead, my_view(), today())
    return render_template("leads/edit.html", form=form, lead=lead)


@bp.post(f"{ONE}/edit")
def change(lead_id: int) -> ResponseReturnValue:
    """Keep what the form says of the lead."""
    lock_row(db.session, Lead, lead_id)
    lead, form = mine_to_change(lead_id), EditForm()
    is_valid = form.validate()
    is_lost = is_valid and has_conflict(db.session, form, _there(lead))

    if is_valid and not is_lost:
        try:
            _rewrite(form, lead)
        except Refused as refusal:
            show_refusal(form, refusal, FIELDS)
        else:
            flash("已保存。", "success")
            return redirect(home_of(lead_id))

    status = HTTPStatus.CONFLICT if is_lost else HTTPStatus.UNPROCESSABLE_ENTITY

    return _edit_page(form, found(lead_id)), status


def _rewrite(form: EditForm, lead: Lead) -> None:
    with transaction() as rows:
        data = form.as_change(lead)
        service.change_lead(rows, lead=lead, data=data, by=signed_in(), now=moment())
