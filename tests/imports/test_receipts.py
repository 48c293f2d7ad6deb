"""Receipts from a file: whole or not at all, and read again from an export (PROJECTS 8)."""

import csv
import io
from datetime import date

import pytest
from sqlalchemy import select

from crm.base.sheets import Format, SheetRefused, write_sheet
from crm.leads.merged import Merge, Mergeable
from crm.leads.rules import Secrecy
from crm.people.permissions import viewer
from crm.results.receipt_columns import RECEIPT_COLUMNS, receipt_rows
from crm.results.receipt_forms import plant_forms
from crm.results.receipt_imports import import_receipts
from crm.results.receipt_models import Receipt
from tests.conftest import NOW
from tests.factories import make_lead, make_person

HEAD = [
    "编号",
    "线索编号",
    "到账日期",
    "金额",
    "币种",
    "到资形式",
    "付款方",
    "冲减的编号",
    "冲减原因",
]
ON = date(2026, 7, 15)


@pytest.fixture
def lead(db):
    plant_forms(db, NOW)
    return make_lead(db, "研发中心", entered_on=date(2026, 1, 5))


def content(*rows):
    file = io.StringIO()
    csv.writer(file).writerows([HEAD, *rows])
    return file.getvalue().encode()


def arrived(lead, ref="R1", amount="3000"):
    return [ref, lead.ref, "2026-07-10", amount, "元", "实缴注册资本", "云海科技", "", ""]


def taken_back(lead, amount="-500"):
    row = arrived(lead, "R2", amount)
    return [*row[:7], "R1", "多汇退回"]


def amounts(db):
    return db.scalars(select(Receipt.amount).order_by(Receipt.ref)).all()


def test_a_file_is_imported_once_with_its_reversal(db, lead):
    file = content(taken_back(lead), arrived(lead))

    first = import_receipts(db, content=file, by=None, now=NOW)
    second = import_receipts(db, content=file, by=None, now=NOW)

    assert (first.added, second.unchanged) == (2, 2)
    assert amounts(db) == [3000, -500]
    assert "receipt_is_unlikely" in {notice.why.code for notice in first.notices}


def test_the_number_of_a_merged_lead_leads_to_its_survivor(db, lead):
    values = {"subject": Mergeable.LEAD, "survivor_id": lead.id, "merged_id": lead.id + 1}
    merge = Merge(**values, merged_ref="L-GONE", merged_name="旧项目", journal="{}", merged_at=NOW)
    merge.merged_by_id = make_person(db).id
    db.add(merge)
    row = arrived(lead)
    row[1] = "L-GONE"

    first = import_receipts(db, content=content(row), by=None, now=NOW)
    second = import_receipts(db, content=content(row), by=None, now=NOW)

    assert (first.added, second.unchanged) == (1, 1)
    assert db.scalars(select(Receipt.lead_id)).all() == [lead.id]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({1: "L0"}, "unknown_lead_ref"),
        ({3: "三千"}, "bad_amount"),
        ({5: "支票"}, "unknown_form"),
        ({2: "2026-07-16"}, "in_future"),
        ({7: "R9", 8: "退回"}, "unknown_receipt_ref"),
    ],
)
def test_one_wrong_row_refuses_the_whole_file(db, lead, wrong, code):
    row = arrived(lead, "R3")
    for place, text in wrong.items():
        row[place] = text

    with pytest.raises(SheetRefused) as refused, db.begin_nested():
        import_receipts(db, content=content(arrived(lead), row), by=None, now=NOW)

    assert [problem.why.code for problem in refused.value.problems] == [code]
    assert amounts(db) == []


def test_a_reversal_larger_than_its_receipt_is_refused(db, lead):
    file = content(arrived(lead), taken_back(lead, "-3001"))

    with pytest.raises(SheetRefused, match="more_than_received"):
        import_receipts(db, content=file, by=None, now=NOW)


@pytest.mark.parametrize("in_chinese", [True, False])
def test_an_exported_file_is_read_again(db, lead, in_chinese):
    import_receipts(db, content=content(arrived(lead), taken_back(lead)), by=None, now=NOW)
    rows = receipt_rows(db, None, ON)
    file = write_sheet(RECEIPT_COLUMNS, rows, in_chinese=in_chinese, form=Format.XLSX)

    assert import_receipts(db, content=file, by=None, now=NOW).unchanged == 2


def test_an_export_for_somebody_leaves_hidden_leads_out(db, lead):
    hidden = make_lead(db, "机密", secrecy=Secrecy.RESTRICTED, code_name="代号一")
    import_receipts(db, content=content(arrived(lead)), by=None, now=NOW)
    hidden.entered_on = date(2026, 1, 5)
    import_receipts(db, content=content(arrived(hidden, "R5")), by=None, now=NOW)
    stranger = viewer(db, make_person(db, "stranger"), ON)

    assert [row["ref"] for row in receipt_rows(db, stranger, ON)] == ["R1"]


def test_whoever_imports_records_for_leads_of_theirs_and_learns_of_no_hidden_one(db, lead):
    hidden = make_lead(db, "机密", secrecy=Secrecy.RESTRICTED, code_name="代号一")
    import_receipts(db, content=content(arrived(hidden, "R8")), by=None, now=NOW)
    zhao = make_person(db, "zhao")
    own = make_lead(db, "自己的项目", entered_on=date(2026, 1, 5), entered_by_id=zhao.id)
    of_hidden = [*arrived(own, "R7")[:7], "R8", "退回"]
    rows = (arrived(hidden), arrived(lead), of_hidden, arrived(own, "R8"), arrived(own, "R9"))

    with pytest.raises(SheetRefused) as refused, db.begin_nested():
        import_receipts(db, content=content(*rows), by=zhao, now=NOW)

    assert {problem.line: problem.why.code for problem in refused.value.problems} == {
        2: "unknown_lead_ref",
        3: "not_yours",
        4: "unknown_receipt_ref",
        5: "duplicate_ref",
    }
    assert import_receipts(db, content=content(rows[-1]), by=zhao, now=NOW).added == 1
    assert db.scalar(select(Receipt.entered_by_id).where(Receipt.ref == "R9")) == zhao.id
