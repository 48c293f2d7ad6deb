"""Claims and receipts as the API tells of them, with their leads (PROJECTS 7, 8)."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal

from pydantic import Field

from crm.api.call import Call
from crm.api.models import LeadNamed, Money, PersonShown, Shown
from crm.base.money import Currency
from crm.leads.models import Lead
from crm.leads.queries import refs_by_id
from crm.leads.redaction import LeadLabel, lead_labels
from crm.leads.rules import Agreement, Secrecy
from crm.quotas.queries import working_calendar
from crm.results.models import Claim
from crm.results.permissions import ClaimScope, situation_of
from crm.results.queries import due_on
from crm.results.rules import ClaimKind, ClaimState, Flag
from crm.results.workflow import CLAIM_WORKFLOW, Step


class ClaimListed(Shown):
    id: int
    lead: LeadNamed
    kind: ClaimKind
    takes_back: bool = Field(description="是否为到位资金的冲减，其数额为负")
    receipt_id: int | None = Field(description="到位资金的到账记录")
    state: ClaimState
    round: int = Field(description="第几次申报")
    reached_on: date = Field(description="节点的日期")
    counts_on: date = Field(description="计入的日期")
    amount: Money | None = Field(description="申报数额")
    recognised: Money | None = Field(description="认定数额")
    unit: str | None = Field(description="责任单位的编号")
    claimed_by: PersonShown
    first_claimed_at: datetime
    claimed_at: datetime
    decided_by: PersonShown | None
    decided_at: datetime | None
    due_on: date | None = Field(description="认定期限；无待认定的为空")
    flag: Flag | None = Field(description="待复核的原因")


class ClaimEntryShown(Shown):
    """A step of its history, with how it stood afterwards."""

    step: Step
    state: ClaimState
    round: int
    text: str | None
    at: datetime
    by: PersonShown | None = Field(description="系统登记的为空")


class ClaimShown(ClaimListed):
    agreement: Agreement | None
    document_number: str | None = Field(description="文件名称或文号；为空的以附件为佐证")
    document_issuer: str | None
    document_on: date | None
    note: str | None
    basis: str | None = Field(description="认定依据")
    less_reason: str | None = Field(description="少于申报数额的原因")
    named: PersonShown | None = Field(description="指定的认定人")
    entries: list[ClaimEntryShown] = Field(description="办理过程，按时间先后")
    steps: list[Step] = Field(description="本人目前可以办理的步骤")


SAME = ("id", "kind", "takes_back", "receipt_id", "state", "round", "reached_on", "counts_on")
DATED = ("first_claimed_at", "claimed_at", "decided_at", "flag")
OF_PAGE = ("agreement", "document_number", "document_issuer", "document_on", "note", "basis")


def show_claims(call: Call, claims: Sequence[Claim]) -> list[ClaimListed]:
    """The claims of a list; their parties are loaded."""
    named = leads_named(call, [claim.lead for claim in claims])
    return [ClaimListed(**_columns(call, claim, named)) for claim in claims]


def show_claim(call: Call, scope: ClaimScope, claim: Claim) -> ClaimShown:
    """One claim with all that its page shows."""
    steps = CLAIM_WORKFLOW.steps(situation_of(call.db, scope, claim, call.now))
    return ClaimShown(
        **_columns(call, claim, leads_named(call, [claim.lead])),
        **{name: getattr(claim, name) for name in (*OF_PAGE, "less_reason")},
        named=PersonShown.or_none(claim.named),
        entries=[
            ClaimEntryShown(
                **{name: getattr(entry, name) for name in ("step", "state", "round", "text", "at")},
                by=PersonShown.or_none(entry.by),
            )
            for entry in claim.entries
        ],
        steps=[step for step in Step if step in steps],
    )


def _columns(call: Call, claim: Claim, named: dict[int, LeadNamed]) -> dict[str, object]:
    return {name: getattr(claim, name) for name in (*SAME, *DATED)} | {
        "lead": named[claim.lead_id],
        "amount": _signed(claim, claim.amount, claim.currency),
        "recognised": _signed(claim, claim.recognised_amount, claim.currency),
        "unit": claim.unit.code if claim.unit else None,
        "claimed_by": PersonShown.of(claim.claimed_by),
        "decided_by": PersonShown.or_none(claim.decided_by),
        "due_on": due_on(claim, working_calendar(call.db)),
    }


def _signed(claim: Claim, amount: Decimal | None, currency: Currency | None) -> Money | None:
    return Money.of(claim.signed(amount) if amount is not None else None, currency)


def leads_named(call: Call, leads: Collection[Lead]) -> dict[int, LeadNamed]:
    """The leads of records that the caller sees, their companies loaded.

    A recogniser reads of what a claim is, though they do not see the lead (PROJECTS 7).
    """
    labels = lead_labels(call.db, call.viewer, {lead.id for lead in leads}, call.on)
    refs = refs_by_id(call.db, {label.id for label in labels.values() if label.id})
    return {lead.id: LeadNamed.of(_titled(lead, labels[lead.id]), refs) for lead in leads}


def _titled(lead: Lead, label: LeadLabel) -> LeadLabel:
    if label.id is not None or lead.secrecy is Secrecy.RESTRICTED:
        return label
    return LeadLabel(None, lead.title, lead.company.name, lead.secrecy)
