"""Companies and their contacts, as far as the caller may read of them (PROJECTS 6)."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from crm.api.call import Call, found
from crm.api.models import (
    Asked,
    ContactAsked,
    ContactShown,
    FilledLine,
    Line,
    Listed,
    Listing,
    RowId,
    Shown,
    contacts_shown,
)
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.leads.company_changes import CompanyChange, change_company, save_contact
from crm.leads.company_queries import (
    CompanyFilter,
    SeenCompanyPage,
    companies_page,
    company_page,
)
from crm.leads.models import Company, Contact
from crm.people.rules import WITH_RECORDS, Scope

companies = Resource("companies", "企业和联系人")
ONE = "/companies/{company_id}"
CONTACT = f"{ONE}/contacts/{{contact_id}}"
MAY = {"roles": WITH_RECORDS, "scope": Scope.LEADS}


class CompanyQuery(Listed):
    text: Annotated[str, Field(max_length=100)] = Field("", description="查找的文字")


class CompanyAsked(Asked):
    """What is to be changed; what is left out stays."""

    credit_code: Line | None = Field(None, description="统一社会信用代码")
    group_name: Line | None = Field(None, description="所属集团")
    country: Line | None = Field(None, description="国家或地区")
    aliases: list[FilledLine] = Field([], max_length=50, description="别名")


class CompanyListed(Shown):
    id: int
    name: str
    group_name: str | None
    leads: int = Field(description="可见的线索数")


class CompanyShown(Shown):
    id: int
    name: str
    credit_code: str | None
    group_name: str | None
    country: str | None
    aliases: list[str]
    contacts: list[ContactShown]
    lead_ids: list[int] = Field(description="可见的线索的 id")
    may_change: bool = Field(description="本人是否可以修改")


@companies.get("/companies", "可见的企业，新登记的在前", roles=WITH_RECORDS)
def listing(call: Call, query: CompanyQuery) -> Listing[CompanyListed]:
    page = companies_page(
        call.db,
        call.viewer,
        call.on,
        by=CompanyFilter(query.text),
        cursor=place_of(call, query),
        size=query.limit,
    )
    return listed(
        call, query, page, lambda rows: [CompanyListed.model_validate(row) for row in rows]
    )


@companies.get(ONE, "一家企业及其联系人", roles=WITH_RECORDS)
def show(call: Call, company_id: RowId) -> CompanyShown:
    return _show(_seen(call, company_id))


@companies.patch(ONE, "修改企业；未写明的项不变", **MAY)
def change(call: Call, company_id: RowId, body: CompanyAsked) -> CompanyShown:
    seen = _held(call, company_id)
    data = CompanyChange(
        credit_code=seen.values["credit_code"],
        group_name=seen.values["group_name"],
        country=seen.company.country,
        aliases=[alias.name for alias in seen.aliases],
    )
    sent = {name: getattr(body, name) for name in body.model_fields_set}
    change_company(
        call.db, company=seen.company, data=replace(data, **sent), by=call.person, now=call.now
    )
    return call.after(show, company_id)


@companies.post(f"{ONE}/contacts", "添加企业联系人，回答企业", **MAY)
def add_contact(call: Call, company_id: RowId, body: ContactAsked) -> CompanyShown:
    return _save(call, _held(call, company_id), None, body)


@companies.patch(CONTACT, "修改企业联系人，If-Match 写企业的 ETag，回答企业", **MAY)
def change_contact(
    call: Call, company_id: RowId, contact_id: RowId, body: ContactAsked
) -> CompanyShown:
    seen = _held(call, company_id)
    contact = found(next((one for one in seen.contacts if one.id == contact_id), None))
    return _save(call, seen, contact, body)


def _save(
    call: Call, seen: SeenCompanyPage, contact: Contact | None, body: ContactAsked
) -> CompanyShown:
    is_plain = contact is None or contact.id in seen.plain_ids
    save_contact(
        call.db,
        company=seen.company,
        contact=contact,
        data=body.data() if is_plain else body.data().with_rest_of(contact),
        by=call.person,
        now=call.now,
    )
    return call.after(show, seen.company.id)


def _seen(call: Call, company_id: int) -> SeenCompanyPage:
    return found(company_page(call.db, call.viewer, company_id, call.on))


def _held(call: Call, company_id: int) -> SeenCompanyPage:
    """The company for a change of it, of the state that If-Match names; refused as `not_yours`."""
    lock_row(call.db, Company, company_id)
    seen = _seen(call, company_id)
    call.match(_show(seen))
    if not seen.may_change:
        raise Refused("not_yours")
    return seen


def _show(seen: SeenCompanyPage) -> CompanyShown:
    company = seen.company
    return CompanyShown(
        id=company.id,
        name=company.name,
        credit_code=seen.values["credit_code"],
        group_name=seen.values["group_name"],
        country=company.country,
        aliases=[alias.name for alias in seen.aliases],
        contacts=contacts_shown(seen.contacts, seen.plain_ids),
        lead_ids=list(seen.lead_ids),
        may_change=seen.may_change,
    )
