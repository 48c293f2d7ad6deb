"""A row of a file of leads as the lead that it tells of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache, partial
from typing import Any

from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.money import Currency, Stated
from crm.base.sheets import Sheet
from crm.base.value_class import value_class
from crm.leads.amounts import FIELD_OF, check_amounts
from crm.leads.catalog_models import Site
from crm.leads.companies import CompanyData
from crm.leads.contacts import ContactData
from crm.leads.credit_codes import credit_code_of, require_credit_code
from crm.leads.fields import STAGE_DATES
from crm.leads.import_cells import stated
from crm.leads.import_names import Catalogs, Named, People
from crm.leads.import_own import OwnCells, OwnValues, cells_of_own
from crm.leads.import_steps import RowDates, Way, way_of
from crm.leads.milestone_kinds import STAGE_CODES, require_used
from crm.leads.rules import UNIT_ROLES, AmountKind, LeadRoleKind, Secrecy, Stage
from crm.people.models import Person
from crm.people.queries import UnitRow, primary_posting

LITTLE_YUAN = Decimal(10_000)  # a total below it is likely 12 for 12亿
Roles = list[tuple[LeadRoleKind, int]]
_ROLES = {
    "tracker": LeadRoleKind.TRACKER,
    "leader": LeadRoleKind.ATTACHED_LEADER,
    "task_force_head": LeadRoleKind.TASK_FORCE_HEAD,
    "unit": LeadRoleKind.RESPONSIBLE_UNIT,
    "task_force": LeadRoleKind.TASK_FORCE_MEMBER,
    "assisting_units": LeadRoleKind.ASSISTING_UNIT,
}
SEVERAL = ("task_force", "assisting_units")


@value_class
class RowLead:
    """What a row says, with ids for names; `told` has what it fills, as an export writes it."""

    line: int
    row: Any  # its cells
    company: CompanyData
    columns: dict[str, Any]
    way: Way
    roles: Roles
    amounts: dict[AmountKind, Stated]
    own: OwnValues
    told: dict[str, object]
    people: list[tuple[str, Named]]  # by column
    plans: list[tuple[str, date]]
    sites: list[Site]

    @property
    def is_small(self) -> bool:
        """Whether the total is so little that its unit was likely forgotten."""
        value, currency = self.amounts.get(AmountKind.TOTAL, (LITTLE_YUAN, Currency.CNY))
        return currency is Currency.CNY and 0 < value < LITTLE_YUAN


@dataclass
class RowReader:
    """Reads rows by the names of the zone; problems go to the sheet."""

    db: Session
    sheet: Sheet
    people: People
    catalogs: Catalogs
    own: OwnCells
    by: Person | None
    today: date
    own_unit: Callable[[date], int | None] = field(init=False)

    def __post_init__(self) -> None:
        """Look up the importer's unit once for each date."""
        self.own_unit = cache(self._own_unit)

    def read(self, line: int, row: Any) -> RowLead | None:
        """The lead of a row; none where something of it is refused."""
        blamed, ask = len(self.sheet.problems), partial(self.sheet.ask, line)
        way: Way | None = ask(partial(self._way, row))
        holders = {column: self._holders(line, row, column) for column in _ROLES}
        lists = self._from_lists(line, row)
        amounts, own = self._amounts(line, row), self.own.read(line)
        plans: list[tuple[str, date]] = ask(partial(self.catalogs.plans, row.plans)) or []
        sites = [site for text in row.sites if (site := ask(partial(self.catalogs.site, text)))]
        ask(partial(check_amounts, amounts))
        ask(partial(self._check, row))
        if way is None or len(self.sheet.problems) > blamed:
            return None

        given = [(_ROLES[name], found.id) for name, rows in holders.items() for found in rows]
        roles = self._with_own(row, given, way.entered_on)
        if row.secrecy is Secrecy.RESTRICTED and all(role in UNIT_ROLES for role, _ in roles):
            self.sheet.add_problem(line, Refused("restricted_needs_person", field="tracker"))
            return None

        company = CompanyData(name=row.company, credit_code=row.credit_code, group_name=row.group)
        park = lists["park"]
        columns = {
            "ref": row.ref,
            "title": row.title,
            "stage": way.stage,
            "secrecy": row.secrecy or Secrecy.OPEN,
            "code_name": row.code_name,
            "industry": lists["industry"],
            "park_id": park.id if park else None,
            "source": lists["source"],
            "project_company": row.project_company,
            "project_company_code": credit_code_of(row.project_company_code),
            "note": row.note,
            "entered_on": way.entered_on,
            **company.own,
        }
        told = self._told(row, columns, holders, amounts, way) | cells_of_own(own)
        told |= self._told_lists(plans, sites)
        if park:
            told["park"] = park.code
        people = [
            (name, found)
            for name, rows in holders.items()
            for found in rows
            if isinstance(found, Named)
        ]
        return RowLead(
            *(line, row, company, columns, way, roles, amounts, own, told, people),
            plans,
            sites,
        )

    def require_offered(self, lead: RowLead) -> None:
        """Refuse what a known lead may have, and a new one not any more."""
        ask = partial(self.sheet.ask, lead.line)
        ask(partial(self.catalogs.require_offered, lead.columns["source"]))
        for step in lead.way.steps:
            ask(partial(require_used, self.db, step.kind, "side_milestones"))
        for kind, _ in lead.plans:
            ask(partial(require_used, self.db, kind, "plans"))
        for site in lead.sites:
            ask(partial(self.catalogs.require_offered_site, site))
        self.own.require_offered(lead.line, lead.own)
        for column, person in lead.people:
            if not person.is_offered:
                why = Refused("unknown_person_in_file", field=column, person=person.username)
                self.sheet.add_problem(lead.line, why)

    def _way(self, row: Any) -> Way:
        stages = {stage: getattr(row, code) for code, stage in STAGE_DATES.items()}
        dates = RowDates(
            stage=row.stage,
            entered_on=row.entered_on,
            stages={stage: on for stage, on in stages.items() if on},
            side=self.catalogs.side_milestones(row.side_milestones),
            agreement=row.agreement,
            stopped_on=row.stopped_on,
            stop_reason=row.stop_reason,
            look_again_on=row.look_again_on,
        )
        return way_of(dates, self.today)

    def _holders(self, line: int, row: Any, column: str) -> list[Named | UnitRow]:
        cell = getattr(row, column)
        texts = cell if isinstance(cell, tuple) else filter(None, [cell])
        is_unit = _ROLES[column] in UNIT_ROLES
        find: Callable[[str, str], Named | UnitRow] = (
            self.catalogs.unit if is_unit else self.people.find
        )
        found = [self.sheet.ask(line, partial(find, text, column)) for text in texts]
        return [holder for holder in found if holder]

    def _from_lists(self, line: int, row: Any) -> dict[str, Any]:
        asked: dict[str, Callable[[], Any]] = {
            "industry": partial(self.catalogs.industry, row.industry),
            "source": partial(self.catalogs.source, row.source),
            "park": partial(self.catalogs.park, row.park),
        }
        return {name: self.sheet.ask(line, answer) for name, answer in asked.items()}

    def _amounts(self, line: int, row: Any) -> dict[AmountKind, Stated]:
        asked = {
            kind: partial(stated, row, column, _currency_column(kind))
            for kind, column in FIELD_OF.items()
        }
        found = {kind: self.sheet.ask(line, answer) for kind, answer in asked.items()}
        return {kind: amount for kind, amount in found.items() if amount}

    def _check(self, row: Any) -> None:
        require_credit_code(credit_code_of(row.credit_code))
        require_credit_code(credit_code_of(row.project_company_code), "project_company_code")
        if row.secrecy is Secrecy.RESTRICTED and not row.code_name:
            raise Refused("code_name_needed", field="code_name")
        if row.stated_on and row.stated_on > self.today:
            raise Refused("in_future", field="stated_on", on=row.stated_on)
        if (row.contact_phone or row.contact_position) and not row.contact:
            raise Refused("required", field="contact")

    def _own_unit(self, on: date) -> int | None:
        posting = primary_posting(self.db, self.by.id, on) if self.by else None
        return posting.unit_id if posting else None

    def _with_own(self, row: Any, roles: Roles, entered_on: date) -> Roles:
        """The roles with what a form adds for whoever enters a lead."""
        given = {role for role, _ in roles}
        if LeadRoleKind.RESPONSIBLE_UNIT not in given and (unit_id := self.own_unit(entered_on)):
            roles = [*roles, (LeadRoleKind.RESPONSIBLE_UNIT, unit_id)]
        if self.by is None or row.secrecy is not Secrecy.RESTRICTED:
            return roles

        # REGIME 2: whoever enters a restricted lead is named on it
        if LeadRoleKind.TRACKER not in given:
            return [*roles, (LeadRoleKind.TRACKER, self.by.id)]
        people = {holder_id for role, holder_id in roles if role not in UNIT_ROLES}
        named = [] if self.by.id in people else [(LeadRoleKind.TASK_FORCE_MEMBER, self.by.id)]
        return [*roles, *named]

    def _told(
        self,
        row: Any,
        columns: Mapping[str, Any],
        holders: Mapping[str, list[Named | UnitRow]],
        amounts: Mapping[AmountKind, Stated],
        way: Way,
    ) -> dict[str, object]:
        """The cells that the row fills, as an export of the lead has them."""
        filled = {name: value for name, value in row if value not in (None, "", ())}
        told = filled | {name: columns[name] for name in filled.keys() & columns.keys()}
        for name, found in holders.items():
            if codes := [_code(holder) for holder in found]:
                told[name] = codes if name in SEVERAL else codes[0]
        for kind, (value, currency) in amounts.items():
            told |= {FIELD_OF[kind]: value, _currency_column(kind): currency}

        side = [step for step in way.steps if step.kind not in STAGE_CODES]
        if side:
            names = self.catalogs.kind_names
            told["side_milestones"] = [f"{names[step.kind]} {step.on}" for step in side]
        if way.is_framework:  # what was told as a signing is none
            told.pop(f"{Stage.SIGNED.value}_on", None)
        return told

    def _told_lists(self, plans: list[tuple[str, date]], sites: list[Site]) -> dict[str, object]:
        names = self.catalogs.kind_names
        told: dict[str, object] = {}
        if plans:
            told["plans"] = [f"{names[kind]} {on}" for kind, on in plans]
        if sites:
            told["sites"] = [site.name for site in sites]
        return told


def _currency_column(kind: AmountKind) -> str:
    return "currency" if kind is AmountKind.TOTAL else f"{kind.value}_currency"


def _code(holder: Named | UnitRow) -> str:
    return holder.username if isinstance(holder, Named) else holder.code


def contact_of(row: RowLead) -> ContactData | None:
    """The contact that the row names."""
    cells = row.row
    if not cells.contact:
        return None
    return ContactData(
        name=cells.contact, position=cells.contact_position, phone=cells.contact_phone
    )
