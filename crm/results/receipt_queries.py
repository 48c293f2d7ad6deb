"""What pages read of receipts: one, those of a lead, a list, its facts, and what is asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from crm.base.money import Currency
from crm.base.paging import Page, page_of
from crm.base.remembered import remembered
from crm.leads.amount_models import LeadAmount
from crm.leads.models import Company, Lead, Milestone
from crm.leads.permissions import changeable, visible
from crm.leads.roles import responsible_unit_on
from crm.leads.rules import AmountKind, Stage
from crm.people.permissions import Viewer
from crm.results.models import Claim
from crm.results.money import MoneyFact
from crm.results.permissions import ClaimScope
from crm.results.permissions import visible as visible_claims
from crm.results.receipt_models import Receipt, ReceiptForm
from crm.results.receipt_rules import Line, ReceiptFacts
from crm.results.receipts import ReceiptData

PARTIES = (
    joinedload(Receipt.form),
    joinedload(Receipt.entered_by),
    joinedload(Receipt.lead).joinedload(Lead.company),
    joinedload(Receipt.reverses),
)
AT_HOME = frozenset({"", "中国", "中华人民共和国", "CN", "China"})  # as companies name it


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFilter:
    """What a list of receipts is narrowed to; what is left out narrows nothing."""

    first: date | None = None
    last: date | None = None
    line: Line | None = None
    form_id: int | None = None
    unit_ids: Collection[int] | None = None
    industry: str | None = None
    lacks_rate: bool = False

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves anything out but by dates."""
        return any(getattr(self, field.name) for field in fields(self) if field.name not in DATES)


DATES = frozenset({"first", "last"})


def visible_receipts(viewer: Viewer, on: date) -> Select[Receipt]:
    """The receipts of leads that the viewer may see; withdrawn ones are gone."""
    seen = select(Receipt).join(Receipt.lead).where(visible(viewer, on))
    return seen.where(Receipt.withdrawn_at.is_(None))


def receipt_with_right(
    db: Session, scope: ClaimScope, receipt_id: int
) -> tuple[Receipt, bool] | None:
    """The receipt with all that its page shows, and whether the viewer may change it.

    Whoever may see a claim to it sees its evidence too.
    """
    viewer, on = scope.viewer, scope.on
    claimed = exists().where(Claim.receipt_id == Receipt.id, visible_claims(scope))
    query = select(Receipt, changeable(viewer, on).label("may_change")).join(Receipt.lead)
    query = query.where(Receipt.id == receipt_id, Receipt.withdrawn_at.is_(None))
    query = query.where(or_(visible(viewer, on), claimed))
    query = query.options(*PARTIES)
    # read anew: the session may hold it as it was before a change
    row = db.execute(query.execution_options(populate_existing=True)).one_or_none()
    return (row[0], bool(row.may_change)) if row else None


def reversals_of(db: Session, receipt_id: int) -> Sequence[Receipt]:
    """What takes back of a receipt, the earliest first."""
    query = select(Receipt).where(Receipt.reverses_id == receipt_id, Receipt.withdrawn_at.is_(None))
    return db.scalars(query.order_by(Receipt.arrived_on, Receipt.id)).all()


def receipts_of_lead(db: Session, lead_id: int) -> Sequence[Receipt]:
    """The receipts of a lead that the viewer sees, the latest first."""
    with_receipts = remembered(
        *(db, "leads with receipts"),
        read=lambda: frozenset(db.scalars(select(Receipt.lead_id).distinct())),
    )
    # most leads have none
    if lead_id not in with_receipts:
        return []

    own = (Receipt.lead_id == lead_id) & Receipt.withdrawn_at.is_(None)
    query = select(Receipt).where(own).options(joinedload(Receipt.form))
    query = query.options(joinedload(Receipt.entered_by))
    return db.scalars(query.order_by(Receipt.arrived_on.desc(), Receipt.id.desc())).all()


def receipts_page(
    db: Session, viewer: Viewer, on: date, *, by: ReceiptFilter, cursor: str | None
) -> Page[Receipt]:
    """A page of the list, the latest first."""
    query = _narrowed(visible_receipts(viewer, on), by).options(*PARTIES)
    return page_of(db, query, on=Receipt.arrived_on, row_id=Receipt.id, cursor=cursor)


