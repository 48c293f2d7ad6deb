"""Lists that a zone keeps for its leads: industries, sources and sites (PROJECTS 1)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, enum_column
from crm.base.enums import LabeledEnum
from crm.base.money import Currency
from crm.leads.tiers import Tier
from crm.people.models import Person, Unit


class CatalogKind(LabeledEnum):
    """What a list is of."""

    INDUSTRY = "industry", "产业"
    SOURCE = "source", "线索来源"


class SiteKind(LabeledEnum):
    """What a project can be placed on or in."""

    LAND = "land", "土地"
    PLANT = "plant", "标准厂房"
    OFFICE = "office", "办公楼"

    @property
    def area_unit(self) -> str:
        """The unit in which areas of the kind are stated."""
        return "亩" if self is SiteKind.LAND else "平方米"


class CatalogEntry(Base):
    """One industry or source; its code stays."""

    __tablename__ = "catalog_entry"
    __table_args__ = (UniqueConstraint("kind", "code"), UniqueConstraint("kind", "name"))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[CatalogKind] = mapped_column(enum_column(CatalogKind, "kind"))
    code: Mapped[str]
    name: Mapped[str]
    position: Mapped[int]
    is_offered: Mapped[bool]  # forms offer it; leads that have it keep it


class Site(Base):
    """Land or rooms where a project can settle (载体)."""

    __tablename__ = "site"
    __table_args__ = (
        CheckConstraint("area > 0", "area_positive"),
        CheckConstraint("power > 0", "power_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    park_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    kind: Mapped[SiteKind] = mapped_column(enum_column(SiteKind, "kind"))
    area: Mapped[Decimal | None]  # in hundredths of `SiteKind.area_unit`, as amounts are in cents
    power: Mapped[int | None]  # kVA
    free_from: Mapped[date | None]  # none: free now
    note: Mapped[str | None]
    is_offered: Mapped[bool]

    park: Mapped[Unit | None] = relationship(lazy="raise")


class LeadSite(Base):
    """A site that was offered to a lead."""

    __tablename__ = "lead_site"
    __table_args__ = (UniqueConstraint("lead_id", "site_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"))
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    offered_on: Mapped[date]
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    site: Mapped[Site] = relationship(lazy="raise")
    entered_by: Mapped[Person | None] = relationship(lazy="raise")


class TierLineRow(Base):
    """From when on a tier begins at an amount of a currency (PROJECTS 1)."""

    __tablename__ = "tier_line"
    __table_args__ = (
        UniqueConstraint("tier", "currency", "from_on"),
        CheckConstraint("tier <> 'any'", "of_a_size"),
        CheckConstraint("threshold > 0", "threshold_positive"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    tier: Mapped[Tier] = mapped_column(enum_column(Tier, "tier"))
    currency: Mapped[Currency] = mapped_column(enum_column(Currency, "currency"))
    from_on: Mapped[date]
    threshold: Mapped[Decimal | None]  # none: the currency has no such line from then on
