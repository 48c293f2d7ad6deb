"""What happens to a claim: claimed, returned, recognised, withdrawn, revoked (PROJECTS 7)."""

from collections.abc import Callable, Mapping
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.leads.models import Lead, LeadRole, Milestone
from crm.leads.permissions import may_see as may_see_lead
from crm.leads.permissions import role_held_on
from crm.leads.progress import state_agreement
from crm.leads.rules import LeadRoleKind
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.results.contents import (
    ClaimData,
    Decision,
    check_claim,
    check_recognition,
    why_in_words,
)
from crm.results.deciders import may_be_named
from crm.results.models import Claim, ClaimEntry
from crm.results.permissions import claim_scope, may_claim, require_step
from crm.results.rules import (
    MILESTONE_OF,
    OPEN,
    ClaimKind,
    ClaimState,
    needs_recognition,
)
from crm.results.settings import spans
from crm.results.workflow import CLAIM_WORKFLOW, Step


def reached_dates(db: Session, lead_id: int) -> dict[ClaimKind, date]:
    """When the lead first reached what may be claimed, by kind."""
    query = select(Milestone.kind, func.min(Milestone.reached_on)).where(
        Milestone.lead_id == lead_id, Milestone.kind.in_(MILESTONE_OF.values())
    )
    dates = dict(db.execute(query.group_by(Milestone.kind)).all())
    return {kind: dates[step] for kind, step in MILESTONE_OF.items() if step in dates}


def claim(  # noqa: PLR0913 - a claim has that many parts
    db: Session, *, lead: Lead, kind: ClaimKind, data: ClaimData, by: Person, now: datetime
) -> Claim:
    """Claim that a project has reached something.

    Refused as `not_yours`, `not_reached`, `counts_as_registered`, `already_claimed`,
    `already_recognised` and as `check_claim` is.
    """
    on = civil_date(now)
    scope = claim_scope(db, viewer(db, by, on), on)
    if not (may_see_lead(db, scope.viewer, lead.id, on) and may_claim(db, scope, lead.id)):
        raise Refused("not_yours")

    db.execute(select(Lead.id).where(Lead.id == lead.id).with_for_update())
    reached_on = reached_dates(db, lead.id).get(kind)
    if reached_on is None:
        raise Refused("not_reached", field="kind", kind=kind.label)
    if not needs_recognition(spans(db), kind, reached_on):
        raise Refused("counts_as_registered", field="kind")
    _refuse_second(db, lead, kind)
    check_claim(data, kind, reached_on=reached_on, claimed_on=on, today=on)
    if kind is ClaimKind.SIGNED:
        state_agreement(db, lead=lead, by=by, now=now)

    row = Claim(
        lead_id=lead.id,
        kind=kind,
        state=ClaimState.CLAIMED,
        round=1,
        first_claimed_at=now,
        claimed_at=now,
        claimed_by_id=by.id,
        unit_id=unit_on(db, lead.id, data.counts_on) or unit_on(db, lead.id, on),
        **claim_columns(data, reached_on),
    )
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:  # of two who claim at once, one
        raise Refused("already_claimed", field="kind") from None

    note(db, row, Step.CLAIM, by=by, now=now, text=claim_words(data))
    return row


def claim_again(
    db: Session, *, row: Claim, data: ClaimData, by: Person, now: datetime
) -> ClaimEntry:
    """Claim once more what was returned; the date of the first claim decides the year."""
    require_step(db, claim=row, step=Step.CLAIM_AGAIN, by=by, now=now)
    reached_on = reached_dates(db, row.lead_id).get(row.kind)
    if reached_on is None:
        raise Refused("not_reached", field="kind", kind=row.kind.label)

    first = civil_date(row.first_claimed_at)
    check_claim(data, row.kind, reached_on=reached_on, claimed_on=first, today=civil_date(now))
    for name, value in claim_columns(data, reached_on).items():
        setattr(row, name, value)
    row.state, row.round = ClaimState.CLAIMED, row.round + 1
    row.claimed_at, row.claimed_by_id = now, by.id
    row.decided_at = row.decided_by_id = None

    return note(db, row, Step.CLAIM_AGAIN, by=by, now=now, text=claim_words(data))


def take_step(  # noqa: PLR0913 - a step has that many parts
    db: Session,
    *,
    row: Claim,
    step: Step,
    by: Person,
    now: datetime,
    decision: Decision | None = None,
) -> ClaimEntry:
    """Decide on a claim, withdraw it, or confirm it after a review.

    Refused as `require_step`, and as `required` where words are missing.
    """
    require_step(db, claim=row, step=step, by=by, now=now)
    decision = decision or Decision()

    text = _CHANGES[step](row, decision)
    row.state = CLAIM_WORKFLOW.of(step).target or row.state
    if step in (Step.RECOGNISE, Step.RETURN, Step.REVOKE):
        row.decided_at, row.decided_by_id = now, by.id

    return note(db, row, step, by=by, now=now, text=text)