def all_receipts(db: Session, viewer: Viewer, on: date, *, by: ReceiptFilter) -> Sequence[Receipt]:
    """The whole list."""
    query = _narrowed(visible_receipts(viewer, on), by).options(*PARTIES)
    return db.scalars(query.order_by(Receipt.arrived_on.desc(), Receipt.id.desc())).all()


def money_facts(
    db: Session, by: ReceiptFilter, *, viewer: Viewer | None = None, on: date | None = None
) -> list[MoneyFact]:
    """The receipts as figures count them, the earliest first; without a viewer all."""
    query = select(
        *(Receipt.id, Receipt.lead_id, ReceiptForm.line, Receipt.form_id, Receipt.arrived_on),
        *(Receipt.counted_amount, responsible_unit_on(Receipt.arrived_on), Lead.industry),
    )
    query = query.select_from(Receipt).join(Receipt.lead)
    query = query.join(ReceiptForm, ReceiptForm.id == Receipt.form_id)
    if viewer and on:
        query = query.where(visible(viewer, on))
    query = _narrowed(query.where(Receipt.withdrawn_at.is_(None)), by)
    rows = db.execute(query.order_by(Receipt.arrived_on, Receipt.id))
    return [MoneyFact(*row) for row in rows]


def question_facts(
    db: Session, lead: Lead, data: ReceiptData, *, but: Receipt | None = None
) -> ReceiptFacts:
    """What the questions about a receipt rest on; `but` is the one that is changed."""
    own = (Receipt.lead_id == lead.id) & Receipt.withdrawn_at.is_(None)
    if but:
        own &= Receipt.id != but.id
    in_currency = select(func.sum(Receipt.amount)).where(own, Receipt.currency == data.currency)
    twin = select(Receipt.id).where(
        own,
        Receipt.arrived_on == data.arrived_on,
        Receipt.amount == data.amount,
        Receipt.payer == data.payer.strip(),
    )
    signed = select(func.min(Milestone.reached_on)).where(
        Milestone.lead_id == lead.id, Milestone.kind == Stage.SIGNED
    )

    return ReceiptFacts(
        amount=data.amount,
        currency=data.currency,
        line=db.get_one(ReceiptForm, data.form_id).line,
        arrived_on=data.arrived_on,
        received=db.scalar(in_currency) or Decimal(0),
        total=lead.amount if lead.currency is data.currency else None,
        signed_on=db.scalar(signed),
        has_twin=db.scalar(twin.limit(1)) is not None,
        is_foreign=_is_foreign(db, lead),
    )


def _is_foreign(db: Session, lead: Lead) -> bool:
    """Whether the project has foreign capital, by its amounts or by its investor's country."""
    if lead.currency not in (None, Currency.CNY):
        return True
    stated = select(LeadAmount.id).where(
        LeadAmount.lead_id == lead.id,
        LeadAmount.kind == AmountKind.FOREIGN_CAPITAL,
        LeadAmount.amount > 0,
        LeadAmount.replaced_at.is_(None),
    )
    country = db.scalar(select(Company.country).where(Company.id == lead.company_id)) or ""
    return country.strip() not in AT_HOME or db.scalar(stated.limit(1)) is not None


def _narrowed(query: Select[Any], by: ReceiptFilter) -> Any:
    conditions = (
        (by.first, Receipt.arrived_on >= by.first),
        (by.last, Receipt.arrived_on <= by.last),
        (by.form_id, Receipt.form_id == by.form_id),
        (by.industry, Lead.industry == by.industry),
        (by.lacks_rate, Receipt.counted_amount.is_(None)),
    )
    query = query.where(*(condition for value, condition in conditions if value))
    if by.line:
        of_line = select(ReceiptForm.id).where(ReceiptForm.line == by.line)
        query = query.where(Receipt.form_id.in_(of_line))
    if by.unit_ids is not None:
        query = query.where(responsible_unit_on(Receipt.arrived_on).in_(by.unit_ids))
    return query
