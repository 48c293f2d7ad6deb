"""What somebody proposes for a company that they may not change (PROJECTS 6)."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, enum_column
from crm.base.enums import LabeledEnum
from crm.leads.models import Company, Contact
from crm.people.models import Person


class ProposalField(LabeledEnum):
    """What of a company is proposed."""

    CREDIT_CODE = "credit_code", "统一社会信用代码"
    GROUP = "group_name", "所属集团"
    ALIAS = "alias", "别名"
    CONTACT = "contact", "联系人"


class ProposalState(LabeledEnum):
    """What became of a proposal."""

    OPEN = "open", "待处理"
    TAKEN = "taken", "已采纳"
    DECLINED = "declined", "未采纳"


_OPEN = text("state = 'open'")


class CompanyProposal(Base):
    """A value that is proposed for a field of a company; of a contact, `value` is the name."""

    __tablename__ = "company_proposal"
    __table_args__ = (
        CheckConstraint("(state = 'declined') = (reason IS NOT NULL)", "declined_has_reason"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", "decided_has_time"),
        # PROJECTS 6: of two who propose a field at once, the database takes one
        Index(
            "uq_company_proposal_open",
            *("company_id", "field"),
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"), index=True)
    field: Mapped[ProposalField] = mapped_column(enum_column(ProposalField, "field"))
    state: Mapped[ProposalState] = mapped_column(enum_column(ProposalState, "state"))
    value: Mapped[str]
    position: Mapped[str | None]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    # which contact is to be corrected; none: a new one
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), index=True)
    proposed_at: Mapped[datetime]
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str | None]  # why it was declined

    company: Mapped[Company] = relationship(lazy="raise")
    contact: Mapped[Contact | None] = relationship(lazy="raise")
    proposed_by: Mapped[Person] = relationship(lazy="raise", foreign_keys=[proposed_by_id])
    decided_by: Mapped[Person | None] = relationship(lazy="raise", foreign_keys=[decided_by_id])
