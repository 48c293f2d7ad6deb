"""The list of receipts as a file."""

from collections.abc import Iterable, Mapping
from datetime import date

from flask import Response

from crm.base.sheets import Format
from crm.results.receipt_columns import RECEIPT_COLUMNS, row_of
from crm.results.receipt_models import Receipt
from crm.results.standing import Standing
from crm.web.downloads import Export, exported


def file_of(
    receipts: Iterable[Receipt],
    stand: Mapping[int, Standing],
    files: Mapping[int, int],
    on: date,
    form: Format,
) -> Response:
    """The receipts as a file with Chinese headings; formulas are made harmless.

    `files`: how many attachments a receipt has.
    """
    export = Export("到位资金", f"receipts-{on:%Y%m%d}", RECEIPT_COLUMNS, form)
    rows = (row_of(row, stand[row.id], files.get(row.id)) for row in receipts)
    return exported(export, rows)
