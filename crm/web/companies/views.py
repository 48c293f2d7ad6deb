"""Pages of companies: the list, one company, its values and its contacts (PROJECTS 1)."""

from dataclasses import asdict
from http import HTTPStatus
from operator import attrgetter

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.locks import lock_row
from crm.base.sheets import Column, Format
from crm.extensions import db
from crm.leads.company_changes import change_company, save_contact
from crm.leads.company_queries import (
    CompanyFilter,
    SeenCompanyPage,
    all_companies,
    companies_page,
    company_page,
)
from crm.leads.merged import Mergeable, survivor_of
from crm.leads.models import Company, Contact
from crm.leads.proposal_queries import open_proposals
from crm.people.officers import is_officer
from crm.reassignment.merge_rights import merges
from crm.reassignment.past_merges import past_merges
from crm.visits.of_company import visits_of_company
from crm.web.access import ACCESS
from crm.web.auth import my_view, signed_in
from crm.web.companies.forms import CompanyForm, ContactForm
from crm.web.contacts.rows import contact_lines, contact_values, is_masked
from crm.web.downloads import Export, export_links, exported
from crm.web.edit_conflicts import CurrentRecord, has_conflict, version_of
from crm.web.forms import LARGEST_ID, at_cursor, is_saved, text_arg
from crm.web.leads.rows import lead_row
from crm.web.merges.steps import MergeStep, merge_steps
from crm.web.transaction import moment, today
from crm.web.visits.rows import visit_row

bp = Blueprint("companies", __name__)
COMPANY = f"/companies/<int(max={LARGEST_ID}):company_id>"
COLUMNS = (
    Column("name", "企业"),
    Column("group_name", "所属集团"),
    Column("lead_title", "最近登记的线索"),
    Column("leads", "线索"),
)
CONTACT = f"{COMPANY}/contacts/<int(max={LARGEST_ID}):contact_id>"


@bp.get("/companies")
def listing() -> ResponseReturnValue:
    """The companies of which I may see something, the latest entered first."""
    by = CompanyFilter(text=text_arg("q"))
    page = companies_page(db.session, my_view(), today(), by=by, cursor=request.args.get("at"))

    return render_template(
        "companies/list.html",
        filters=by,
        rows=page.items,
        newer=at_cursor(page.newer),
        older=at_cursor(page.older),
        exports=export_links(".export"),
    )


@bp.get("/companies/export<any('.csv', '.xlsx'):suffix>")
def export(suffix: str) -> ResponseReturnValue:
    """All rows of the list that the address asks for (PROJECTS 2)."""
    rows = all_companies(db.session, my_view(), today(), by=CompanyFilter(text=text_arg("q")))
    file = Export("企业", f"companies-{today():%Y%m%d}", COLUMNS, Format(suffix))
    return exported(file, map(asdict, rows))


@bp.get(COMPANY)
def show(company_id: int) -> ResponseReturnValue:
    """One company with what my leads tell of it; a merged one's address leads to what it became."""
    seen, on = company_page(db.session, my_view(), company_id, today()), today()
    if seen is None:
        survivor_id = survivor_of(db.session, Mergeable.COMPANY, company_id) or abort(404)
        address = url_for(".show", company_id=_page_or_404(survivor_id).company.id)
        return redirect(address, HTTPStatus.MOVED_PERMANENTLY)
    visits = visits_of_company(db.session, my_view(), seen.company, seen.lead_ids, on)

    return render_template(
        "companies/show.html",
        page=seen,
        facts=_facts(seen),
        contacts=contact_lines(seen.contacts, seen.plain_ids),
        leads=[lead_row(lead, None, on) for lead in seen.leads],
        rows=[visit_row(visit, moment()) for visit in visits],
        proposals=open_proposals(db.session, my_view(), seen.company.id, decides=seen.may_change),
        merges=_merges(seen),
        # the page where one chooses decides in full
        erases=my_view().role in ACCESS["personal_data.show"],
        may_merge=merges(my_view()) and (seen.may_change or is_officer(db.session, my_view(), on)),
    )


def _merges(seen: SeenCompanyPage) -> list[MergeStep]:
    """The merges of the company and of its contacts, and their undoing."""
    ids = {
        Mergeable.COMPANY: [seen.company.id],
        Mergeable.CONTACT: [contact.id for contact in seen.contacts],
    }
    merges = past_merges(db.session, my_view(), ids, today())
    return sorted((step for past in merges for step in merge_steps(past)), key=attrgetter("at"))


