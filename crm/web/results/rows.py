"""Claims as pages show them: rows of lists, facts, history, and the part of a lead's page."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from flask import url_for

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.money import format_amount
from crm.base.value_class import value_class
from crm.results.basis import Basis
from crm.results.models import Claim, ClaimEntry
from crm.results.queries import WaitingClaim
from crm.results.rules import OPEN, ClaimKind, ClaimState, Span, is_carried, needs_recognition
from crm.results.workflow import Step, Wait

TONES = {
    ClaimState.CLAIMED: "info",
    ClaimState.RETURNED: "warn",
    ClaimState.RECOGNISED: "good",
    ClaimState.WITHDRAWN: "neutral",
    ClaimState.REVOKED: "bad",
}
# of what counts or not, as figures and lists show it
BASIS_TONES = {
    Basis.RECOGNISED: "good",
    Basis.WAITING: "info",
    Basis.RETURNED: "warn",
    Basis.REVOKED: "bad",
}
MARKS = {
    Step.CLAIM: ("send", "info"),
    Step.CLAIM_AGAIN: ("send", "info"),
    Step.RECOGNISE: ("circle-check", "good"),
    Step.RETURN: ("arrow-back-up", "warn"),
    Step.WITHDRAW: ("ban", "neutral"),
    Step.REVOKE: ("ban", "bad"),
    Step.FLAG: ("alert-triangle", "warn"),
    Step.CONFIRM: ("circle-check", "info"),
    Step.NAME: ("user-cog", "neutral"),
}


@value_class
class ClaimLine:
    """A claim in a list, with its evidence."""

    id: int
    title: str
    company: str
    kind: str
    state: str
    tone: str
    amount: str
    counts_on: str
    evidence: str
    unit: str
    claimant: str
    due: str
    is_overdue: bool
    wait: Wait | None = None


@value_class
class EntryLine:
    """A step of a claim's history."""

    icon: str
    tone: str
    title: str
    when: str
    texts: tuple[str, ...]


@value_class
class LeadClaim:
    """One kind of result on a lead's page: how it counts, and what may be done."""

    kind: ClaimKind
    label: str
    note: str
    tone: str
    url: str | None  # of its claim
    claim_url: str | None  # where it may be claimed


def claim_line(claim: Claim, on: date, waiting: WaitingClaim | None = None) -> ClaimLine:
    """The row of a claim; its parties are loaded."""
    due = waiting.due_on if waiting else None
    return ClaimLine(
        id=claim.id,
        title=claim.lead.title,
        company=claim.lead.company.name,
        kind=claim.result,
        state=claim.state.label,
        tone=TONES[claim.state],
        amount=amount_text(claim),
        counts_on=formatting.dated(claim.counts_on, on),
        evidence=evidence_text(claim, on),
        unit=claim.unit.name if claim.unit else "",
        claimant=claim.claimed_by.name,
        due=formatting.dated(due, on) if due else "",
        is_overdue=bool(waiting and waiting.is_overdue),
        wait=waiting.wait if waiting else None,
    )


def amount_text(claim: Claim) -> str:
    """The claimed amount, and what was recognised of it where that is less."""
    if claim.amount is None or claim.currency is None:
        return ""
    claimed = format_amount(claim.signed(claim.amount), claim.currency)
    if claim.recognised_amount in (None, claim.amount):
        return claimed
    recognised = format_amount(claim.signed(claim.recognised_amount), claim.currency)
    return f"{recognised}（申报 {claimed}）"


def _other_amount(claim: Claim) -> str:
    """The amount of the lead where another is claimed, for whoever decides."""
    lead = claim.lead
    if claim.amount is None or (lead.amount, lead.currency) == (claim.amount, claim.currency):
        return ""
    return format_amount(lead.amount, lead.currency) if lead.amount and lead.currency else "未填"


