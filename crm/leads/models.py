"""Companies and their contacts, leads with their milestones and roles."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from crm.base.db import Base, enum_column
from crm.base.money import Currency
from crm.base.names import folded, search_text
from crm.files.models import Attachment
from crm.leads.amount_models import LeadAmount
from crm.leads.catalog_models import LeadSite
from crm.leads.company_names import normal_form
from crm.leads.rules import Agreement, LeadRoleKind, Secrecy, Stage
from crm.people.models import Person, Unit


class Spelled(NamedTuple):
    """What a company is found and compared by."""

    folded: str
    normal: str
    search: str


def spelled_company(name: str) -> Spelled:
    """The same of a name."""
    return Spelled(folded(name), normal_form(name), search_text(name))


def lead_search(*names: str | None) -> str:
    """What a lead is found by: its title, and the name and code of its project company."""
    return " ".join(search_text(name) for name in names if name)


class Company(Base):
    """An investor (投资方)."""

    __tablename__ = "company"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    # the name as names are compared
    folded: Mapped[str] = mapped_column(index=True, server_default=text("''"))
    # the name without place, brackets and legal suffix (PROJECTS 6)
    normal: Mapped[str] = mapped_column(index=True, server_default=text("''"))
    search: Mapped[str]  # what it is found by
    credit_code: Mapped[str | None] = mapped_column(unique=True)
    group_name: Mapped[str | None] = mapped_column(index=True)
    country: Mapped[str | None]
    created_at: Mapped[datetime]

    contacts: Mapped[list["Contact"]] = relationship(back_populates="company", lazy="raise")
    aliases: Mapped[list["CompanyAlias"]] = relationship(
        back_populates="company", lazy="raise", order_by="CompanyAlias.id"
    )

    @validates("name")
    def _spell(self, _key: str, name: str) -> str:
        self.folded, self.normal, self.search = spelled_company(name)
        return name


class CompanyAlias(Base):
    """Another name of a company (别名): a former or short one, or that of a merged company."""

    __tablename__ = "company_alias"
    __table_args__ = (UniqueConstraint("company_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    name: Mapped[str]
    folded: Mapped[str] = mapped_column(index=True)
    normal: Mapped[str] = mapped_column(index=True)
    search: Mapped[str]
    added_at: Mapped[datetime]

    company: Mapped[Company] = relationship(back_populates="aliases", lazy="raise")

    @validates("name")
    def _spell(self, _key: str, name: str) -> str:
        self.folded, self.normal, self.search = spelled_company(name)
        return name


class Contact(Base):
    """A person at a company whom one can reach."""

    __tablename__ = "contact"

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"), index=True)
    # that brought it, and whose secrecy it has; none: kept before contacts had a lead
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("lead.id"), index=True)
    name: Mapped[str] = mapped_column(index=True)
    position: Mapped[str | None]
    phone: Mapped[str | None] = mapped_column(index=True)
    email: Mapped[str | None] = mapped_column(index=True)
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]  # the name is a pseudonym from then on

    company: Mapped[Company] = relationship(back_populates="contacts", lazy="raise")


class Lead(Base):
    """One record that travels from a lead to full capacity (REGIME 6)."""

    __tablename__ = "lead"
    __table_args__ = (
        CheckConstraint("secrecy <> 'restricted' OR code_name IS NOT NULL", "has_code_name"),
        CheckConstraint("(amount IS NULL) = (currency IS NULL)", "amount_has_currency"),
        Index(None, "stage", "entered_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(unique=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"), index=True)
    title: Mapped[str]
    search: Mapped[str]  # what it is found by
    stage: Mapped[Stage] = mapped_column(enum_column(Stage, "stage"))
    secrecy: Mapped[Secrecy] = mapped_column(enum_column(Secrecy, "secrecy"))
    code_name: Mapped[str | None]
    industry: Mapped[str | None]  # code of a catalog entry
    park_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    source: Mapped[str | None]  # the name of a catalog entry, or text of before there were any
    # a copy of the total that holds, which the database makes; `amounts.py` has the rows
    amount: Mapped[Decimal | None]
    currency: Mapped[Currency | None] = mapped_column(enum_column(Currency, "currency"))
    earlier_lead_id: Mapped[int | None] = mapped_column(ForeignKey("lead.id"))
    # of the company, as entered with this lead
    credit_code: Mapped[str | None] = mapped_column(index=True)
    group_name: Mapped[str | None] = mapped_column(index=True)
    project_company: Mapped[str | None]  # as registered for the project
    project_company_code: Mapped[str | None]
    note: Mapped[str | None]
    entered_on: Mapped[date] = mapped_column(index=True)
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: an import
    # of a visit made or a follow-up done: what `crm/followups/last_contact.py` found
    last_contact_on: Mapped[date | None] = mapped_column(index=True)

    company: Mapped[Company] = relationship(lazy="raise")
    park: Mapped[Unit | None] = relationship(lazy="raise")
    sites: Mapped[list[LeadSite]] = relationship(
        lazy="raise", order_by="LeadSite.offered_on, LeadSite.id", viewonly=True
    )
    amounts: Mapped[list[LeadAmount]] = relationship(
        lazy="raise", order_by=LeadAmount.id, viewonly=True
    )
    milestones: Mapped[list["Milestone"]] = relationship(
        back_populates="lead",
        lazy="raise",
        order_by="Milestone.reached_on, Milestone.id",
    )
    roles: Mapped[list["LeadRole"]] = relationship(
        back_populates="lead", lazy="raise", order_by="LeadRole.from_on, LeadRole.id"
    )

    @validates("title", "project_company", "project_company_code")
    def _spell(self, key: str, value: str | None) -> str | None:
        spelled = {"title": self.title, "project_company": self.project_company}
        spelled |= {"project_company_code": self.project_company_code, key: value}
        self.search = lead_search(*spelled.values())
        return value


class MilestoneKind(Base):
    """What a lead can reach: a stage of the line, or a side milestone that an admin edits.

    No row is deleted, and codes stay: milestones of the past keep their kind (PROJECTS 1).
    """

    __tablename__ = "milestone_kind"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    position: Mapped[int]  # among the side milestones
    is_used: Mapped[bool]  # offered for new milestones


class Milestone(Base):
    """A stage or side milestone reached on a date."""

    __tablename__ = "milestone"
    __table_args__ = (
        Index(None, "lead_id", "reached_on"),
        Index(None, "kind", "reached_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"))
    kind: Mapped[str] = mapped_column(ForeignKey("milestone_kind.code"))
    reached_on: Mapped[date]
    reason: Mapped[str | None]  # why parked or lost, or why the date was corrected
    # what was signed; none: not stated, as of signings before it was asked for
    agreement: Mapped[Agreement | None] = mapped_column(enum_column(Agreement, "agreement"))
    look_again_on: Mapped[date | None]  # of a lead that was parked
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    lead: Mapped[Lead] = relationship(back_populates="milestones", lazy="raise")


class MilestonePlan(Base):
    """A date planned for a milestone: each revision is a row, the first is the baseline."""

    __tablename__ = "milestone_plan"
    __table_args__ = (
        Index(None, "lead_id", "kind"),
        Index(None, "planned_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"))
    kind: Mapped[str] = mapped_column(ForeignKey("milestone_kind.code"))
    planned_on: Mapped[date]
    reason: Mapped[str | None]  # why it was revised
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    lead: Mapped[Lead] = relationship(lazy="raise")
    entered_by: Mapped[Person | None] = relationship(lazy="raise")


class LeadRole(Base):
    """What a person or a unit is to a lead, from a date to a date, both included."""

    __tablename__ = "lead_role"
    __table_args__ = (
        CheckConstraint("(person_id IS NULL) <> (unit_id IS NULL)", "person_or_unit"),
        CheckConstraint(
            "(role IN ('responsible_unit', 'assisting_unit')) = (unit_id IS NOT NULL)", "unit_role"
        ),
        CheckConstraint("to_on IS NULL OR to_on >= from_on", "ends_after_it_begins"),
        Index(None, "lead_id", "role"),
        Index(None, "lead_id", "person_id"),  # asked for each lead that a list or search reads
        Index(None, "person_id"),
        Index(None, "unit_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"))
    role: Mapped[LeadRoleKind] = mapped_column(enum_column(LeadRoleKind, "role"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    from_on: Mapped[date]
    to_on: Mapped[date | None]

    lead: Mapped[Lead] = relationship(back_populates="roles", lazy="raise")
    person: Mapped[Person | None] = relationship(lazy="raise")
    unit: Mapped[Unit | None] = relationship(lazy="raise")

    def holds_on(self, on: date) -> bool:
        """The predicate of `role_held_on`."""
        return self.from_on <= on and (self.to_on is None or self.to_on >= on)


class AssistanceOffer(Base):
    """A unit that offered to assist with a lead (申请协办, PROJECTS 6)."""

    __tablename__ = "assistance_offer"

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"), index=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    offered_at: Mapped[datetime]
    offered_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    asked_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)  # supervisor


class LeadFile(Attachment):
    """A file attached to a lead (佐证材料)."""

    __tablename__ = "lead_file"
    record: ClassVar = Lead
