"""Rows of a file that repeat another one, or a lead that is there already."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.db import batches
from crm.base.errors import Refused
from crm.base.sheets import Row, Sheet
from crm.base.typed_text import unify_line_breaks
from crm.leads.companies import LeadScope
from crm.leads.exports import rows_of_leads
from crm.leads.import_companies import Known
from crm.leads.import_contacts import SeenContacts
from crm.leads.import_rows import RowLead, contact_of
from crm.leads.merged import merged_refs
from crm.leads.models import Lead

OF_CONTACT = frozenset({"contact", "contact_phone", "contact_position"})
# What follows from a row or from the importer, where an export may differ.
NOT_COMPARED = OF_CONTACT | {"ref", "company"}


def first_rows(sheet: Sheet) -> list[Row]:
    """The rows without those that repeat another one; one with its reference must do so."""
    seen: set[tuple[str, ...]] = set()
    lines: dict[str, int] = {}
    rows = []

    for row in sheet.rows:
        ref, cells = row.cells["ref"], tuple(row.cells.values())
        if cells in seen:
            continue
        seen.add(cells)
        if ref in lines:
            why = Refused("row_disagrees", field="ref", line=lines[ref])
            sheet.add_problem(row.line, why)
            continue
        if ref:
            lines[ref] = row.line
        rows.append(row)

    return rows


class ExistingLeads:
    """The leads that rows may repeat: those of their references, or of company and title."""

    def __init__(
        self,
        db: Session,
        sheet: Sheet,
        rows: Sequence[tuple[RowLead, Known | None]],
        scope: LeadScope,
    ) -> None:
        self.scope, self._sheet = scope, sheet
        self.ids: dict[str, int] = dict(
            db.execute(select(Lead.ref, Lead.id).where(scope.visible)).all()
        )
        self._merged = dict(db.execute(merged_refs()).all())
        self._taken = _taken(db, [row.columns["ref"] for row, _ in rows])
        self._by_title = _by_title(db, rows, scope)
        wanted = {self.ids[ref] for row, _ in rows if (ref := row.columns["ref"]) in self.ids}
        wanted |= {lead_id for found in self._by_title.values() for lead_id in found}
        self._cells = rows_of_leads(db, scope.viewer, scope.on, wanted)

    def has(self, row: RowLead, company: Known | None, contacts: SeenContacts) -> bool:
        """Whether the lead is there as the row says; another one of its reference is refused."""
        ref = row.columns["ref"]
        if not ref:
            same = self._by_title.get((company.id if company else 0, row.columns["title"]), ())
            return any(not self._differing(row, company, lead_id, contacts) for lead_id in same)

        if ref in self._merged:
            return True
        if ref in self.ids:
            if columns := self._differing(row, company, self.ids[ref], contacts):
                facts = {"ref": ref, "columns": "、".join(columns)}
                self._sheet.add_problem(row.line, Refused("lead_ref_taken", field="ref", **facts))
            return True
        if ref in self._taken:  # by a lead that the importer may not see
            self._sheet.add_problem(row.line, Refused("duplicate_ref", field="ref", ref=ref))
        return False

    def _differing(
        self, row: RowLead, company: Known | None, lead_id: int, contacts: SeenContacts
    ) -> list[str]:
        """The columns of the row, as the file heads them, in which the lead differs."""
        cells, headings = self._cells[lead_id], self._sheet.headings
        found = [
            headings[column]
            for column, value in row.told.items()
            if column in headings
            and column not in NOT_COMPARED
            and not _same(value, cells.get(column))
        ]
        if company is None or company.name != cells["company"]:
            found.append(headings["company"])
        contact = contact_of(row)
        if contact and company and not contacts.has(company.id, contact):
            found.append(headings["contact"])
        return found


def _same(told: object, kept: object) -> bool:
    if isinstance(told, (list, tuple)) and isinstance(kept, (list, tuple)):
        return sorted(map(str, told)) == sorted(map(str, kept))
    if isinstance(kept, str) and isinstance(told, str):
        return unify_line_breaks(told) == unify_line_breaks(kept)
    return told == kept


def _taken(db: Session, refs: Sequence[str]) -> set[str]:
    wanted = [ref for ref in refs if ref]
    return {
        ref
        for part in batches(wanted)
        for ref in db.scalars(select(Lead.ref).where(Lead.ref.in_(part)))
    }


def _by_title(
    db: Session, rows: Sequence[tuple[RowLead, Known | None]], scope: LeadScope
) -> Mapping[tuple[int, str], list[int]]:
    """By company and title, the visible leads that a row without a reference may repeat."""
    titles = {
        (company.id, row.columns["title"])
        for row, company in rows
        if company and not row.columns["ref"]
    }
    found: dict[tuple[int, str], list[int]] = {}
    query = select(Lead.company_id, Lead.title, Lead.id).where(scope.visible)
    for part in batches(sorted({company_id for company_id, _ in titles})):
        for company_id, title, lead_id in db.execute(query.where(Lead.company_id.in_(part))):
            if (company_id, title) in titles:
                found.setdefault((company_id, title), []).append(lead_id)
    return found
