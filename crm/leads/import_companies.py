"""Which companies the rows of a file are of: known ones as they are, or new ones (PROJECTS 6)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from crm.base.db import batches
from crm.base.value_class import value_class
from crm.leads.companies import CompanyData, LeadScope
from crm.leads.company_names import place_of
from crm.leads.models import Company, Lead, Spelled, spelled_company
from crm.leads.redaction import companies_with_hidden_leads

spelled = lru_cache(maxsize=100_000)(spelled_company)  # a file names a company several times


@value_class
class Known:
    """A company that is there, as far as a file is compared with it."""

    id: int
    name: str
    credit_code: str | None


@value_class(kw_only=True)
class NewCompany:
    """A company that comes with a file."""

    name: str
    credit_code: str | None = None
    group_name: str | None = None
    country: str | None = None


class Companies:
    """The companies of a file by what identifies them; only what the importer may know finds one.

    Exactly that name, as names are unique, then the credit code, a like name, and the normal form,
    where only one has it and neither another place nor another code stands against it.
    """

    def __init__(self, db: Session, data: Sequence[CompanyData], scope: LeadScope) -> None:
        forms = {spelled(row.name.strip()) for row in data}
        codes = {code for row in data if (code := row.own["credit_code"])}
        seen = _is_seen(scope)

        self._new: dict[str, NewCompany] = {}
        self._by_name = dict(_known(db, Company.name, {row.name.strip() for row in data}))
        by_code = [*_known(db, Company.credit_code, codes, _own_code_is_seen(scope))]
        by_code += _known(db, Lead.credit_code, codes, seen & scope.visible, of_leads=True)
        self._by_code = _first(by_code)
        self._by_folded = _first(_known(db, Company.folded, {row.folded for row in forms}, seen))
        self._by_normal = _groups(
            _known(db, Company.normal, {row.normal for row in forms if row.normal}, seen)
        )
        # the column is unique: a new company has no code that another one has
        self._codes_taken = {code for code, _ in _known(db, Company.credit_code, codes)}

    def find(self, data: CompanyData) -> Known | None:
        """The known company of a row; None where it is a new one."""
        name, code = data.name.strip(), data.own["credit_code"]
        form = spelled(name)
        return (
            self._by_name.get(name)
            or (self._by_code.get(code) if code else None)
            or self._by_folded.get(form.folded)
            or self._of_normal_form(name, form, code)
        )

    def _of_normal_form(self, name: str, form: Spelled, code: str | None) -> Known | None:
        found = self._by_normal.get(form.normal, {})
        if len(found) != 1:
            return None
        (known,) = found.values()
        if code and known.credit_code and code != known.credit_code:
            return None
        places = {place for place in (place_of(name), place_of(known.name)) if place}
        return known if len(places) <= 1 else None

    def of(self, data: CompanyData) -> Known | NewCompany:
        """The known company of a row, or the new one that the first row of it brings."""
        return self.find(data) or self.brought(data)

    def brought(self, data: CompanyData) -> NewCompany:
        """The new company of a row, which an earlier row of it may have brought."""
        name, code = data.name.strip(), data.own["credit_code"]
        keys = [spelled(name).folded, *([code] if code else [])]
        for key in reversed(keys):
            if key in self._new:
                return self._new[key]

        company = NewCompany(
            name=name,
            credit_code=None if code in self._codes_taken else code,
            group_name=data.own["group_name"],
            country=(data.country or "").strip() or None,
        )
        self._new |= dict.fromkeys(keys, company)
        return company


def _is_seen(scope: LeadScope) -> ColumnElement[bool]:
    """As in `known_company`: companies of a visible lead, or of none at all."""
    of_it = exists().where(Lead.company_id == Company.id).correlate(Company)
    return of_it.where(scope.visible) | ~of_it


def _own_code_is_seen(scope: LeadScope) -> ColumnElement[bool]:
    if scope.viewer is None:
        return _is_seen(scope)
    hidden = companies_with_hidden_leads(scope.viewer, scope.on)
    return _is_seen(scope) & Company.id.not_in(hidden)


def _known(
    db: Session,
    key: InstrumentedAttribute[str] | InstrumentedAttribute[str | None],
    values: Collection[str],
    condition: ColumnElement[bool] | None = None,
    *,
    of_leads: bool = False,
) -> Iterator[tuple[str, Known]]:
    """The companies whose key is one of the values, each with it, the earliest first."""
    query = select(key, Company.id, Company.name, Company.credit_code).order_by(Company.id)
    if of_leads:
        query = query.join(Lead, Lead.company_id == Company.id)
    if condition is not None:
        query = query.where(condition)
    for part in batches(sorted(values)):
        for found, company_id, name, code in db.execute(query.where(key.in_(part))):
            yield str(found), Known(company_id, name, code)


def _first(rows: Iterable[tuple[str, Known]]) -> dict[str, Known]:
    found: dict[str, Known] = {}
    for key, company in sorted(rows, key=lambda row: row[1].id):
        found.setdefault(key, company)
    return found


def _groups(rows: Iterable[tuple[str, Known]]) -> dict[str, dict[int, Known]]:
    found: defaultdict[str, dict[int, Known]] = defaultdict(dict)
    for key, company in rows:
        found[key][company.id] = company
    return found