def evidence_text(claim: Claim, on: date) -> str:
    """The document that stands as evidence; without one its files do."""
    if claim.document_on is None:
        return "见附件"
    issued = formatting.dated(claim.document_on, on)
    return f"{claim.document_number}，{claim.document_issuer}，{issued}"


def facts_of(claim: Claim, recogniser: str, due_on: date | None, on: date) -> list[tuple[str, str]]:
    """What a claim's page says of it."""
    counted = formatting.dated(claim.counts_on, on)
    is_money = claim.receipt_id is not None
    carried = "（上年结转）" if is_carried(claim.reached_on, claim.counts_on) else ""
    facts = [
        ("企业", claim.lead.company.name),
        (_reached_label(claim), formatting.dated(claim.reached_on, on)),
        ("计入日期", counted + carried),
        ("数额", amount_text(claim)),
        ("少于申报数额的原因", claim.less_reason or ""),
        ("线索所记数额", "" if is_money else _other_amount(claim)),
        ("协议类型", claim.agreement.label if claim.agreement else ""),
        ("责任单位", claim.unit.name if claim.unit else ""),
        ("佐证", evidence_text(claim, on)),
        ("申报人", f"{claim.claimed_by.name}（第 {claim.round} 次申报）"),
        ("认定单位", recogniser),
        ("认定人", claim.named.name if claim.named else ""),
        ("办理期限", formatting.dated(due_on, on) if due_on else ""),
        ("认定依据", claim.basis or ""),
        ("声明", "申报人已声明无不予认定情形"),
        ("说明", claim.note or ""),
    ]
    return [(label, text) for label, text in facts if text]


def _reached_label(claim: Claim) -> str:
    if claim.receipt_id is None:
        return "到达节点"
    return "冲减日期" if claim.takes_back else "到账日期"


def entry_lines(entries: Iterable[ClaimEntry], on: date) -> list[EntryLine]:
    """The history, the latest step first."""
    lines = []
    for entry in reversed([*entries]):
        icon, tone = MARKS[entry.step]
        who = entry.by.name if entry.by else "系统"
        rounds = f"（第 {entry.round} 次）" if entry.step is Step.CLAIM_AGAIN else ""
        when = formatting.dated(civil_date(entry.at), on)
        texts = (entry.text,) if entry.text else ()
        lines.append(EntryLine(icon, tone, f"{who} {entry.step.label}{rounds}", when, texts))
    return lines


def lead_claims(
    lead_id: int,
    reached: Mapping[ClaimKind, date],
    claims: Sequence[Claim],
    spans: Collection[Span],
    *,
    can_claim: bool,
) -> list[LeadClaim]:
    """The results of a lead in their order, each with its last claim that stands."""
    return [
        _lead_claim(lead_id, kind, reached_on, claims, spans, can_claim=can_claim)
        for kind, reached_on in reached.items()
        # what counts as registered and is off needs no line of its own but for the usual ones
        if needs_recognition(spans, kind, reached_on) or kind in (claim.kind for claim in claims)
    ]


def _lead_claim(  # noqa: PLR0913 - a line rests on that much
    lead_id: int,
    kind: ClaimKind,
    reached_on: date,
    claims: Sequence[Claim],
    spans: Collection[Span],
    *,
    can_claim: bool,
) -> LeadClaim:
    own = [claim for claim in claims if claim.kind is kind]
    standing = [claim for claim in own if claim.state in (*OPEN, ClaimState.RECOGNISED)]
    last = next(reversed(standing or own), None)
    may_claim = can_claim and not standing and needs_recognition(spans, kind, reached_on)

    return LeadClaim(
        kind=kind,
        label=kind.label,
        note=last.state.label if last else "未申报",
        tone=TONES[last.state] if last else "neutral",
        url=url_for("claims.show", claim_id=last.id) if last else None,
        claim_url=url_for("claims.new", lead_id=lead_id, kind=kind.value) if may_claim else None,
    )