def name_decider(
    db: Session, *, row: Claim, person_id: int | None, by: Person, now: datetime
) -> ClaimEntry:
    """Name who decides on a claim on which nobody of the recognising unit may (PROJECTS 0)."""
    require_step(db, claim=row, step=Step.NAME, by=by, now=now)
    person = next((who for who in may_be_named(db, row, now) if who.id == person_id), None)
    if person is None:
        raise Refused("no_such_person", field="person_id")

    row.named_id = person.id
    return note(db, row, Step.NAME, by=by, now=now, text=person.name)


def note(  # noqa: PLR0913 - an entry has that many parts
    db: Session, row: Claim, step: Step, *, by: Person | None, now: datetime, text: str | None
) -> ClaimEntry:
    """Add to the claim's history and to the audit trail."""
    entry = ClaimEntry(
        claim_id=row.id,
        step=step,
        state=row.state,
        round=row.round,
        text=text,
        at=now,
        by_id=by.id if by else None,
    )
    db.add(entry)
    db.flush()  # the keys of mails contain the entry's id
    after = {
        "lead_id": row.lead_id,
        "kind": row.kind,
        "round": row.round,
        "counts_on": row.counts_on,
        "claimed_amount": row.amount,
        "recognised_amount": row.recognised_amount,
        "currency": row.currency,
        "text": text,
    }
    record(db, f"claim.{step.value}", row, by=by, at=now, after=after)
    return entry


def claim_columns(data: ClaimData, reached_on: date) -> dict[str, object]:
    return {
        "reached_on": reached_on,
        "counts_on": data.counts_on,
        "amount": data.amount,
        "currency": data.currency if data.amount is not None else None,
        "agreement": data.agreement,
        "document_number": data.document_number.strip() or None,
        "document_issuer": data.document_issuer.strip() or None,
        "document_on": data.document_on,
        "note": data.note.strip() or None,
    }


def claim_words(data: ClaimData) -> str:
    words, on = "佐证：附件", data.document_on
    if on:
        issued = f"{on.year}年{on.month}月{on.day}日"
        words = f"佐证：{data.document_number.strip()}，{data.document_issuer.strip()}，{issued}"
    return f"{words}\n{data.note.strip()}".strip()


def _refuse_second(db: Session, lead: Lead, kind: ClaimKind) -> None:
    """Refuse a second claim with a sentence; the unique indexes stop two at once."""
    states = set(
        db.scalars(select(Claim.state).where(Claim.lead_id == lead.id, Claim.kind == kind))
    )
    if ClaimState.RECOGNISED in states:
        raise Refused("already_recognised", field="kind")
    if not states.isdisjoint(OPEN):
        raise Refused("already_claimed", field="kind")


def unit_on(db: Session, lead_id: int, on: date) -> int | None:
    query = select(LeadRole.unit_id).where(
        LeadRole.lead_id == lead_id,
        LeadRole.role == LeadRoleKind.RESPONSIBLE_UNIT,
        role_held_on(on),
    )
    return db.scalar(query.order_by(LeadRole.from_on.desc(), LeadRole.id.desc()).limit(1))


def _recognise(row: Claim, decision: Decision) -> str:
    check_recognition(row, decision)
    reason = decision.less_reason.strip() or None

    is_less = decision.amount != row.amount
    row.recognised_amount, row.basis = decision.amount, decision.basis.strip()
    row.less_reason = reason if is_less else None
    less = f"\n少于申报数额：{reason}" if is_less else ""
    return f"依据：{row.basis}{less}"


def _why(_row: Claim, decision: Decision) -> str:
    return why_in_words(decision)


def _withdraw(_row: Claim, decision: Decision) -> str:
    return decision.reason.strip()


def _revoke(row: Claim, decision: Decision) -> str:
    words = _why(row, decision)
    row.flag = row.flagged_at = None
    return words


def _confirm(row: Claim, decision: Decision) -> str:
    row.flag = row.flagged_at = None
    return decision.reason.strip()


_CHANGES: Mapping[Step, Callable[[Claim, Decision], str]] = {
    Step.RECOGNISE: _recognise,
    Step.RETURN: _why,
    Step.WITHDRAW: _withdraw,
    Step.REVOKE: _revoke,
    Step.CONFIRM: _confirm,
}


def returned_for(db: Session, row: Claim | None) -> str:
    """Why the claim was returned last; empty where it does not wait for being made again."""
    if row is None or row.state is not ClaimState.RETURNED:
        return ""
    returned = select(ClaimEntry.text).where(
        ClaimEntry.claim_id == row.id, ClaimEntry.step == Step.RETURN
    )
    return db.scalar(returned.order_by(ClaimEntry.id.desc()).limit(1)) or ""


def last_entry(db: Session, row: Claim) -> ClaimEntry:
    """The latest step of the claim's history."""
    query = select(ClaimEntry).where(ClaimEntry.claim_id == row.id)
    return db.scalars(query.order_by(ClaimEntry.id.desc()).limit(1)).one()
