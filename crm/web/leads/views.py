"""Pages of leads: the list, the form, and one lead with what may be done on it."""

from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.base.refs import new_ref
from crm.extensions import db
from crm.leads import service
from crm.leads.amounts import amounts_of
from crm.leads.companies import values_of_company
from crm.leads.company_queries import company_of
from crm.leads.merged import Mergeable, survivor_of
from crm.leads.models import Lead
from crm.leads.notifications import tell_officers
from crm.leads.own_fields import used_fields
from crm.leads.own_values import held_values, own_rows
from crm.leads.permissions import may_see
from crm.leads.queries import lead_id_entered
from crm.leads.redaction import company_before
from crm.leads.rules import Secrecy, Stage
from crm.people.queries import primary_posting
from crm.web.auth import my_view, signed_in
from crm.web.edit_conflicts import CurrentRecord, has_conflict, version_of
from crm.web.forms import LARGEST_ID, is_saved, row_id, show_refusal, text_arg
from crm.web.leads.actions import (
    correct,
    end_role,
    follow_up,
    give_role,
    offer_site,
    plan,
    reach,
    revise,
    withdraw,
    withdraw_site,
)
from crm.web.leads.assisting import ask_to_assist, assist
from crm.web.leads.board import board, cards
from crm.web.leads.detail import (
    changeable_or_404,
    earlier_lead,
    lead_or_404,
    render_lead,
    url_after_change,
)
from crm.web.leads.duplicates import (
    DuplicateRow,
    check,
    entered_in,
    found_duplicates,
    note_shown,
    shown_before,
)
from crm.web.leads.exports import export
from crm.web.leads.files import FILES
from crm.web.leads.forms import (
    REFUSAL_FIELDS,
    EditForm,
    LeadForm,
    form_values,
    offer_supervisors,
    set_choices,
    value_labels,
)
from crm.web.leads.listing import listing
from crm.web.leads.moving import choose, move
from crm.web.leads.own_form import (
    asks_for_own_fields,
    is_of_used_fields,
    not_sent,
    offer_kept,
    own_block,
    own_form_values,
    own_words,
    with_own_fields,
)
from crm.web.leads.plan_by_template import plan_all, preview_plans
from crm.web.leads.saved_views import remove, save, views
from crm.web.site import site
from crm.web.transaction import moment, today, transaction

bp = Blueprint("leads", __name__)
LEAD = f"/leads/<int(max={LARGEST_ID}):lead_id>"
MILESTONE = f"{LEAD}/milestones/<int(max={LARGEST_ID}):milestone_id>"
FILES.register(bp, LEAD)
bp.get("/leads")(listing)
bp.get("/leads/export<any('.csv', '.xlsx'):suffix>")(export)
bp.get("/leads/board")(board)
bp.get("/leads/board/cards")(cards)
bp.get("/leads/views")(views)
bp.post("/leads/views", endpoint="save_view")(save)
bp.post(f"/leads/views/<int(max={LARGEST_ID}):view_id>/remove", endpoint="remove_view")(remove)
bp.get("/leads/duplicates")(check)
bp.get(f"{LEAD}/assist")(ask_to_assist)
bp.post(f"{LEAD}/assist")(assist)
bp.get(f"{LEAD}/move")(choose)
bp.post(f"{LEAD}/move")(move)
bp.post(f"{LEAD}/reach")(reach)
bp.post(f"{LEAD}/plans")(plan)
bp.post(f"{LEAD}/plans/<kind>")(revise)
bp.get(f"{LEAD}/plan-by-template")(preview_plans)
bp.post(f"{LEAD}/plan-by-template")(plan_all)
bp.post(f"{LEAD}/followups")(follow_up)
bp.post(f"{LEAD}/sites")(offer_site)
bp.post(f"{LEAD}/sites/<int(max={LARGEST_ID}):offer_id>/withdraw")(withdraw_site)
bp.post(f"{LEAD}/roles")(give_role)
bp.post(f"{LEAD}/roles/<int(max={LARGEST_ID}):role_id>/end")(end_role)
bp.post(f"{MILESTONE}/correct")(correct)
bp.post(f"{MILESTONE}/withdraw")(withdraw)


@bp.get("/leads/new")
def new() -> ResponseReturnValue:
    """A new lead: of my unit, tracked by me, from today."""
    me = signed_in()
    posting = primary_posting(db.session, me.id, today())
    values = {
        "ref": new_ref("L", today()),
        "entered_on": today(),
        "unit_id": posting.unit_id if posting else None,
        "tracker_id": me.id,
        "stage": Stage.LEAD,
        "secrecy": Secrecy.OPEN,
        "company": _asked_company(),
    }
    return _new_page(with_own_fields(db.session, LeadForm)(data=values))


def _asked_company() -> str | None:
    """The name of the company from whose page, or from whose visits, the form was opened."""
    if name := text_arg("company_name"):
        return name
    asked = request.args.get("company", type=row_id)
    company = company_of(db.session, my_view(), asked, today()) if asked else None
    return company.name if company else None


def _new_page(form: LeadForm, duplicates: Sequence[DuplicateRow] = ()) -> str:
    set_choices(db.session, form, my_view(), today())
    note_shown(form, duplicates)
    return render_template(
        "leads/new.html",
        form=form,
        duplicates=duplicates,
        is_asked=True,
        own=own_block(db.session, form),
    )


