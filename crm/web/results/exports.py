"""The list of claims as a file (PROJECTS 2)."""

from datetime import date
from decimal import Decimal

from flask.typing import ResponseReturnValue

from crm.base.clock import civil_date
from crm.base.sheets import Column, Format
from crm.extensions import db
from crm.files.queries import counts_of
from crm.results.models import Claim, ClaimFile
from crm.results.queries import all_claims
from crm.results.rules import ClaimKind, ClaimState
from crm.web.downloads import FILE_COUNT, Export, exported
from crm.web.forms import enum_arg
from crm.web.results.rows import evidence_text
from crm.web.results.scope import my_scope
from crm.web.transaction import today

COLUMNS = (
    Column("title", "项目"),
    Column("company", "企业"),
    Column("kind", "事项"),
    Column("state", "状态"),
    Column("amount", "申报数额"),
    Column("recognised", "认定数额"),
    Column("currency", "币种"),
    Column("reached_on", "到达日期"),
    Column("counts_on", "计入日期"),
    Column("evidence", "佐证"),
    Column("unit", "责任单位"),
    Column("claimant", "申报人"),
    Column("claimed_on", "申报日期"),
    Column("files", FILE_COUNT),
)


def export(suffix: str) -> ResponseReturnValue:
    """All claims that the address asks for."""
    kind, state = enum_arg("kind", ClaimKind), enum_arg("state", ClaimState)
    claims = all_claims(db.session, my_scope(), kind=kind, state=state)
    files = counts_of(db.session, ClaimFile, [claim.id for claim in claims])

    rows = [_row(claim, today()) | {"files": files.get(claim.id)} for claim in claims]
    file = Export("认定申报", f"claims-{today():%Y%m%d}", COLUMNS, Format(suffix))
    return exported(file, rows)


def _row(claim: Claim, on: date) -> dict[str, object]:
    return {
        "title": claim.lead.title,
        "company": claim.lead.company.name,
        "kind": claim.result,
        "state": claim.state,
        "amount": _signed(claim, claim.amount),
        "recognised": _signed(claim, claim.recognised_amount),
        "currency": claim.currency,
        "reached_on": claim.reached_on,
        "counts_on": claim.counts_on,
        "evidence": evidence_text(claim, on),
        "unit": claim.unit.name if claim.unit else None,
        "claimant": claim.claimed_by.name,
        "claimed_on": civil_date(claim.claimed_at),
    }


def _signed(claim: Claim, amount: Decimal | None) -> Decimal | None:
    return None if amount is None else claim.signed(amount)
