"""A zone's own fields on leads, and what leads have in them (PROJECTS 1)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, Quantity, enum_column
from crm.base.enums import LabeledEnum
from crm.people.models import Person

_HOLDS = text("replaced_at IS NULL")


class OwnKind(LabeledEnum):
    """What an own field holds."""

    TEXT = "text", "文字"
    NUMBER = "number", "数字"
    DATE = "date", "日期"
    CHOICE = "choice", "选项"


class OwnField(Base):
    """A field that a zone adds to its leads (补充信息项); no row is deleted, and codes stay."""

    __tablename__ = "own_field"
    __table_args__ = (UniqueConstraint("id", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[OwnKind] = mapped_column(enum_column(OwnKind, "kind"))
    hint: Mapped[str | None]
    position: Mapped[int]
    is_used: Mapped[bool]  # forms ask for it; leads that have a value keep it

    choices: Mapped[list["OwnFieldChoice"]] = relationship(
        lazy="raise", order_by="OwnFieldChoice.id", viewonly=True
    )


class OwnFieldChoice(Base):
    """What can be chosen in a field; its code stays."""

    __tablename__ = "own_field_choice"
    __table_args__ = (
        UniqueConstraint("field_id", "code"),
        UniqueConstraint("field_id", "name"),
        UniqueConstraint("field_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    field_id: Mapped[int] = mapped_column(ForeignKey("own_field.id"))
    code: Mapped[str]
    name: Mapped[str]
    is_offered: Mapped[bool]


class LeadOwnValue(Base):
    """What a lead has in an own field; a changed value is kept beside the row that replaced it."""

    __tablename__ = "lead_own_value"
    __table_args__ = (
        # the kind of a field with values may not change, and a choice is one of the field's
        ForeignKeyConstraint(["field_id", "kind"], ["own_field.id", "own_field.kind"]),
        ForeignKeyConstraint(
            ["field_id", "choice_id"], ["own_field_choice.field_id", "own_field_choice.id"]
        ),
        CheckConstraint("(kind = 'text') = (text IS NOT NULL)", "text_of_its_kind"),
        CheckConstraint("(kind = 'number') = (number IS NOT NULL)", "number_of_its_kind"),
        CheckConstraint("(kind = 'date') = (day IS NOT NULL)", "day_of_its_kind"),
        CheckConstraint("(kind = 'choice') = (choice_id IS NOT NULL)", "choice_of_its_kind"),
        # one of each field holds: of two people at once the database refuses the second
        Index(
            "uq_lead_own_value_held",
            *("lead_id", "field_id"),
            unique=True,
            sqlite_where=_HOLDS,
            postgresql_where=_HOLDS,
        ),
        Index(None, "field_id", "number"),
        Index(None, "field_id", "day"),
        Index(None, "field_id", "choice_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"), index=True)
    field_id: Mapped[int]
    kind: Mapped[OwnKind] = mapped_column(enum_column(OwnKind, "kind"))
    text: Mapped[str | None]
    number: Mapped[Decimal | None] = mapped_column(Quantity)
    day: Mapped[date | None]
    choice_id: Mapped[int | None]
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: an import
    replaced_at: Mapped[datetime | None]

    field: Mapped[OwnField] = relationship(
        lazy="raise",
        viewonly=True,
        primaryjoin=lambda: LeadOwnValue.field_id == OwnField.id,
        foreign_keys=lambda: LeadOwnValue.field_id,
    )
    choice: Mapped[OwnFieldChoice | None] = relationship(lazy="raise", viewonly=True)
    entered_by: Mapped[Person | None] = relationship(lazy="raise")