@bp.post("/leads/new")
def create() -> ResponseReturnValue:
    """Enter the lead; a form that is sent twice is one lead, and likely duplicates are shown."""
    form = with_own_fields(db.session, LeadForm)()
    if answer := _known_answer(form):
        return answer
    if asks_for_own_fields():
        return _new_page(form)

    # looked for in any case: errors and duplicates are shown at once
    duplicates = found_duplicates(entered_in(form), but=shown_before(form))
    # both in any case: an error at a field hides nothing that a retired field loses
    is_valid = all([form.validate(), is_of_used_fields(db.session, form, {})])
    if is_valid and not duplicates and (lead := _save_new(form)):
        flash("线索已登记。", "success")
        return redirect(url_after_change(lead.id))
    # sent twice at once: the duplicate may be itself, saved since
    if answer := _known_answer(form):
        return answer

    return _new_page(form, duplicates), HTTPStatus.UNPROCESSABLE_ENTITY


def _known_answer(form: LeadForm) -> ResponseReturnValue | None:
    """The way to the lead that this form has entered already."""
    known_id = lead_id_entered(db.session, ref=form.ref.data, by_id=signed_in().id)
    if known_id is None:
        return None
    flash("这条线索已登记，未重复保存。", "info")
    return redirect(url_after_change(known_id))


def _save_new(form: LeadForm) -> Lead | None:
    """The lead of a valid form; none where it is refused."""
    try:
        return _enter(form)
    except Refused as refusal:
        show_refusal(form, refusal, REFUSAL_FIELDS)
        if refusal.code == "duplicate_ref":  # with another reference it can be saved
            form.ref.data = new_ref("L", today())
        return None


def _enter(form: LeadForm) -> Lead:
    me, now = signed_in(), moment()
    with transaction() as session:
        lead = service.add_lead(session, data=form.new_lead(), by=me, now=now)
        tell_officers(session, lead=lead, entered=entered_in(form), by=me, now=now, site=site())
        # a lead that is entered twice at once is the same lead, and may have its stage already
        if lead.stage is Stage.LEAD and form.stage.data is not Stage.LEAD:
            kind = form.stage.data
            service.reach(
                session,
                lead=lead,
                kind=kind,
                on=lead.entered_on,
                agreement=form.agreement.data,
                by=me,
                now=now,
            )
        return lead


@bp.get(LEAD)
def show(lead_id: int) -> ResponseReturnValue:
    """One lead with its timeline; the address of a merged one leads to what it became."""
    try:
        return render_lead(lead_id)
    except NotFound:
        survivor_id = survivor_of(db.session, Mergeable.LEAD, lead_id)
        if survivor_id is None or not may_see(db.session, my_view(), survivor_id, today()):
            raise
        address = url_for(".show", lead_id=survivor_id)
        return redirect(address, HTTPStatus.MOVED_PERMANENTLY)


@bp.get(f"{LEAD}/edit")
def edit(lead_id: int) -> ResponseReturnValue:
    """The form to change a lead."""
    lead = changeable_or_404(lead_id)
    current = _current(lead)
    form_type = with_own_fields(db.session, EditForm)
    form = form_type(data={**current.values, "seen": version_of(db.session, current)})
    return _edit_page(form, lead)


def _current(lead: Lead) -> CurrentRecord:
    company = company_before(db.session, my_view(), lead, today())
    earlier = earlier_lead(lead)
    amounts = amounts_of(db.session, lead.id)
    contact = next(iter(company.contacts), None)
    values = form_values(lead, contact, amounts)
    if contact and contact.id not in company.plain_ids:
        values["phone"] = None  # empty, it stays as it is
    values |= values_of_company(lead, lead.company, hides=company.has_hidden_leads)
    values["earlier_lead_id"] = earlier.id if earlier else None
    fields, held = used_fields(db.session), held_values(own_rows(db.session, lead.id))
    values |= own_form_values(fields, held)
    words = value_labels(db.session, lead, earlier) | own_words(fields, held)
    return CurrentRecord(lead, values, words)


def _edit_page(form: EditForm, lead: Lead) -> str:
    set_choices(db.session, form, my_view(), today(), lead=lead)
    offer_supervisors(db.session, form, lead, my_view(), today())
    held = held_values(own_rows(db.session, lead.id))
    offer_kept(db.session, form, held)
    own = own_block(db.session, form, held)
    return render_template("leads/edit.html", form=form, lead=lead, own=own)


@bp.post(f"{LEAD}/edit")
def change(lead_id: int) -> ResponseReturnValue:
    """Save the changed lead."""
    # of two edits at once the second waits here, and then sees the first
    lock_row(db.session, Lead, lead_id)
    lead, form = changeable_or_404(lead_id), with_own_fields(db.session, EditForm)()
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if asks_for_own_fields():
        return _edit_page(form, lead)

    held = held_values(own_rows(db.session, lead_id))
    if all([form.validate(), is_of_used_fields(db.session, form, held)]):
        if has_conflict(db.session, form, _current(lead), but=not_sent(db.session, form)):
            status = HTTPStatus.CONFLICT
        elif _save_change(form, lead):
            flash("已保存。", "success")
            return redirect(url_after_change(lead_id))

    # read again: a refusal rolled the transaction back
    return _edit_page(form, lead_or_404(lead_id)), status


def _save_change(form: EditForm, lead: Lead) -> bool:
    def change(session: Session) -> None:
        data = form.changed_lead(lead)
        service.change_lead(session, lead=lead, data=data, by=signed_in(), now=moment())

    return is_saved(form, change, REFUSAL_FIELDS)
