"""Receipts as rows of a file, which the import reads again (PROJECTS 8)."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.sheets import Column
from crm.files.queries import counts_of
from crm.people.permissions import Viewer
from crm.results.receipt_models import Receipt, ReceiptFile
from crm.results.receipt_queries import PARTIES, standings, visible_receipts
from crm.results.standing import Standing

RECEIPT_COLUMNS = (
    Column("ref", "编号", "R260710-7KQ2MX"),
    Column("lead", "线索编号", "L260105-4BQ7WD"),
    Column("title", "项目", shown_only=True),
    Column("company", "企业", shown_only=True),
    Column("arrived_on", "到账日期", "2026-07-10"),
    Column("amount", "金额", "30000000"),
    Column("currency", "币种", "元", optional=True),
    Column("form", "到资形式", "实缴注册资本"),
    Column("line", "计入", shown_only=True),
    Column("payer", "付款方", "云海科技有限公司"),
    Column("account_tail", "收款账号后四位", "6688", optional=True),
    Column("note", "说明", "", optional=True),
    Column("reverses", "冲减的编号", "", optional=True),
    Column("reason", "冲减原因", "", optional=True),
    Column("counted_amount", "计入金额", shown_only=True),
    Column("rate", "汇率", shown_only=True),
    Column("dollar_rate", "美元汇率", shown_only=True),
    Column("entered_on", "登记日期", shown_only=True),
    Column("state", "认定状态", shown_only=True),
    Column("counts_in", "计入月份", shown_only=True),
    Column("mark", "补报或结转", shown_only=True),
    Column("recognised", "已认定金额", shown_only=True),
    Column("files", "佐证材料份数", shown_only=True),
)


def receipt_rows(db: Session, viewer: Viewer | None, on: date) -> list[dict[str, object]]:
    """The receipts that the viewer may see; without a viewer all of them."""
    kept = select(Receipt).where(Receipt.withdrawn_at.is_(None))
    query = visible_receipts(viewer, on) if viewer else kept
    query = query.options(*PARTIES)
    # a receipt before what takes back of it
    ordered = query.order_by(Receipt.arrived_on, Receipt.id)
    rows = db.scalars(ordered).all()
    stand = standings(db, rows)
    files = counts_of(db, ReceiptFile, [row.id for row in rows])
    return [row_of(row, stand[row.id], files.get(row.id)) for row in rows]


def row_of(row: Receipt, stands: Standing, files: int | None) -> dict[str, object]:
    """The cells of a receipt; its parties and what it reverses are loaded.

    `files`: how many attachments it has.
    """
    return {
        "ref": row.ref,
        "lead": row.lead.ref,
        "title": row.lead.title,
        "company": row.lead.company.name,
        "arrived_on": row.arrived_on,
        "amount": row.amount,
        "currency": row.currency,
        "form": row.form.name,
        "line": row.form.line,
        "payer": row.payer,
        "account_tail": row.account_tail,
        "note": row.note,
        "reverses": row.reverses.ref if row.reverses else None,
        "reason": row.reason,
        "counted_amount": row.counted_amount,
        "rate": row.rate,
        "dollar_rate": row.dollar_rate,
        "entered_on": civil_date(row.entered_at),
        "state": stands.basis,
        "counts_in": f"{stands.on:%Y-%m}",
        "mark": stands.mark or None,
        "recognised": stands.recognised,
        "files": files,
    }
