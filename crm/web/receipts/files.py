"""A receipt as its viewer finds it, and its attachments."""

from flask import abort, url_for

from crm.base.money import format_amount
from crm.extensions import db
from crm.results.receipt_models import Receipt, ReceiptFile
from crm.results.receipt_queries import receipt_with_right
from crm.web.files.pages import FilePages, RecordWithFiles
from crm.web.results.scope import my_scope


def receipt_or_404(receipt_id: int) -> tuple[Receipt, bool]:
    """The visible receipt, and whether I may change it."""
    return receipt_with_right(db.session, my_scope(), receipt_id) or abort(404)


def changeable_or_404(receipt_id: int) -> Receipt:
    """The receipt, where I may change it."""
    row, may_change = receipt_or_404(receipt_id)
    return row if may_change else abort(404)


def of_receipt(row: Receipt, *, can_change: bool) -> RecordWithFiles:
    url = url_for("receipts.show", receipt_id=row.id, _anchor="files")
    title = f"{row.lead.title} {format_amount(row.amount, row.currency)}"
    return RecordWithFiles(row.id, title, url, may_add=can_change)


def _find(receipt_id: int) -> RecordWithFiles:
    row, may_change = receipt_or_404(receipt_id)
    return of_receipt(row, can_change=may_change)


FILES = FilePages(ReceiptFile, key="receipt_id", find=_find)
