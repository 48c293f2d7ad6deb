"""Receipts as pages show them: rows of lists, facts, and sums by month, unit, industry, form."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from flask import url_for

from crm.base import formatting
from crm.base.money import Currency, format_amount
from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.catalog import industry_name
from crm.results.basis import Basis
from crm.results.money import MoneyFact, MoneySum, sums, total
from crm.results.receipt_forms import FormRow
from crm.results.receipt_models import Receipt
from crm.results.receipt_rules import Line
from crm.results.standing import Standing
from crm.web.results.rows import BASIS_TONES

LACKS_RATE = "待补汇率"
LISTED = tuple(basis for basis in Basis if basis is not Basis.OTHER_YEAR)
GROUPS = {"month": "按月", "unit": "按单位", "industry": "按产业", "form": "按形式"}


@value_class
class ReceiptLine:
    """A receipt in a list."""

    id: int
    lead_id: int
    title: str
    company: str
    on: str
    amount: str
    counted: str  # in the currency of its line, where that is another
    form: str
    line: str
    payer: str
    is_reversal: bool
    lacks_rate: bool


@value_class
class ListedReceipt:
    """A receipt in the list of all, with how it stands."""

    line: ReceiptLine
    state: str
    tone: str
    claim_url: str | None
    month: str  # in which it counts
    mark: str
    recognised: str  # where less than the whole of it counts


@value_class
class SumLine:
    """What is registered in a month, in a unit, in an industry or in a form, and what counts."""

    name: str
    domestic: str
    recognised_domestic: str
    foreign: str
    recognised_foreign: str
    without_rate: int


def receipt_line(row: Receipt, on: date) -> ReceiptLine:
    """The row of a receipt; its parties are loaded."""
    line = row.form.line
    return ReceiptLine(
        id=row.id,
        lead_id=row.lead_id,
        title=row.lead.title,
        company=row.lead.company.name,
        on=formatting.dated(row.arrived_on, on),
        amount=format_amount(row.amount, row.currency),
        counted=counted_text(row),
        form=row.form.name,
        line=line.label,
        payer=row.payer,
        is_reversal=row.reverses_id is not None,
        lacks_rate=row.counted_amount is None,
    )


def listed_receipt(row: Receipt, stands: Standing, on: date) -> ListedReceipt:
    """The row of the list; the receipt's parties are loaded."""
    claim_id, is_part = stands.claim_id, stands.recognised not in (0, row.counted_amount)
    return ListedReceipt(
        line=receipt_line(row, on),
        state=stands.basis.label,
        tone=BASIS_TONES.get(stands.basis, "neutral"),
        claim_url=url_for("claims.show", claim_id=claim_id) if claim_id else None,
        month=f"{stands.on.year}年{stands.on.month}月",
        mark=stands.mark,
        recognised=money_text(stands.recognised, row.form.line) if is_part else "",
    )


def counted_text(row: Receipt) -> str:
    """What it counts in its line, where the line is in another currency; its form is loaded."""
    line = row.form.line
    if row.counted_amount is None or row.currency is line.currency:
        return ""
    return format_amount(row.counted_amount, line.currency)


def facts_of(row: Receipt, on: date) -> list[tuple[str, str]]:
    """What a receipt's page says of it."""
    counted, line = counted_text(row), row.form.line
    entered_by = row.entered_by.name if row.entered_by else "批量导入"
    rates = [
        f"1{currency.label} = {rate:f}元"
        for currency, rate in ((row.currency, row.rate), (Currency.USD, row.dollar_rate))
        if rate is not None
    ]
    facts = [
        ("企业", row.lead.company.name),
        (
            "到账日期" if row.reverses_id is None else "冲减日期",
            formatting.dated(row.arrived_on, on),
        ),
        ("到资形式", row.form.name),
        ("计入", line.label),
        ("折合", f"{counted}（{'，'.join(rates)}）" if counted else ""),
        ("付款方", row.payer),
        ("收款账号后四位", row.account_tail or ""),
        ("冲减原因", row.reason or ""),
        ("说明", row.note or ""),
        ("登记", f"{entered_by}，{formatting.moment(row.entered_at, on)}"),
        ("编号", row.ref),
    ]
    return [(label, text) for label, text in facts if text]


def sum_lines(
    facts: Sequence[MoneyFact],
    by: str,
    units: Mapping[int, str],
    forms: Iterable[FormRow],
) -> list[SumLine]:
    """The sums by month, unit, industry or form, in their own order; the total comes last."""
    names = {row.id: row.name for row in forms}
    keys = {
        "month": lambda fact: f"{fact.on:%Y-%m}",
        "unit": lambda fact: fact.unit_id,
        "industry": lambda fact: fact.industry,
        "form": lambda fact: fact.form_id,
    }
    found: dict[object, MoneySum] = sums(facts, keys[by])
    orders: dict[str, list[object]] = {
        "unit": [*units, None],
        "form": [*names],
        "month": sorted(found, key=str),
    }
    order = orders.get(by) or sorted(found, key=lambda key: -found[key].domestic)
    lines = [_sum_line(_name(key, by, units, names), found[key]) for key in order if key in found]
    return [*lines, _sum_line("合计", total(facts))]


def _name(key: object, by: str, units: Mapping[int, str], forms: Mapping[int, str]) -> str:
    match by:
        case "month":
            year, month = str(key).split("-")
            return f"{year}年{int(month)}月"
        case "unit":
            return units[key] if isinstance(key, int) else "未明确责任单位"
        case "form":
            return forms[key] if isinstance(key, int) else ""
        case _:
            return industry_name(db.session, str(key)) if key else "未填写产业"


def _sum_line(name: str, found: MoneySum) -> SumLine:
    return SumLine(
        name,
        money_text(found.domestic, Line.DOMESTIC),
        money_text(found.recognised_domestic, Line.DOMESTIC),
        money_text(found.foreign, Line.FOREIGN),
        money_text(found.recognised_foreign, Line.FOREIGN),
        found.without_rate,
    )


def money_text(amount: Decimal, line: Line) -> str:
    """An amount of a line; a dash where nothing arrived."""
    return format_amount(amount, line.currency) if amount else "—"


def standing_text(found: MoneySum) -> str:
    """What is registered and what of it counts: 「登记 3,000万元，已认定 2,000万元」."""
    registered, counted = _amounts(found.of), _amounts(found.recognised)
    parts = [f"登记 {registered}", f"已认定 {counted}" if counted else "尚未认定"]
    lacking = f"{LACKS_RATE} {found.without_rate} 笔" if found.without_rate else ""
    return "，".join(filter(None, (*(parts if registered else ()), lacking)))


def _amounts(of: Callable[[Line], Decimal]) -> str:
    return "、".join(format_amount(of(line), line.currency) for line in Line if of(line))
