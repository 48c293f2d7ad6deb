"""A change to a company is proposed, and taken over or declined (PROJECTS 6).

Whoever sees a company but may not change all its leads proposes; whoever may decides.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.mail_kinds import MessageKind
from crm.base.value_class import value_class
from crm.leads.company_changes import CompanyChange, change_company, save_contact
from crm.leads.company_queries import company_of, company_page
from crm.leads.contacts import ContactData
from crm.leads.credit_codes import credit_code_of, require_credit_code
from crm.leads.models import Company, CompanyAlias, Contact
from crm.leads.proposal_models import CompanyProposal, ProposalField, ProposalState
from crm.leads.proposal_queries import asked, may_decide
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.permissions import viewer


@value_class(kw_only=True)
class ProposalData:
    """What is proposed; of a contact, `value` is the name."""

    field: ProposalField
    value: str
    position: str | None = None
    phone: str | None = None
    email: str | None = None
    contact_id: int | None = None  # the contact to correct; none: a new one


# proposing


def propose(  # noqa: PLR0913 - what is proposed, by whom, and when
    db: Session, *, company: Company, data: ProposalData, by: Person, now: datetime, site: Site
) -> CompanyProposal:
    """Propose a value for a field, and tell those who decide on it.

    Refused as `not_yours`, `no_such_contact`, `required`, `bad_credit_code`, `proposed_already`.
    """
    value = _checked(db, company, data, by, now)
    proposal = CompanyProposal(
        company_id=company.id,
        field=data.field,
        state=ProposalState.OPEN,
        value=value,
        position=data.position,
        phone=data.phone,
        email=data.email,
        contact_id=data.contact_id,
        proposed_at=now,
        proposed_by_id=by.id,
    )
    try:
        with db.begin_nested():
            db.add(proposal)
    except IntegrityError:
        raise Refused("proposed_already", field="value") from None

    after = {"proposed": data.field.label, data.field.value: value}
    record(db, "company.proposed", company, by=by, at=now, after=after)
    for reader in asked(db, company.id, now):
        _post(db, proposal, company, to=reader, by=by, now=now, site=site)
    return proposal


def _checked(db: Session, company: Company, data: ProposalData, by: Person, now: datetime) -> str:
    on = civil_date(now)
    page = company_page(db, viewer(db, by, on), company.id, on)
    if page is None or page.may_change:
        raise Refused("not_yours")
    if data.contact_id not in (None, *(contact.id for contact in page.contacts)):
        raise Refused("no_such_contact", field="value")

    value = data.value.strip()
    if data.field is ProposalField.CREDIT_CODE:
        value = credit_code_of(value) or ""
        require_credit_code(value, "value")
    if not value:
        raise Refused("required", field="value")
    return value


# deciding


def take_over(
    db: Session, *, proposal: CompanyProposal, by: Person, now: datetime, site: Site
) -> None:
    """Change the company as proposed.

    Refused as `not_yours`, `proposal_decided`, and as `change_company`.
    """
    company = _require_open(db, proposal, by, now)

    if proposal.field is ProposalField.CONTACT:
        data = ContactData(
            name=proposal.value,
            position=proposal.position,
            phone=proposal.phone,
            email=proposal.email,
        )
        contact = db.get(Contact, proposal.contact_id) if proposal.contact_id else None
        # who proposes may not have been shown what it is: empty leaves it
        data = data.with_rest_of(contact)
        save_contact(db, company=company, contact=contact, data=data, by=by, now=now)
    else:
        change = _as_change(db, company, proposal)
        change_company(db, company=company, data=change, by=by, now=now)

    _decide(db, proposal, company, state=ProposalState.TAKEN, by=by, now=now, site=site)


def decline(  # noqa: PLR0913 - what is declined, why, by whom, and when
    db: Session, *, proposal: CompanyProposal, reason: str, by: Person, now: datetime, site: Site
) -> None:
    """Leave the company as it is; refused as `not_yours`, `proposal_decided`, `required`."""
    company = _require_open(db, proposal, by, now)
    if not reason.strip():
        raise Refused("required", field="reason")

    proposal.reason = reason.strip()
    _decide(db, proposal, company, state=ProposalState.DECLINED, by=by, now=now, site=site)


def _require_open(db: Session, proposal: CompanyProposal, by: Person, now: datetime) -> Company:
    on = civil_date(now)
    # the company first, as every change of it does
    locked = select(Company).where(Company.id == proposal.company_id).with_for_update()
    company = db.scalars(locked).one()
    if not may_decide(db, viewer(db, by, on), company.id, on):
        raise Refused("not_yours")

    db.refresh(proposal, ["state", "company_id", "contact_id"], with_for_update=True)
    if proposal.state is not ProposalState.OPEN:
        raise Refused("proposal_decided", state=proposal.state.label)
    return company


def _as_change(db: Session, company: Company, proposal: CompanyProposal) -> CompanyChange:
    known = select(CompanyAlias.name).where(CompanyAlias.company_id == company.id)
    aliases = list(db.scalars(known.order_by(CompanyAlias.id)))
    values = {"credit_code": company.credit_code, "group_name": company.group_name}

    if proposal.field is ProposalField.ALIAS:
        aliases.append(proposal.value)
    else:
        values[proposal.field.value] = proposal.value
    return CompanyChange(**values, country=company.country, aliases=aliases)


def _decide(  # noqa: PLR0913 - a decision has that many parts
    db: Session,
    proposal: CompanyProposal,
    company: Company,
    *,
    state: ProposalState,
    by: Person,
    now: datetime,
    site: Site,
) -> None:
    proposal.state, proposal.decided_at, proposal.decided_by_id = state, now, by.id
    after = {"proposed": proposal.field.label, "reason": proposal.reason}
    record(db, f"company.proposal_{state.value}", company, by=by, at=now, after=after)

    proposer, on = db.get_one(Person, proposal.proposed_by_id), civil_date(now)
    sees = company_of(db, viewer(db, proposer, on), company.id, on) is not None
    if proposer is not by and sees and not proposer.is_disabled(now):
        _post(db, proposal, company, to=proposer, by=by, now=now, site=site)


def _post(  # noqa: PLR0913 - one message, whole
    db: Session,
    proposal: CompanyProposal,
    company: Company,
    *,
    to: Person,
    by: Person,
    now: datetime,
    site: Site,
) -> None:
    kind = MessageKind.PROPOSAL
    key = f"{kind.value}:{proposal.id}:{to.username}:{proposal.state.value}"
    content = {"proposal": proposal, "company": company, "by": by, "reader": to}
    post(db, Envelope(kind, key, now), person=to, site=site, **content)
