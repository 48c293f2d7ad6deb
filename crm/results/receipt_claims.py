"""Claims to money, each by its receipt; the receipt is not changed from then on (PROJECTS 7, 8)."""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.leads.permissions import may_see as may_see_lead
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.quotas.queries import working_calendar
from crm.results.contents import ClaimData, check_evidence
from crm.results.models import Claim, ClaimEntry
from crm.results.permissions import claim_scope, may_claim, require_step
from crm.results.receipt_models import Receipt
from crm.results.receipt_rules import Counting, counting
from crm.results.rules import OPEN, ClaimKind, ClaimState, needs_recognition
from crm.results.service import claim_columns, claim_words, note, unit_on
from crm.results.settings import spans
from crm.results.workflow import Step

STANDING = frozenset({*OPEN, ClaimState.RECOGNISED})


def claim_receipt(
    db: Session, *, receipt: Receipt, data: ClaimData, by: Person, now: datetime
) -> Claim:
    """Claim that money has arrived; the month in which it counts follows from the dates.

    Refused as `not_yours`, `receipt_withdrawn`, `counts_as_registered`, `already_claimed`,
    `already_recognised`, `claimed_too_late`, and as `check_evidence` is.
    """
    on = civil_date(now)
    scope = claim_scope(db, viewer(db, by, on), on)
    sees = may_see_lead(db, scope.viewer, receipt.lead_id, on)
    if not (sees and may_claim(db, scope, receipt.lead_id)):
        raise Refused("not_yours")

    # held: it is not changed while it is claimed
    lock_row(db, Receipt, receipt.id)
    db.refresh(receipt)
    if receipt.withdrawn_at:
        raise Refused("receipt_withdrawn")
    if not needs_recognition(spans(db), ClaimKind.MONEY, receipt.arrived_on):
        raise Refused("counts_as_registered")
    _refuse_second(db, receipt)
    check_evidence(data, ClaimKind.MONEY, on)
    counts_on = counting(receipt.arrived_on, on, working_calendar(db)).on

    row = Claim(
        lead_id=receipt.lead_id,
        receipt_id=receipt.id,
        kind=ClaimKind.MONEY,
        state=ClaimState.CLAIMED,
        round=1,
        first_claimed_at=now,
        claimed_at=now,
        claimed_by_id=by.id,
        unit_id=unit_on(db, receipt.lead_id, receipt.arrived_on),
        **claim_columns(data, receipt.arrived_on) | {"counts_on": counts_on},
    )
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:  # of two who claim at once, one
        raise Refused("already_claimed") from None

    note(db, row, Step.CLAIM, by=by, now=now, text=claim_words(data))
    return row


def claim_receipt_again(
    db: Session, *, row: Claim, data: ClaimData, by: Person, now: datetime
) -> ClaimEntry:
    """Claim once more what was returned; the date of the first claim decides the month."""
    receipt = db.get_one(Receipt, row.receipt_id)
    # held before the claim, as by whoever changes or withdraws the receipt
    lock_row(db, Receipt, receipt.id)
    db.refresh(receipt)
    require_step(db, claim=row, step=Step.CLAIM_AGAIN, by=by, now=now)
    check_evidence(data, ClaimKind.MONEY, civil_date(now))

    counts_on = counting_of(db, receipt, row, civil_date(now)).on
    values = claim_columns(data, receipt.arrived_on) | {"counts_on": counts_on}
    for name, value in values.items():
        setattr(row, name, value)
    row.state, row.round = ClaimState.CLAIMED, row.round + 1
    row.claimed_at, row.claimed_by_id = now, by.id
    row.decided_at = row.decided_by_id = None

    return note(db, row, Step.CLAIM_AGAIN, by=by, now=now, text=claim_words(data))


def counting_of(db: Session, receipt: Receipt, claim: Claim | None, on: date) -> Counting:
    """When a receipt counts: as of its first claim, or as if it were claimed on the date."""
    first = civil_date(claim.first_claimed_at) if claim else on
    return counting(receipt.arrived_on, first, working_calendar(db))


def last_claim(db: Session, receipt_id: int) -> Claim | None:
    """The claim that stands, else the last one."""
    rows = db.scalars(select(Claim).where(Claim.receipt_id == receipt_id).order_by(Claim.id)).all()
    standing = [row for row in rows if row.state in STANDING]
    return next(reversed(standing or rows), None)


def claimable(db: Session, receipt: Receipt, claim: Claim | None) -> bool:
    """Whether the receipt waits for a first claim, as far as its date and state decide."""
    is_free = claim is None or claim.state not in STANDING
    return is_free and needs_recognition(spans(db), ClaimKind.MONEY, receipt.arrived_on)


def _refuse_second(db: Session, receipt: Receipt) -> None:
    claim = last_claim(db, receipt.id)
    if claim and claim.state is ClaimState.RECOGNISED:
        raise Refused("already_recognised")
    if claim and claim.state in OPEN:
        raise Refused("already_claimed")
