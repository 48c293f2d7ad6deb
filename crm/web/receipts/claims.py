"""A receipt is claimed, and how its claim stands (PROJECTS 7, 8)."""

from functools import partial
from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.extensions import db
from crm.results.contents import ClaimData, check_evidence
from crm.results.models import Claim
from crm.results.notifications import tell
from crm.results.permissions import may_claim
from crm.results.receipt_claims import (
    STANDING,
    claim_receipt,
    claim_receipt_again,
    claimable,
    counting_of,
    last_claim,
)
from crm.results.receipt_models import Receipt
from crm.results.rules import ClaimKind, ClaimState
from crm.results.service import last_entry, returned_for
from crm.results.settings import exclusions, kind_rows
from crm.web.auth import signed_in
from crm.web.errors import refusal_text
from crm.web.forms import is_faultless, is_saved
from crm.web.receipts.files import FILES, receipt_or_404
from crm.web.receipts.rows import receipt_line
from crm.web.results.forms import EvidenceForm
from crm.web.results.rows import TONES
from crm.web.results.scope import my_scope
from crm.web.site import site
from crm.web.transaction import moment, today


class MoneyClaimForm(EvidenceForm):
    """The evidence of a receipt; amount and month follow from the receipt."""

    def claim_data(self, receipt: Receipt, *, has_file: bool) -> ClaimData:
        """What is claimed; `has_file`: the receipt has files that stand as evidence."""
        return ClaimData(
            counts_on=receipt.arrived_on,
            amount=abs(receipt.amount),
            currency=receipt.currency,
            **self.evidence(has_file=has_file),
        )


@value_class
class Standing:
    """How the claim to a receipt stands, for its page."""

    note: str
    tone: str
    url: str | None  # of the claim
    claim_url: str | None  # where it may be claimed
    is_claimed: bool


def standing_of(row: Receipt) -> Standing:
    """The claim of a receipt, and whether I may make one."""
    claim = last_claim(db.session, row.id)
    stands = claim is not None and claim.state in STANDING
    can_claim = claimable(db.session, row, claim) and may_claim(db.session, my_scope(), row.lead_id)
    if claim is None:
        is_asked = claimable(db.session, row, None)
        note, tone = ("未申报", "neutral") if is_asked else ("按登记计入", "neutral")
    else:
        mark = counting_of(db.session, row, claim, today()).mark if stands else ""
        note = "，".join(filter(None, (claim.state.label, mark)))
        tone = TONES[claim.state]

    return Standing(
        note=note,
        tone=tone,
        url=url_for("claims.show", claim_id=claim.id) if claim else None,
        claim_url=url_for("receipts.claim_form", receipt_id=row.id) if can_claim else None,
        is_claimed=claim is not None and claim.state in (ClaimState.CLAIMED, ClaimState.RECOGNISED),
    )


def claim_form(receipt_id: int) -> ResponseReturnValue:
    """The form of a claim, or of one that was returned."""
    row, claim = _claimable_or_404(receipt_id)
    values: dict[str, Any] = {}
    if not FILES.rows(row.id):  # else the files stand as evidence
        document = "银行退款凭证" if row.reverses_id else "银行进账单"
        values = {"document_number": document, "document_on": row.arrived_on}
    if claim and claim.state is ClaimState.RETURNED:
        names = ("document_number", "document_issuer", "document_on", "note")
        values = {name: getattr(claim, name) for name in names}
    return _page(MoneyClaimForm(formdata=None, data=values), row, claim)


def claim(receipt_id: int) -> ResponseReturnValue:
    """Claim the receipt, or claim it again."""
    row, returned = _claimable_or_404(receipt_id)
    form, claims = MoneyClaimForm(), list[int]()

    data = form.claim_data(row, has_file=bool(FILES.rows(row.id)))

    def save(session: Session) -> None:
        by, now = signed_in(), moment()
        if returned and returned.state is ClaimState.RETURNED:
            made = returned
            claim_receipt_again(session, row=made, data=data, by=by, now=now)
        else:
            made = claim_receipt(session, receipt=row, data=data, by=by, now=now)
        tell(session, claim=made, entry=last_entry(session, made), site=site())
        claims.append(made.id)

    check = partial(check_evidence, data, ClaimKind.MONEY, today())
    if is_faultless(form, check) and is_saved(form, save):
        flash("已申报，请等待认定。", "success")
        return redirect(url_for("claims.show", claim_id=claims[-1]))
    # read again: a refusal rolled the transaction back
    return _page(form, *_claimable_or_404(receipt_id)), 422


def _claimable_or_404(receipt_id: int) -> tuple[Receipt, Claim | None]:
    row, _ = receipt_or_404(receipt_id)
    if not may_claim(db.session, my_scope(), row.lead_id):
        abort(404)
    return row, last_claim(db.session, receipt_id)


def _page(form: MoneyClaimForm, row: Receipt, claim: Claim | None) -> str:
    setting = kind_rows(db.session).get(ClaimKind.MONEY)
    returned = claim if claim and claim.state is ClaimState.RETURNED else None
    return render_template(
        "receipts/claim.html",
        form=form,
        receipt=row,
        line=receipt_line(row, today()),
        counting=_counting(row, returned),
        evidence=setting.evidence if setting else "",
        exclusions=exclusions(db.session),
        files=len(FILES.rows(row.id)),
        returned_for=returned_for(db.session, returned),
    )


def _counting(row: Receipt, claim: Claim | None) -> str:
    try:
        counted = counting_of(db.session, row, claim, today())
    except Refused as refusal:
        return refusal_text(refusal)
    month = f"{counted.on.year}年{counted.on.month}月"
    return f"计入{month}（{counted.mark}）" if counted.mark else f"计入{month}"
