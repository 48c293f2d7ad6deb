"""Proposing a change of a company, and deciding on it (PROJECTS 6)."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.clock import civil_date
from crm.extensions import db
from crm.leads.company_proposals import ProposalData, decline, propose, take_over
from crm.leads.company_queries import SeenCompanyPage, company_page
from crm.leads.models import Contact
from crm.leads.proposal_models import CompanyProposal, ProposalField, ProposalState
from crm.leads.proposal_queries import may_decide, proposal_of
from crm.web.auth import my_view, signed_in
from crm.web.companies.forms import ContactForm, DeclineForm, ValueForm
from crm.web.contacts.rows import contact_values, is_masked
from crm.web.forms import LARGEST_ID, is_saved, row_id
from crm.web.site import site
from crm.web.transaction import moment, today

bp = Blueprint("proposals", __name__)
FIELDS = ",".join(f"'{field.value}'" for field in ProposalField)
NEW = f"/companies/<int(max={LARGEST_ID}):company_id>/propose/<any({FIELDS}):field>"
PROPOSAL = f"/company-proposals/<int(max={LARGEST_ID}):proposal_id>"
PROPOSED = "建议已提交，已通知负责人。"


@bp.get(NEW)
def new(company_id: int, field: str) -> ResponseReturnValue:
    """The form of a proposal for a company that I see and may not change."""
    seen, asked = _proposable_or_404(company_id), ProposalField(field)
    if asked is not ProposalField.CONTACT:
        return _new_page(seen, asked, ValueForm())

    contact = _contact_of(seen)
    values = contact_values(contact, seen.plain_ids) if contact else {}
    return _new_page(seen, asked, ContactForm(data=values))


@bp.post(NEW)
def create(company_id: int, field: str) -> ResponseReturnValue:
    """Keep the proposal, and tell those who decide on it."""
    seen, asked = _proposable_or_404(company_id), ProposalField(field)
    form = ContactForm() if asked is ProposalField.CONTACT else ValueForm()

    def save(session: Session) -> None:
        propose(
            session,
            company=seen.company,
            data=_data(asked, form, _contact_of(seen)),
            by=signed_in(),
            now=moment(),
            site=site(),
        )

    if form.validate() and is_saved(form, save, {"value": "name"} if "name" in form else None):
        flash(PROPOSED, "success")
        return redirect(url_for("companies.show", company_id=company_id))

    # read again: a refusal rolled the transaction back
    return _new_page(_proposable_or_404(company_id), asked, form), 422


def _data(field: ProposalField, form: FlaskForm, contact: Contact | None) -> ProposalData:
    if not isinstance(form, ContactForm):
        return ProposalData(field=field, value=form["value"].data or "")
    return ProposalData(
        field=field,
        value=form.name.data or "",
        position=form.position.data,
        phone=form.phone.data,
        email=form.email.data,
        contact_id=contact.id if contact else None,
    )


def _new_page(seen: SeenCompanyPage, field: ProposalField, form: FlaskForm) -> str:
    tabs = [
        {
            "url": url_for(".new", company_id=seen.company.id, field=other.value),
            "label": other.label,
            "active": other is field,
        }
        for other in ProposalField
    ]
    return render_template(
        "companies/propose.html",
        form=form,
        company=seen.company,
        field=field,
        contact=_contact_of(seen),
        is_masked=is_masked(_contact_of(seen), seen.plain_ids),
        known=seen.values.get(field.value),
        tabs=tabs,
    )


def _contact_of(seen: SeenCompanyPage) -> Contact | None:
    """The contact that is to be corrected; none: a new one."""
    contact_id = request.args.get("contact", type=row_id)
    if contact_id is None:
        return None
    return next((row for row in seen.contacts if row.id == contact_id), None) or abort(404)


def _proposable_or_404(company_id: int) -> SeenCompanyPage:
    seen = company_page(db.session, my_view(), company_id, today()) or abort(404)
    return abort(404) if seen.may_change else seen


@bp.get(PROPOSAL)
def show(proposal_id: int) -> ResponseReturnValue:
    """A proposal, for who made it and for who decides on it."""
    return _page(_proposal_or_404(proposal_id), DeclineForm())


@bp.post(f"{PROPOSAL}/take")
def take(proposal_id: int) -> ResponseReturnValue:
    """Change the company as proposed."""
    proposal, form = _proposal_or_404(proposal_id), DeclineForm()

    def save(session: Session) -> None:
        take_over(session, proposal=proposal, by=signed_in(), now=moment(), site=site())

    # the button has no field of its own: a refusal stands beside the reason
    fields = {"credit_code": "reason", "name": "reason"}
    if is_saved(form, save, fields):
        flash("已采纳，企业信息已修改。", "success")
        return redirect(url_for("companies.show", company_id=proposal.company_id))
    return _page(_proposal_or_404(proposal_id), form), 422


@bp.post(f"{PROPOSAL}/decline", endpoint="decline")
def decline_proposal(proposal_id: int) -> ResponseReturnValue:
    """Leave the company as it is, with the reason."""
    proposal, form = _proposal_or_404(proposal_id), DeclineForm()

    def save(session: Session) -> None:
        decline(
            session,
            proposal=proposal,
            reason=form.reason.data or "",
            by=signed_in(),
            now=moment(),
            site=site(),
        )

    if form.validate() and is_saved(form, save):
        flash("已回复建议人。", "success")
        return redirect(url_for("companies.show", company_id=proposal.company_id))
    return _page(_proposal_or_404(proposal_id), form), 422


def _proposal_or_404(proposal_id: int) -> CompanyProposal:
    return proposal_of(db.session, my_view(), proposal_id, today()) or abort(404)


def _page(proposal: CompanyProposal, form: DeclineForm) -> str:
    decides = may_decide(db.session, my_view(), proposal.company_id, today())
    seen = company_page(db.session, my_view(), proposal.company_id, today()) or abort(404)
    return render_template(
        "companies/proposal.html",
        proposal=proposal,
        form=form,
        facts=_facts(proposal, seen, shows_contact=decides),
        may_decide=decides and proposal.state is ProposalState.OPEN,
    )


def _facts(
    proposal: CompanyProposal, seen: SeenCompanyPage, *, shows_contact: bool
) -> list[tuple[str, str]]:
    """What is proposed, beside what stands."""
    on, field = today(), proposal.field
    facts = []
    if field is not ProposalField.CONTACT:
        known = "、".join(alias.name for alias in seen.aliases)
        facts.append(("现有", known if field is ProposalField.ALIAS else seen.values[field.value]))
    elif proposal.contact and shows_contact:
        facts.append(("现有", _contact_text(proposal.contact, proposal.contact.name)))
    else:
        facts.append(("现有", "更正联系人" if proposal.contact_id else "新联系人"))

    facts.append(("建议", _contact_text(proposal, proposal.value)))
    when = formatting.dated(civil_date(proposal.proposed_at), on)
    facts.append(("建议人", f"{proposal.proposed_by.name} {when}"))
    if proposal.decided_by:
        facts.append((proposal.state.label, proposal.decided_by.name))
    if proposal.reason:
        facts.append(("原因", proposal.reason))
    return [(label, text or "未填写") for label, text in facts]


def _contact_text(row: CompanyProposal | Contact, name: str) -> str:
    return " ".join(filter(None, [name, row.position, row.phone, row.email]))
