"""What a claim and the decision on it say, and what is refused of them (PROJECTS 7)."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from crm.base.errors import Refused, refusals_of, refuse
from crm.base.money import Currency
from crm.base.value_class import value_class
from crm.leads.amounts import is_plausible
from crm.leads.rules import Agreement
from crm.results.models import Claim
from crm.results.rules import ClaimKind, check_counts_on, check_recognised
from crm.results.workflow import Step


@value_class(kw_only=True)
class ClaimData:
    """What a claim says."""

    counts_on: date
    amount: Decimal | None
    currency: Currency | None
    document_number: str = ""
    document_issuer: str = ""
    document_on: date | None = None
    has_file: bool = False  # that stands as evidence
    is_declared: bool  # that no exclusion applies
    agreement: Agreement | None = None
    note: str = ""


@value_class(kw_only=True)
class Decision:
    """What somebody decides on a claim; a step takes of it what it needs."""

    amount: Decimal | None = None
    currency: Currency | None = None  # None: that of the claim
    less_reason: str = ""
    basis: str = ""
    exclusion: str = ""  # a case of the list, where the reason is one
    reason: str = ""


def check_claim(
    data: ClaimData, kind: ClaimKind, *, reached_on: date, claimed_on: date, today: date
) -> None:
    """Refuse a wrong date, and as `check_evidence`: all at once, each at its field."""
    refuse(
        refusals_of(
            lambda: check_counts_on(
                data.counts_on, reached_on=reached_on, claimed_on=claimed_on, today=today
            ),
            lambda: check_evidence(data, kind, today),
        )
    )


def check_evidence(data: ClaimData, kind: ClaimKind, today: date) -> None:
    """Refuse a claim without amount, document or declaration: all at once, each at its field."""
    refuse(_faults(data, kind, today))


def _faults(data: ClaimData, kind: ClaimKind, today: date) -> Iterator[Refused]:
    if kind is not ClaimKind.VALID_LEAD and data.amount is None:
        yield Refused("required", field="amount")
    if data.amount is not None and (not is_plausible(data.amount) or data.amount <= 0):
        yield Refused("bad_amount", field="amount")

    yield from _document_faults(data, today)

    # PROJECTS 1: a framework agreement or a letter of intent makes no signing
    if kind is ClaimKind.SIGNED and data.agreement is not Agreement.FORMAL:
        yield Refused("agreement_is_no_signing", field="agreement")
    if not data.is_declared:
        yield Refused("declaration_needed", field="is_declared")


def _document_faults(data: ClaimData, today: date) -> Iterator[Refused]:
    """A claim has evidence, and a document is named with all its parts (PROJECTS 7)."""
    parts = {
        "document_number": data.document_number.strip(),
        "document_issuer": data.document_issuer.strip(),
        "document_on": data.document_on,
    }
    if any(parts.values()):
        yield from (Refused("required", field=name) for name, part in parts.items() if not part)
    elif not data.has_file:
        yield Refused("evidence_needed", field="document_number")
    if data.document_on and data.document_on > today:
        yield Refused("in_future", field="document_on", on=data.document_on)


def check_recognition(row: Claim, decision: Decision) -> None:
    """Refuse a recognition without basis, or of an amount that is not claimed: all at once."""
    refuse(
        refusals_of(lambda: _check_basis(decision), lambda: _check_recognised_amount(row, decision))
    )


def check_decision(row: Claim, step: Step, decision: Decision) -> None:
    """Refuse a decision that lacks what its step needs."""
    if step is Step.RECOGNISE:
        check_recognition(row, decision)
    elif step in {Step.RETURN, Step.REVOKE}:
        why_in_words(decision)


def _check_basis(decision: Decision) -> None:
    if not decision.basis.strip():
        raise Refused("required", field="basis")


def _check_recognised_amount(row: Claim, decision: Decision) -> None:
    if decision.amount is not None and not is_plausible(decision.amount):
        raise Refused("bad_amount", field="amount")
    if row.currency and decision.currency not in (None, row.currency):
        raise Refused("other_currency", field="amount", currency=row.currency.label)
    check_recognised(decision.amount, row.amount, decision.less_reason.strip() or None)


def why_in_words(decision: Decision) -> str:
    """The exclusion that applies, or other words; refused where there are none."""
    words = "；".join(filter(None, (decision.exclusion.strip(), decision.reason.strip())))
    if not words:
        raise Refused("no_ground", field="reason")
    return words
