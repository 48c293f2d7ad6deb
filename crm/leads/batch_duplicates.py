"""Certain and likely duplicates of many entries at once; each as `duplicates` finds it."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.base.masking import whole_number
from crm.leads.companies import LeadScope
from crm.leads.credit_codes import credit_code_of
from crm.leads.duplicates import Entered, Likeness, hides_no_lead, is_seen
from crm.leads.import_companies import spelled
from crm.leads.models import Company, CompanyAlias, Contact, Lead

Alike = dict[int, Likeness]  # the strongest likeness, by the id of a lead or the number of an entry
MOST_NAMED = 10  # leads of one company
_KEYS: Mapping[Likeness, Callable[[Entered], str | None]] = {
    Likeness.CREDIT_CODE: lambda entry: credit_code_of(entry.credit_code),
    Likeness.NAME: lambda entry: spelled(entry.name.strip()).normal or None,
    Likeness.REACHED_ALIKE: lambda entry: whole_number(entry.phone),
}


def duplicates_of_batch(db: Session, entries: Sequence[Entered], scope: LeadScope) -> list[Alike]:
    """By entry, the visible leads that may be of the same company."""
    return _leads_alike(db, entries, scope, scope.visible)


def hidden_duplicates_of_batch(
    db: Session, entries: Sequence[Entered], scope: LeadScope
) -> list[Alike]:
    """The same of what whoever enters them may not see; nobody else may be told of it."""
    if scope.viewer is None:
        return [{} for _ in entries]
    return _leads_alike(db, entries, LeadScope(None, scope.on), ~scope.visible)


def alike_before(entries: Sequence[Entered]) -> list[Alike]:
    """By entry, the number of the first one in the file that may be of the same company."""
    found: list[Alike] = [{} for _ in entries]
    for likeness in _KEYS:
        for first, *later in _by_key(entries, likeness).values():
            for number in later:
                found[number].setdefault(first, likeness)
    return found


def _leads_alike(
    db: Session, entries: Sequence[Entered], scope: LeadScope, which: ColumnElement[bool]
) -> list[Alike]:
    companies: list[Alike] = [{} for _ in entries]
    for likeness, queries in _queries(scope).items():
        keys = _by_key(entries, likeness)
        for query, column in queries:
            for part in batches(sorted(keys)):
                for key, company_id in db.execute(query.where(column.in_(part))):
                    for number in keys[key]:
                        companies[number].setdefault(company_id, likeness)

    wanted = {company_id for alike in companies for company_id in alike}
    leads = _leads_by_company(db, wanted, which)
    return [
        {
            lead_id: likeness
            for company_id, likeness in alike.items()
            for lead_id in leads[company_id][:MOST_NAMED]
        }
        for alike in companies
    ]


def _queries(scope: LeadScope) -> dict[Likeness, list[tuple[Select[Any, int], Any]]]:
    """What finds companies, with the column of the key; as in `duplicates`."""
    is_open, code, phone = hides_no_lead(scope), Company.credit_code, Contact.phone
    own = select(code, Company.id).where(is_open)
    of_leads = select(Lead.credit_code, Lead.company_id).where(scope.visible)
    named = select(Company.normal, Company.id)
    called = select(CompanyAlias.normal, CompanyAlias.company_id)
    called = called.join(CompanyAlias.company).where(is_open)
    reached = select(phone, Contact.company_id).where(is_seen(scope))
    return {
        Likeness.CREDIT_CODE: [(own, code), (of_leads, Lead.credit_code)],
        Likeness.NAME: [(named, Company.normal), (called, CompanyAlias.normal)],
        Likeness.REACHED_ALIKE: [(reached, phone)],
    }


def _leads_by_company(
    db: Session, company_ids: Collection[int], which: ColumnElement[bool]
) -> defaultdict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    query = select(Lead.company_id, Lead.id).where(which).order_by(Lead.id)
    for part in batches(sorted(company_ids)):
        for company_id, lead_id in db.execute(query.where(Lead.company_id.in_(part))):
            found[company_id].append(lead_id)
    return found


def _by_key(entries: Iterable[Entered], likeness: Likeness) -> dict[str, list[int]]:
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for number, entry in enumerate(entries):
        if key := _KEYS[likeness](entry):
            numbers[key].append(number)
    return numbers
