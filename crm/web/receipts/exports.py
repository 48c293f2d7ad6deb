"""The list of receipts as a file."""

from collections.abc import Iterable

from crm.base.sheets import Format, write_sheet
from crm.results.receipt_columns import RECEIPT_COLUMNS, row_of
from crm.results.receipt_models import Receipt


def sheet_of(receipts: Iterable[Receipt], form: Format) -> bytes:
    """The receipts as a file with Chinese headings; formulas are made harmless."""
    rows = (row_of(receipt) for receipt in receipts)
    return write_sheet(RECEIPT_COLUMNS, rows, in_chinese=True, form=form)
