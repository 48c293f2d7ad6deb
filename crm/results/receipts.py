"""What happens to a receipt: recorded, changed, reversed, withdrawn (PROJECTS 8)."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused, refusals_of, refuse
from crm.base.locks import lock_row
from crm.base.money import Currency
from crm.base.refs import new_ref
from crm.base.value_class import value_class
from crm.leads.amounts import is_plausible
from crm.leads.models import Lead, Milestone
from crm.leads.permissions import require_change
from crm.leads.progress import reach
from crm.leads.rates import rate_of
from crm.leads.rules import FIRST_MONEY
from crm.people.models import Person
from crm.results.models import Claim
from crm.results.receipt_models import Receipt, ReceiptForm
from crm.results.receipt_rules import Line, check_reversal, counted_amount, rates_needed
from crm.results.rules import ClaimState
from crm.results.service import note
from crm.results.workflow import Step

TAIL = 4  # digits of an account
WITHDRAWN_WITH_RECEIPT = "到账记录已撤销，申报随之撤回"


@value_class(kw_only=True)
class ReceiptData:
    """What is recorded of a receipt."""

    arrived_on: date
    amount: Decimal
    currency: Currency
    form_id: int
    payer: str
    account_tail: str = ""
    note: str = ""
    ref: str = ""  # of the form, so that a form sent twice records one receipt


@value_class(kw_only=True)
class ReversalData:
    """What a reversal takes back; the amount is positive."""

    arrived_on: date
    amount: Decimal
    reason: str
    ref: str = ""


def record_receipt(
    db: Session, *, lead: Lead, data: ReceiptData, by: Person | None, now: datetime
) -> Receipt:
    """Record a receipt; the same reference by the same person is the same receipt.

    The first one makes the milestone. Refused as `not_yours`, `duplicate_ref`, and as
    `check_receipt`.
    """
    if known := _of_ref(db, data.ref, by):
        return known
    require_change(db, lead, by, now)

    row = Receipt(**_created(lead.id, data.ref, by, now), **_checked(db, data, now))
    _keep_rates(db, row)
    row = _added(db, row, by, now)
    _reach_first_money(db, lead, row, by=by, now=now)
    return row


def receipt_id_recorded(db: Session, *, ref: str | None, by_id: int) -> int | None:
    """The receipt that the person has recorded under that reference."""
    query = select(Receipt.id).where(Receipt.ref == ref, Receipt.entered_by_id == by_id)
    return db.scalar(query) if ref else None


def change_receipt(
    db: Session, *, row: Receipt, data: ReceiptData, by: Person, now: datetime
) -> bool:
    """Change a receipt that stands as it was recorded; whether anything changed.

    Refused as `require_open`, `has_reversals`, `is_reversal`, and as `check_receipt`.
    """
    require_open(db, row, by, now)
    if row.reverses_id is not None:
        raise Refused("is_reversal")
    if reversed_of(db, row.id):
        raise Refused("has_reversals")

    before, after = changes(row, _checked(db, data, now))
    if after.keys() & {"arrived_on", "amount", "currency", "form_id"}:
        _keep_rates(db, row)
    if after:
        after["lead_id"] = row.lead_id
        record(db, "receipt.changed", row, by=by, at=now, before=before, after=after)
    return bool(after)


def reverse_receipt(
    db: Session, *, row: Receipt, data: ReversalData, by: Person | None, now: datetime
) -> Receipt:
    """Take back of a receipt, at most what is left of it; the reversal is a receipt of its own.

    Refused as `not_yours`, `is_reversal`, `receipt_withdrawn`, and as `check_reversal_of`.
    """
    if known := _of_ref(db, data.ref, by):
        return known
    require_change(db, _lead(db, row), by, now)
    # held: of two who take back at once, the second meets what the first one left
    lock_row(db, Receipt, row.id)
    db.refresh(row)
    if row.withdrawn_at:
        raise Refused("receipt_withdrawn")
    if row.reverses_id is not None:
        raise Refused("is_reversal")
    check_reversal_of(db, row, data, civil_date(now))

    reversal = Receipt(
        **_created(row.lead_id, data.ref, by, now),
        arrived_on=data.arrived_on,
        amount=-data.amount,
        currency=row.currency,
        form_id=row.form_id,
        payer=row.payer,
        account_tail=row.account_tail,
        # of the receipt, so that a whole reversal leaves nothing
        rate=row.rate,
        dollar_rate=row.dollar_rate,
        reverses_id=row.id,
        reason=data.reason.strip(),
    )
    if row.counted_amount is not None:
        reversal.counted_amount = counted_amount(-data.amount, row.rate, row.dollar_rate)
    return _added(db, reversal, by, now)


def withdraw_receipt(db: Session, *, row: Receipt, by: Person, now: datetime) -> None:
    """Withdraw what was recorded by mistake: it counts nowhere, and the trail keeps it.

    Refused as `require_open`, `has_reversals`.
    """
    require_open(db, row, by, now)
    if reversed_of(db, row.id):
        raise Refused("has_reversals")

    row.withdrawn_at, row.withdrawn_by_id = now, by.id
    _withdraw_returned(db, row, by, now)
    after = {"lead_id": row.lead_id, "amount": row.amount, "currency": row.currency}
    record(db, "receipt.withdrawn", row, by=by, at=now, after=after)


def _withdraw_returned(db: Session, row: Receipt, by: Person, now: datetime) -> None:
    """Withdraw the claim that was returned: without its receipt nobody could claim it again."""
    returned = select(Claim).where(Claim.receipt_id == row.id, Claim.state == ClaimState.RETURNED)
    for claim in db.scalars(returned):
        claim.state = ClaimState.WITHDRAWN
        note(db, claim, Step.WITHDRAW, by=by, now=now, text=WITHDRAWN_WITH_RECEIPT)


def require_open(db: Session, row: Receipt, by: Person, now: datetime) -> None:
    """Refuse who may not change the receipt, and any change of one that does not stand; hold it.

    Refused as `not_yours`, `receipt_withdrawn`, `receipt_is_claimed`.
    """
    require_change(db, _lead(db, row), by, now)
    lock_row(db, Receipt, row.id)
    db.refresh(row)
    if row.withdrawn_at:
        raise Refused("receipt_withdrawn")
    # PROJECTS 8: never edited after recognition; what is before the recogniser stays as it is
    stands = Claim.state.in_((ClaimState.CLAIMED, ClaimState.RECOGNISED))
    if db.scalar(select(Claim.id).where(Claim.receipt_id == row.id, stands).limit(1)) is not None:
        raise Refused("receipt_is_claimed")


def keep_missing_rates(db: Session, *, by: Person | None, now: datetime) -> None:
    """Keep the rates of receipts that had none, now that more rates are known (PROJECTS 8)."""
    waiting = select(Receipt).where(
        Receipt.counted_amount.is_(None), Receipt.withdrawn_at.is_(None)
    )
    for row in db.scalars(waiting.order_by(Receipt.id)).all():
        _keep_rates(db, row)
        if row.counted_amount is None:
            continue
        after = {
            "lead_id": row.lead_id,
            "rate": row.rate,
            "dollar_rate": row.dollar_rate,
            "counted_amount": row.counted_amount,
        }
        record(db, "receipt.rate_kept", row, by=by, at=now, after=after)


def reversed_of(db: Session, receipt_id: int) -> Decimal:
    """What was taken back of a receipt so far, as a positive amount."""
    query = select(func.sum(Receipt.amount)).where(
        Receipt.reverses_id == receipt_id, Receipt.withdrawn_at.is_(None)
    )
    return -(db.scalar(query) or Decimal(0))


def _created(lead_id: int, ref: str, by: Person | None, now: datetime) -> dict[str, object]:
    return {
        "ref": ref.strip() or new_ref("R", civil_date(now)),
        "lead_id": lead_id,
        "entered_at": now,
        "entered_by_id": by.id if by else None,
    }


def _checked(db: Session, data: ReceiptData, now: datetime) -> dict[str, object]:
    """The columns of a receipt, once `check_receipt` allows it."""
    check_receipt(db, data, civil_date(now))
    return {
        "arrived_on": data.arrived_on,
        "amount": data.amount,
        "currency": data.currency,
        "form_id": data.form_id,
        "payer": data.payer.strip(),
        "account_tail": data.account_tail.strip() or None,
        "note": data.note.strip() or None,
    }


def check_receipt(db: Session, data: ReceiptData, on: date) -> None:
    """Refuse what no receipt may say, all at once.

    As `in_future`, `bad_amount`, `unknown_form`, `required`, `bad_account_tail`.
    """
    refuse(_faults(db, data, on))


def _faults(db: Session, data: ReceiptData, on: date) -> Iterator[Refused]:
    if data.arrived_on > on:
        yield Refused("in_future", field="arrived_on", on=data.arrived_on)
    if not is_plausible(data.amount) or data.amount <= 0:
        yield Refused("bad_amount", field="amount")
    if db.get(ReceiptForm, data.form_id) is None:
        yield Refused("unknown_form", field="form_id")
    if not data.payer.strip():
        yield Refused("required", field="payer")
    tail = data.account_tail.strip()
    if tail and not (tail.isascii() and tail.isdecimal() and len(tail) == TAIL):
        yield Refused("bad_account_tail", field="account_tail")


def check_reversal_of(db: Session, row: Receipt, data: ReversalData, on: date) -> None:
    """Refuse what no reversal of the receipt may say, all at once.

    As `required`, `in_future`, `before_receipt`, `bad_amount`, `more_than_received`.
    """
    refuse(_reversal_faults(db, row, data, on))


def _reversal_faults(db: Session, row: Receipt, data: ReversalData, on: date) -> Iterator[Refused]:
    if not data.reason.strip():
        yield Refused("required", field="reason")
    if data.arrived_on > on:
        yield Refused("in_future", field="arrived_on", on=data.arrived_on)
    elif data.arrived_on < row.arrived_on:
        yield Refused("before_receipt", field="arrived_on", on=row.arrived_on)
    if not is_plausible(data.amount):
        yield Refused("bad_amount", field="amount")
    else:
        before = reversed_of(db, row.id)
        yield from refusals_of(
            lambda: check_reversal(data.amount, received=row.amount, reversed_before=before)
        )


def _keep_rates(db: Session, row: Receipt) -> None:
    """Keep the rates of the date of arrival, as far as the line needs some and they are known."""
    line: Line = db.get_one(ReceiptForm, row.form_id).line
    on = row.arrived_on
    if row.reverses_id is not None:
        on = db.get_one(Receipt, row.reverses_id).arrived_on
    needed = rates_needed(line, row.currency)
    known = {currency: rate_of(db, currency, on) for currency in needed}

    row.rate = row.dollar_rate = row.counted_amount = None
    if all(known.values()):
        row.rate = known.get(row.currency)
        row.dollar_rate = known.get(Currency.USD) if line is Line.FOREIGN else None
        row.counted_amount = counted_amount(row.amount, row.rate, row.dollar_rate)


def _added(db: Session, row: Receipt, by: Person | None, now: datetime) -> Receipt:
    ref = row.ref
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:  # the same form came twice at once
        if known := _of_ref(db, ref, by):
            return known
        raise

    names = ("lead_id", "form_id", "arrived_on", "amount", "currency", "payer", "reverses_id")
    values = {name: getattr(row, name) for name in (*names, "reason", "rate", "dollar_rate")}
    after = {name: value for name, value in values.items() if value is not None}
    action = "receipt.reversed" if row.reverses_id else "receipt.added"
    record(db, action, row, by=by, at=now, after=after)
    return row


def _reach_first_money(
    db: Session, lead: Lead, row: Receipt, *, by: Person | None, now: datetime
) -> None:
    of_lead = select(Milestone.id).where(Milestone.lead_id == lead.id)
    reached = of_lead.where(Milestone.kind == FIRST_MONEY)
    # no milestone lies before the lead was entered: such money has come to an older project
    if row.arrived_on >= lead.entered_on and db.scalar(reached.limit(1)) is None:
        reach(db, lead=lead, kind=FIRST_MONEY, on=row.arrived_on, by=by, now=now)


def _lead(db: Session, row: Receipt) -> Lead:
    return db.get_one(Lead, row.lead_id)


def _of_ref(db: Session, ref: str, by: Person | None) -> Receipt | None:
    row = db.scalar(select(Receipt).where(Receipt.ref == ref.strip())) if ref.strip() else None
    if row and row.entered_by_id != (by.id if by else None):
        raise Refused("duplicate_ref", field="ref", ref=ref)
    return row