def _facts(seen: SeenCompanyPage) -> list[tuple[str, str]]:
    facts = [
        ("统一社会信用代码", seen.values["credit_code"]),
        ("所属集团", seen.values["group_name"]),
        ("国家或地区", seen.company.country),
        ("别名", "、".join(alias.name for alias in seen.aliases)),
    ]
    return [(label, text) for label, text in facts if text]


@bp.get(f"{COMPANY}/edit")
def edit(company_id: int) -> ResponseReturnValue:
    """The form of a company whose leads I may all change."""
    seen = _changeable_or_404(company_id)
    current = _current(seen)
    form = CompanyForm(data={**current.values, "seen": version_of(db.session, current)})
    return _edit_page(form, seen.company)


@bp.post(f"{COMPANY}/edit")
def change(company_id: int) -> ResponseReturnValue:
    """Save the company."""
    lock_row(db.session, Company, company_id)
    seen, form = _changeable_or_404(company_id), CompanyForm()

    def save(session: Session) -> None:
        change_company(
            session, company=seen.company, data=form.change(), by=signed_in(), now=moment()
        )

    is_lost = form.validate() and has_conflict(db.session, form, _current(seen))
    if not form.errors and not is_lost and is_saved(form, save):
        flash("已保存。", "success")
        return redirect(url_for(".show", company_id=company_id))

    # read again: a refusal rolled the transaction back
    return _edit_page(form, _changeable_or_404(company_id).company), 422


def _current(seen: SeenCompanyPage) -> CurrentRecord:
    names = "\n".join(alias.name for alias in seen.aliases)
    values = {**seen.values, "country": seen.company.country, "aliases": names}
    return CurrentRecord(seen.company, values, {})


def _edit_page(form: CompanyForm, company: Company) -> str:
    return render_template("companies/edit.html", form=form, company=company)


@bp.get(f"{COMPANY}/contacts/new")
def new_contact(company_id: int) -> ResponseReturnValue:
    """The form of a new contact, which belongs to no lead."""
    return _contact_page(ContactForm(), _changeable_or_404(company_id), None)


@bp.post(f"{COMPANY}/contacts/new")
def add_contact(company_id: int) -> ResponseReturnValue:
    """Add the contact."""
    return _save_contact(company_id, None)


@bp.get(CONTACT)
def edit_contact(company_id: int, contact_id: int) -> ResponseReturnValue:
    """The form of a contact."""
    seen = _changeable_or_404(company_id)
    contact = _contact_or_404(seen, contact_id)
    current = _current_contact(seen, contact)
    form = ContactForm(data={**current.values, "seen": version_of(db.session, current)})
    return _contact_page(form, seen, contact)


@bp.post(CONTACT)
def change_contact(company_id: int, contact_id: int) -> ResponseReturnValue:
    """Save the contact."""
    lock_row(db.session, Company, company_id)
    return _save_contact(company_id, contact_id)


def _save_contact(company_id: int, contact_id: int | None) -> ResponseReturnValue:
    seen, form = _changeable_or_404(company_id), ContactForm()
    contact = _contact_or_404(seen, contact_id) if contact_id else None
    is_plain = contact is None or contact.id in seen.plain_ids

    def save(session: Session) -> None:
        save_contact(
            session,
            company=seen.company,
            contact=contact,
            data=form.contact() if is_plain else form.contact().with_rest_of(contact),
            by=signed_in(),
            now=moment(),
        )

    is_lost = contact is not None and has_conflict(
        db.session, form, _current_contact(seen, contact)
    )
    if form.validate() and not is_lost and is_saved(form, save):
        flash("联系人已保存。", "success")
        return redirect(url_for(".show", company_id=company_id))

    again = _changeable_or_404(company_id)
    return _contact_page(form, again, contact), 422


def _current_contact(seen: SeenCompanyPage, contact: Contact) -> CurrentRecord:
    return CurrentRecord(contact, contact_values(contact, seen.plain_ids), {})


def _contact_page(form: ContactForm, seen: SeenCompanyPage, contact: Contact | None) -> str:
    return render_template(
        "companies/contact.html",
        form=form,
        company=seen.company,
        contact=contact,
        is_masked=is_masked(contact, seen.plain_ids),
    )


def _contact_or_404(seen: SeenCompanyPage, contact_id: int) -> Contact:
    return next((row for row in seen.contacts if row.id == contact_id), None) or abort(404)


def _changeable_or_404(company_id: int) -> SeenCompanyPage:
    seen = _page_or_404(company_id)
    return seen if seen.may_change else abort(404)


def _page_or_404(company_id: int) -> SeenCompanyPage:
    return company_page(db.session, my_view(), company_id, today()) or abort(404)
