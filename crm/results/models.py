"""Tables of claims with their rounds, and of what a zone decides about them (PROJECTS 7)."""

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, exists, text
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from crm.base.db import Base, enum_column
from crm.base.money import Currency
from crm.files.models import Attachment
from crm.leads.models import Lead
from crm.leads.rules import Agreement
from crm.people.models import Person, Unit
from crm.results.receipt_models import Receipt
from crm.results.rules import ClaimKind, ClaimState, Flag
from crm.results.workflow import Step

LIVE = text("state = 'recognised' AND kind <> 'money'")
UNDECIDED = text("state IN ('claimed', 'returned') AND kind <> 'money'")
# of money each receipt is claimed for itself (PROJECTS 7)
LIVE_MONEY = text("state = 'recognised' AND kind = 'money'")
UNDECIDED_MONEY = text("state IN ('claimed', 'returned') AND kind = 'money'")


class ClaimKindSetting(Base):
    """Of a kind of claim: the recognising unit, and what stands as evidence."""

    __tablename__ = "claim_kind"
    __table_args__ = (UniqueConstraint("kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[ClaimKind] = mapped_column(enum_column(ClaimKind, "kind"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    evidence: Mapped[str]


class ClaimKindSpan(Base):
    """From when to when facts of a kind need a recognition; both ends included."""

    __tablename__ = "claim_kind_span"
    __table_args__ = (
        UniqueConstraint("kind", "from_on"),
        CheckConstraint("to_on IS NULL OR to_on >= from_on", "ends_after_it_begins"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[ClaimKind] = mapped_column(enum_column(ClaimKind, "kind"))
    from_on: Mapped[date]
    to_on: Mapped[date | None]


class Exclusion(Base):
    """A case in which nothing is recognised (不予认定情形)."""

    __tablename__ = "claim_exclusion"
    __table_args__ = (UniqueConstraint("sentence"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sentence: Mapped[str]
    position: Mapped[int]
    ended_at: Mapped[datetime | None]  # not offered any more; earlier decisions keep its words


class Claim(Base):
    """A claim that a project has reached something, and what was decided on it."""

    __tablename__ = "claim"
    __table_args__ = (
        # PROJECTS 7: once, and of two who claim or decide at once, one
        Index(
            *("uq_claim_recognised", "lead_id", "kind"),
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        ),
        Index(
            *("uq_claim_undecided", "lead_id", "kind"),
            unique=True,
            sqlite_where=UNDECIDED,
            postgresql_where=UNDECIDED,
        ),
        Index(
            *("uq_claim_receipt_recognised", "receipt_id"),
            unique=True,
            sqlite_where=LIVE_MONEY,
            postgresql_where=LIVE_MONEY,
        ),
        Index(
            *("uq_claim_receipt_undecided", "receipt_id"),
            unique=True,
            sqlite_where=UNDECIDED_MONEY,
            postgresql_where=UNDECIDED_MONEY,
        ),
        CheckConstraint("(kind = 'money') = (receipt_id IS NOT NULL)", "money_has_receipt"),
        CheckConstraint("(amount IS NULL) = (currency IS NULL)", "amount_has_currency"),
        CheckConstraint("amount > 0", "amount_positive"),
        CheckConstraint("recognised_amount <= amount", "never_more_than_claimed"),
        CheckConstraint(
            "recognised_amount = amount OR recognised_amount IS NULL OR less_reason IS NOT NULL",
            "less_has_reason",
        ),
        CheckConstraint("decided_by_id <> claimed_by_id", "decided_by_another"),
        CheckConstraint(
            "(state IN ('recognised', 'revoked')) = (basis IS NOT NULL)", "recognised_has_basis"
        ),
        CheckConstraint("(flag IS NULL) = (flagged_at IS NULL)", "flagged_at_a_moment"),
        CheckConstraint("counts_on >= reached_on", "counts_from_its_milestone"),
        # PROJECTS 7: a file, or a document with number, issuer and date
        CheckConstraint(
            "(document_number IS NULL) = (document_issuer IS NULL)"
            " AND (document_number IS NULL) = (document_on IS NULL)",
            "document_is_whole",
        ),
        Index(None, "lead_id"),
        Index(None, "state", "kind"),
        Index(None, "counts_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(ForeignKey("lead.id"))
    kind: Mapped[ClaimKind] = mapped_column(enum_column(ClaimKind, "kind"))
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipt.id"))  # of money
    state: Mapped[ClaimState] = mapped_column(enum_column(ClaimState, "state"))
    round: Mapped[int]
    first_claimed_at: Mapped[datetime]  # its date decides the year, in all rounds
    claimed_at: Mapped[datetime]
    claimed_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))

    reached_on: Mapped[date]  # the milestone's date as it was claimed
    counts_on: Mapped[date]
    amount: Mapped[Decimal | None]
    currency: Mapped[Currency | None] = mapped_column(enum_column(Currency, "currency"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))
    agreement: Mapped[Agreement | None] = mapped_column(enum_column(Agreement, "agreement"))
    document_number: Mapped[str | None]  # none: its files are the evidence
    document_issuer: Mapped[str | None]
    document_on: Mapped[date | None]
    note: Mapped[str | None]

    recognised_amount: Mapped[Decimal | None]
    less_reason: Mapped[str | None]
    basis: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # whom an admin named, where nobody of the recognising unit is left
    named_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    flag: Mapped[Flag | None] = mapped_column(enum_column(Flag, "flag"))
    flagged_at: Mapped[datetime | None]
    # of money: a reversal (冲减), whose amount is claimed without its sign
    takes_back: Mapped[bool] = column_property(
        exists()
        .where(Receipt.id == receipt_id, Receipt.reverses_id.is_not(None))
        .correlate_except(Receipt)
    )

    lead: Mapped[Lead] = relationship(lazy="raise")
    unit: Mapped[Unit | None] = relationship(lazy="raise")
    claimed_by: Mapped[Person] = relationship(lazy="raise", foreign_keys=[claimed_by_id])
    decided_by: Mapped[Person | None] = relationship(lazy="raise", foreign_keys=[decided_by_id])
    named: Mapped[Person | None] = relationship(lazy="raise", foreign_keys=[named_id])
    entries: Mapped[list["ClaimEntry"]] = relationship(
        back_populates="claim", lazy="raise", order_by="ClaimEntry.id"
    )

    @property
    def result(self) -> str:
        """What is claimed, in words."""
        return "到位资金冲减" if self.takes_back else self.kind.label

    def signed(self, amount: Decimal) -> Decimal:
        """An amount of the claim as the sums count it."""
        return -amount if self.takes_back else amount


class ClaimFile(Attachment):
    """A file that stands as evidence of a claim."""

    __tablename__ = "claim_file"
    record: ClassVar = Claim


class ClaimEntry(Base):
    """A step of a claim's history; entries are only added."""

    __tablename__ = "claim_entry"
    __table_args__ = (Index(None, "claim_id", "id"), Index(None, "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("claim.id"))
    step: Mapped[Step] = mapped_column(enum_column(Step, "step"))
    state: Mapped[ClaimState] = mapped_column(enum_column(ClaimState, "state"))  # after it
    round: Mapped[int]
    text: Mapped[str | None]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: the clock

    claim: Mapped[Claim] = relationship(back_populates="entries", lazy="raise")
    by: Mapped[Person | None] = relationship(lazy="raise")
