"""Tables of money that arrived, with the forms in which it may arrive (PROJECTS 8)."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, Rate, enum_column
from crm.base.money import Currency
from crm.files.models import Attachment
from crm.leads.models import Lead
from crm.people.models import Person
from crm.results.receipt_rules import Line


class ReceiptForm(Base):
    """A form in which money arrives; it decides the line in which it counts."""

    __tablename__ = "receipt_form"
    __table_args__ = (UniqueConstraint("code"), UniqueConstraint("name"))

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    line: Mapped[Line] = mapped_column(enum_column(Line, "line"))
    position: Mapped[int]
    is_offered: Mapped[bool]


class Receipt(Base):
    """Money that arrived for a project; a negative one (冲减) takes back of the one it names."""

    __tablename__ = "receipt"
    __table_args__ = (
        UniqueConstraint("ref"),
        CheckConstraint("amount <> 0", "not_zero"),
        CheckConstraint("(amount < 0) = (reverses_id IS NOT NULL)", "negative_reverses"),
        CheckConstraint("(reverses_id IS NULL) = (reason IS NULL)", "reversal_has_reason"),
        CheckConstraint("rate > 0", "rate_positive"),
        CheckConstraint("dollar_rate > 0", "dollar_rate_positive"),
        CheckConstraint("currency <> 'CNY' OR rate IS NULL", "yuan_has_no_rate"),
        CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)", "withdrawn_by_somebody"
        ),
        Index(None, "lead_id", "arrived_on"),
        Index(None, "arrived_on"),
        Index(None, "reverses_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str]
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"))
    form_id: Mapped[int] = mapped_column(ForeignKey("receipt_form.id"))
    arrived_on: Mapped[date]
    amount: Mapped[Decimal]  # in its currency
    currency: Mapped[Currency] = mapped_column(enum_column(Currency, "currency"))
    # of the date of arrival, kept where the line is in another currency
    rate: Mapped[Decimal | None] = mapped_column(Rate)  # of its currency to yuan
    dollar_rate: Mapped[Decimal | None] = mapped_column(Rate)  # of the dollar to yuan
    counted_amount: Mapped[Decimal | None]  # in the currency of the line; none: no rate is known
    payer: Mapped[str]
    account_tail: Mapped[str | None]  # the last four digits
    note: Mapped[str | None]
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("receipt.id"))
    reason: Mapped[str | None]  # of a reversal
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: an import
    withdrawn_at: Mapped[datetime | None]  # entered by mistake: it counts nowhere
    withdrawn_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    lead: Mapped[Lead] = relationship(lazy="raise")
    form: Mapped[ReceiptForm] = relationship(lazy="raise")
    entered_by: Mapped[Person | None] = relationship(lazy="raise", foreign_keys=[entered_by_id])
    reverses: Mapped["Receipt | None"] = relationship(lazy="raise", remote_side="Receipt.id")


class ReceiptFile(Attachment):
    """A file attached to a receipt (佐证材料)."""

    __tablename__ = "receipt_file"
    record: ClassVar = Receipt
