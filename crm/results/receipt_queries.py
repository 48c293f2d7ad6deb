"""What pages read of receipts: one, those of a lead, a list, its facts, and what is asked."""

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from crm.base.money import Currency
from crm.base.paging import PAGE, Page, page_of
from crm.base.remembered import remembered
from crm.leads.amount_models import LeadAmount
from crm.leads.models import Company, Lead, Milestone
from crm.leads.permissions import changeable, visible
from crm.leads.rules import AmountKind, Stage
from crm.people.permissions import Viewer
from crm.quotas.queries import working_calendar
from crm.results.models import Claim
from crm.results.money import MoneyFact
from crm.results.permissions import ClaimScope
from crm.results.permissions import visible as visible_claims
from crm.results.receipt_filter import CLAIM, UNIT, ReceiptFilter, claim_id, money_claim, narrowed
from crm.results.receipt_models import Receipt, ReceiptForm
from crm.results.receipt_rules import ReceiptFacts
from crm.results.receipts import ReceiptData
from crm.results.settings import spans
from crm.results.standing import Standing, standing

PARTIES = (
    joinedload(Receipt.form),
    joinedload(Receipt.entered_by),
    joinedload(Receipt.lead).joinedload(Lead.company),
    joinedload(Receipt.reverses),
)
MOST_IDS = 500
AT_HOME = frozenset({"", "中国", "中华人民共和国", "CN", "China"})  # as companies name it


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


def seen_receipts(
    db: Session, viewer: Viewer, on: date, ids: Collection[int]
) -> dict[int, Receipt]:
    """Those of the receipts that the viewer may see, with their parties."""
    query = visible_receipts(viewer, on).where(Receipt.id.in_(ids)).options(*PARTIES)
    return {row.id: row for row in db.scalars(query)}


def reversals_of(db: Session, receipt_id: int) -> Sequence[Receipt]:
    """What takes back of a receipt, the earliest first."""
    query = select(Receipt).where(Receipt.reverses_id == receipt_id, Receipt.withdrawn_at.is_(None))
    return db.scalars(query.order_by(Receipt.arrived_on, Receipt.id)).all()


def standings(db: Session, receipts: Collection[Receipt]) -> dict[int, Standing]:
    """How each of the receipts stands now."""
    ids = {row.id for row in receipts}
    query = select(CLAIM).join(Receipt, CLAIM.id == claim_id())
    # a long list: all of them are read
    query = query.where(Receipt.id.in_(ids)) if len(ids) <= MOST_IDS else query
    claims = {row.receipt_id: money_claim(row) for row in db.scalars(query)} if ids else {}

    rules, calendar = spans(db), working_calendar(db)
    return {
        row.id: standing(row.arrived_on, row.counted_amount, claims.get(row.id), rules, calendar)
        for row in receipts
    }


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


def receipts_page(  # noqa: PLR0913 - whose receipts, and which part of them
    db: Session,
    viewer: Viewer,
    on: date,
    *,
    by: ReceiptFilter,
    cursor: str | None,
    size: int = PAGE,
) -> Page[Receipt]:
    """A page of the list, the latest first."""
    query = narrowed(db, visible_receipts(viewer, on), by).options(*PARTIES)
    return page_of(db, query, on=Receipt.arrived_on, row_id=Receipt.id, cursor=cursor, size=size)


def all_receipts(db: Session, viewer: Viewer, on: date, *, by: ReceiptFilter) -> Sequence[Receipt]:
    """The whole list."""
    query = narrowed(db, visible_receipts(viewer, on), by).options(*PARTIES)
    return db.scalars(query.order_by(Receipt.arrived_on.desc(), Receipt.id.desc())).all()


def money_facts(
    db: Session, by: ReceiptFilter, *, viewer: Viewer | None = None, on: date | None = None
) -> list[MoneyFact]:
    """The receipts as figures count them, the earliest first; without a viewer all."""
    query = select(Receipt, CLAIM, ReceiptForm.line, UNIT, Lead.industry)
    query = query.select_from(Receipt).join(Receipt.lead)
    query = query.join(ReceiptForm, ReceiptForm.id == Receipt.form_id)
    if viewer and on:
        query = query.where(visible(viewer, on))
    query = narrowed(db, query.where(Receipt.withdrawn_at.is_(None)), by)
    rows = db.execute(query.order_by(Receipt.arrived_on, Receipt.id))

    rules, calendar = spans(db), working_calendar(db)
    found = []
    for row, claim, line, unit_id, industry in rows:
        claimed = money_claim(claim) if claim else None
        stands = standing(row.arrived_on, row.counted_amount, claimed, rules, calendar)
        found.append(
            MoneyFact(
                *(row.id, row.lead_id, line, row.form_id, stands.on, row.counted_amount),
                *(unit_id, industry, stands.recognised),
            )
        )
    return found


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
