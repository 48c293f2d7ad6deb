"""Pages of money that arrived: the list with its sums, and its file (PROJECTS 8)."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.sheets import Format
from crm.base.value_class import value_class
from crm.extensions import db
from crm.files.queries import counts_of
from crm.leads.catalog import industries
from crm.people.queries import unit_tree, units_below
from crm.results.basis import Basis
from crm.results.money import MoneyFact
from crm.results.receipt_filter import ReceiptFilter
from crm.results.receipt_forms import form_rows
from crm.results.receipt_models import ReceiptFile
from crm.results.receipt_queries import all_receipts, money_facts, receipts_page, standings
from crm.results.receipt_rules import Line
from crm.web.auth import my_view
from crm.web.forms import LARGEST_ID, YEARS, at_cursor, enum_arg, query_arguments, row_id, text_arg
from crm.web.receipts import changing, claims
from crm.web.receipts.exports import file_of
from crm.web.receipts.files import FILES
from crm.web.receipts.rows import GROUPS, LISTED, listed_receipt, sum_lines
from crm.web.targets.months_part import money_apart, month_name
from crm.web.transaction import today

bp = Blueprint("receipts", __name__)
RECEIPT = f"/receipts/<int(max={LARGEST_ID}):receipt_id>"
FILES.register(bp, RECEIPT)
bp.get(RECEIPT)(changing.show)
bp.get(f"/leads/<int(max={LARGEST_ID}):lead_id>/receipts/new")(changing.new)
bp.post(f"/leads/<int(max={LARGEST_ID}):lead_id>/receipts/new")(changing.create)
bp.get(f"{RECEIPT}/edit")(changing.edit)
bp.post(f"{RECEIPT}/edit")(changing.change)
bp.get(f"{RECEIPT}/reverse")(changing.new_reversal)
bp.post(f"{RECEIPT}/reverse")(changing.reverse)
bp.post(f"{RECEIPT}/withdraw")(changing.withdraw)
bp.get(f"{RECEIPT}/claim")(claims.claim_form)
bp.post(f"{RECEIPT}/claim")(claims.claim)


@bp.get("/receipts")
def listing() -> ResponseReturnValue:
    """The receipts of a year or month that I may see, with their sums."""
    me, on, asked = my_view(), today(), _filter()
    group = text_arg("by") if text_arg("by") in GROUPS else "month"
    found = receipts_page(db.session, me, on, by=asked, cursor=request.args.get("at"))
    units = {node.unit.id: node.unit.name for node in unit_tree(db.session)}
    facts = money_facts(db.session, asked, viewer=me, on=on)
    stand = standings(db.session, found.items)

    return render_template(
        "receipts/list.html",
        rows=[listed_receipt(row, stand[row.id], on) for row in found.items],
        sums=sum_lines(facts, group, units, form_rows(db.session)) if facts else [],
        tabs=_tabs(group),
        newer=at_cursor(found.newer),
        older=at_cursor(found.older),
        is_narrow=asked.is_narrow,
        apart=_apart(asked, facts) if group == "month" else None,
        **_choices(asked),
    )


@value_class
class Apart:
    """Why sums of months differ from the board of targets; the viewer may open that."""

    months: str  # that are told otherwise there, as they were frozen
    has_other_scope: bool  # the units' own receipts are others than those that are listed
    url: str


def _apart(asked: ReceiptFilter, facts: Sequence[MoneyFact]) -> Apart | None:
    """What to say where sums of whole months are shown; None where nothing differs."""
    first, last = _dates()
    if asked.is_narrow or not my_view().oversees:
        return None

    months, money = money_apart(first.year)
    names = "、".join(month_name(month) for month in months if first <= month.first <= last)
    own = {row.receipt_id for row in money if first <= row.counted_on <= last}
    has_other_scope = own != {fact.receipt_id for fact in facts if fact.amount is not None}
    url = url_for("targets.board", year=first.year, _anchor="months")
    return Apart(names, has_other_scope, url) if names or has_other_scope else None


@bp.get("/receipts/export<any('.csv', '.xlsx'):suffix>")
def export(suffix: str) -> ResponseReturnValue:
    """The list as a file: exactly what is filtered."""
    form = Format(suffix)
    rows = all_receipts(db.session, my_view(), today(), by=_filter())
    files = counts_of(db.session, ReceiptFile, [row.id for row in rows])
    return file_of(rows, standings(db.session, rows), files, today(), form)


def _filter() -> ReceiptFilter:
    first, last = _dates()
    unit_id = request.args.get("unit", type=row_id)
    known = industries(db.session)
    return ReceiptFilter(
        first=first,
        last=last,
        basis=basis if (basis := enum_arg("state", Basis)) in LISTED else None,
        line=enum_arg("line", Line),
        form_id=request.args.get("form", type=row_id),
        unit_ids=units_below(unit_tree(db.session), {unit_id}) if unit_id else None,
        industry=text_arg("industry") if text_arg("industry") in known else None,
        lacks_rate=bool(request.args.get("lacks_rate")),
    )


def _dates() -> tuple[date, date]:
    """The asked year or month; by default this year."""
    year, month = _year(), request.args.get("month", type=int)
    if month is not None and month in range(1, 13):
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    return date(year, 1, 1), date(year, 12, 31)


def _year() -> int:
    year = request.args.get("year", type=int) or today().year
    return year if year in YEARS else today().year


def _tabs(group: str) -> list[dict[str, object]]:
    kept = {name: text for name, text in query_arguments().items() if name not in ("by", "at")}
    return [
        {
            "url": url_for(".listing", by=name, **kept),  # type: ignore[arg-type]
            "label": label,
            "active": name == group,
        }
        for name, label in GROUPS.items()
    ]


def _choices(asked: ReceiptFilter) -> dict[str, object]:
    year = _year()
    lacking = {**query_arguments(), "at": None, "lacks_rate": "1"}
    exported = {**query_arguments(), "by": None, "at": None}
    years = sorted({year, *range(today().year - 4, today().year + 1)}, reverse=True)
    return {
        "years": [(each, f"{each}年") for each in years],
        "year": year,
        "months": [("", "全年"), *((month, f"{month}月") for month in range(1, 13))],
        "month": request.args.get("month", type=int) or "",
        "states": [("", "全部状态"), *((basis.value, basis.label) for basis in LISTED)],
        "state": asked.basis or "",
        "choices_of_line": [("", "到位资金和外资"), *((line.value, line.label) for line in Line)],
        "line": asked.line or "",
        "forms": [("", "全部形式"), *((row.id, row.name) for row in form_rows(db.session))],
        "form": asked.form_id or "",
        "units": [
            ("", "全部单位"),
            *((node.unit.id, node.unit.name) for node in unit_tree(db.session)),
        ],
        "unit": request.args.get("unit", type=row_id) or "",
        "industries": [("", "全部产业"), *industries(db.session).items()],
        "industry": asked.industry or "",
        "lacks_rate": asked.lacks_rate,
        "without_rate": url_for(".listing", **lacking),  # type: ignore[arg-type]
        "exports": [
            (form.name, url_for(".export", suffix=form.value, **exported))  # type: ignore[arg-type]
            for form in Format
        ],
    }
