"""Spreadsheets as tables: typed cells as the text of a CSV file, and what is none."""

import io
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from xlsxwriter import Workbook

from crm.base import workbook_parts
from crm.base.clock import at_civil
from crm.base.sheets import (
    NOTE,
    Column,
    Format,
    SheetRefused,
    read_sheet,
    write_sheet,
    write_template,
)
from crm.base.workbooks import write_workbook

COLUMNS = (Column("a", "甲", "样例"), Column("b", "乙"), Column("c", "丙", optional=True))
HEAD = ["a", "b"]
RELATIONS = "xl/_rels/workbook.xml.rels"
SHEET = "xl/worksheets/sheet1.xml"


def workbook(*rows, change=None):
    """A spreadsheet of these rows, and what else is done to it."""
    content = io.BytesIO()
    with Workbook(content, {"default_date_format": "yyyy-mm-dd hh:mm:ss"}) as book:
        sheet = book.add_worksheet()
        for at, cells in enumerate(rows):
            sheet.write_row(at, 0, cells)
        if change:
            change(book, sheet)
    return content.getvalue()


def altered(content, name, old, new):
    """The spreadsheet with one of its parts altered."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as there, zipfile.ZipFile(packed, "w", 8) as out:
        for info in there.infolist():
            data = there.read(info)
            out.writestr(info, data.replace(old, new, 1) if info.filename == name else data)
    return packed.getvalue()


def read(content):
    """The cells of each row."""
    return [(row.line, *row.cells.values()) for row in read_sheet(content, COLUMNS).rows]


def refusal(content):
    """The code, line and first fact of each problem."""
    with pytest.raises(SheetRefused) as caught:
        read_sheet(content, COLUMNS)
    return [(p.why.code, p.line, *p.why.facts.values()) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("赵某", "赵某"),
        ("  Cafe\u0301 ", "Café"),
        ("a\u202egnp\u2069", "agnp"),
        ("一\n二", "一\n二"),
        (13812345678, "13812345678"),
        (20, "20"),
        (12.5, "12.5"),
        (0.1 + 0.2, "0.3"),
        (91320000123456789, "9.13200001234568e+16"),  # its last digits are lost: seen, not guessed
        (True, "1"),
        (date(2026, 7, 1), "2026-07-01"),
        (datetime(2026, 7, 1, 9, 1, 2), "2026-07-01T09:01:02"),  # noqa: DTZ001 - as a cell holds it
        (time(9, 30), "09:30:00"),
        (timedelta(hours=30), "1 day, 6:00:00"),
        ("'=1", "=1"),  # a CSV file of ours, opened and saved as a spreadsheet
    ],
)
def test_a_typed_cell_is_the_text_of_a_csv_file(cell, text):
    form = {"num_format": "[h]:mm"} if isinstance(cell, timedelta) else {}
    content = workbook(
        HEAD,
        change=lambda book, sheet: (
            sheet.write_datetime(1, 0, cell, book.add_format(form))
            if isinstance(cell, timedelta)
            else sheet.write(1, 0, cell)
        ),
    )

    assert read(content) == [(2, text, "")]


def test_every_minute_of_a_day_is_read_to_the_second():
    first = datetime(2026, 7, 1, 0, 1)  # noqa: DTZ001 - as a cell holds it
    moments = [first + timedelta(seconds=61 * step) for step in range(1400)]

    rows = read(workbook(HEAD, *([moment] for moment in moments)))

    assert [text for _, text, _ in rows] == [moment.isoformat() for moment in moments]


def test_a_row_has_the_number_that_the_spreadsheet_shows():
    content = workbook([], ["甲", "乙"], [], ["x", "y"], ["", " "], ["z"])

    assert read(content) == [(4, "x", "y"), (6, "z", "")]


def test_of_several_sheets_the_first_in_sight_is_read():
    def change(book, sheet):
        seen = book.add_worksheet()
        seen.write_row(0, 0, HEAD)
        seen.write_row(1, 0, ["x", "y"])
        sheet.write_formula("B2", "=1/0", None, "#DIV/0!")
        sheet.hide()
        seen.activate()

    assert read(workbook(["other"], change=change)) == [(2, "x", "y")]


def notices(content):
    """What is said of a file that is taken, as codes with their facts."""
    return [(each.why.code, each.why.facts) for each in read_sheet(content, COLUMNS).notices]


def test_sheets_that_are_not_read_are_named():
    def change(book, _sheet):
        for name in ("8月", "9月", "草稿"):
            book.add_worksheet(name).write_row(0, 0, HEAD)
        book.add_worksheet("空白")
        book.get_worksheet_by_name("草稿").hide()

    assert notices(workbook(HEAD, ["x", "y"], change=change)) == [
        ("sheets_unread", {"sheets": "8月、9月"}),
        ("hidden_sheets_unread", {"sheets": "草稿"}),
    ]


def test_hidden_rows_and_columns_are_read_and_named():
    def change(_book, sheet):
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_row(3, 0)
        sheet.set_row(7, None, None, {"hidden": True})  # blank
        sheet.set_column(1, 1, None, None, {"hidden": True})
        sheet.set_column(9, 9, None, None, {"hidden": True})  # beyond the table

    content = workbook(HEAD, ["x", "y"], ["u", "v"], ["s", "t"], change=change)

    assert read(content) == [(2, "x", "y"), (3, "u", "v"), (4, "s", "t")]
    assert notices(content) == [
        ("rows_hidden", {"rows": "3、4", "count": 2}),
        ("columns_hidden", {"columns": "B"}),
    ]


def test_a_plain_workbook_has_nothing_to_note():
    assert notices(workbook(HEAD, ["x", "y"])) == []


def test_a_value_beyond_the_headed_columns_is_told_with_its_row():
    assert refusal(workbook(HEAD, ["x"], ["x", "y", "", "z"])) == [("ragged_row", 3, 4, 2)]


@pytest.mark.parametrize("written", [b"", b"<v></v>", b"<v/>"])
def test_cells_that_show_an_error_or_were_never_computed_are_not_read_as_empty(written):
    def change(_book, sheet):
        sheet.write_formula("A2", "=1/0", None, "#DIV/0!")
        sheet.write_formula("B2", '="x"', None, "x")
        sheet.write_formula("B4", '=""', None, "computed")
        sheet.write_formula("B3", "=B2", None, 7)

    content = altered(workbook(HEAD, change=change), SHEET, b"<v>7</v>", written)
    content = altered(content, SHEET, b"<v>computed</v>", b"<v></v>")

    assert refusal(content) == [("cell_without_value", 2, "A2"), ("cell_without_value", 3, "B3")]


def test_a_sheet_may_be_named_by_its_whole_path():
    content = workbook(HEAD, ["x", "y"])
    named = altered(content, RELATIONS, b'"worksheets/', b'"/xl/worksheets/')

    assert named != content
    assert read(named) == [(2, "x", "y")]


def test_merged_cells_are_refused_since_all_but_one_are_empty():
    content = workbook(HEAD, change=lambda _, sheet: sheet.merge_range("A2:A4", "x"))

    assert refusal(content) == [("workbook_merged_cells", 2, "A2")]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04 and nothing else", [("workbook_unreadable", None)]),
        (workbook(HEAD, ["x"])[:-200], [("workbook_unreadable", None)]),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), [("workbook_old_or_locked", None)]),
        (workbook(), [("file_empty", None)]),
        (workbook(["a", "d"]), [("unknown_column", 1, "d"), ("column_missing", 1, "乙（b）")]),
        (altered(workbook(HEAD), SHEET, b"<worksheet", b"<!DOCTYPE x><worksheet"),
         [("workbook_unreadable", None)]),
        (altered(workbook(HEAD), SHEET, b'r="B1"', b'r="B0"'), [("workbook_unreadable", None)]),
        (altered(workbook(HEAD, ["x"]), "xl/sharedStrings.xml", b">x<", b">_x0000_<"),
         [("control_characters", 2)]),
    ],
)  # fmt: skip
def test_what_is_no_sheet_is_refused(content, told):
    assert refusal(content) == told


def test_two_cells_far_apart_do_not_ask_for_all_that_lies_between():
    content = workbook(HEAD, change=lambda _, sheet: sheet.write("XFD1048576", "x"))

    assert refusal(content) == [("workbook_too_wide", None, "XFD1048576")]


def test_cells_that_do_not_say_where_they_are_are_counted_as_well():
    far = b'<row r="1048576"><c><v>1</v></c><c><v>1</v></c></row></sheetData>'
    content = altered(workbook(["a"]), SHEET, b"</sheetData>", far)

    assert refusal(content) == [("workbook_too_wide", None, "B1048576")]


def test_formatted_rows_without_content_are_no_content():
    content = workbook(HEAD, ["x", "y"], change=lambda _, sheet: sheet.set_row(1_048_575, 30))

    assert read(content) == [(2, "x", "y")]


def test_a_bomb_is_seen_in_the_directory():
    content = altered(workbook(HEAD), SHEET, b"</sheetData>", b"</sheetData>" + b" " * 1_000_000)

    assert refusal(content) == [("workbook_too_dense", None)]


def test_a_file_of_many_parts_or_much_text_is_refused(monkeypatch):
    content = workbook(HEAD)

    monkeypatch.setattr(workbook_parts, "MOST_PARTS", 3)
    assert refusal(content) == [("workbook_too_many_parts", None, 3)]

    monkeypatch.undo()
    monkeypatch.setattr(workbook_parts, "LARGEST_UNPACKED", 1000)
    assert refusal(content) == [("workbook_too_large", None, 0)]


def test_a_part_is_never_larger_than_the_directory_says():
    content = altered(workbook(HEAD), SHEET, b"</sheetData>", b"</sheetData>" + b" " * 50_000)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        size = package.getinfo(SHEET).file_size
    lying = content.replace(size.to_bytes(4, "little"), (900).to_bytes(4, "little"))

    assert lying != content
    assert refusal(lying) == [("workbook_unreadable", None)]


@pytest.mark.parametrize(
    "declared",
    [
        b'<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">',
        b'<!ENTITY b SYSTEM "file:///etc/hostname">',
        b'<!ENTITY b SYSTEM "http://127.0.0.1:9/secret">',
    ],
)
def test_entities_of_xml_are_never_resolved(declared):
    doctype = b"<!DOCTYPE worksheet [" + declared + b"]><worksheet"
    content = altered(workbook(HEAD, ["x", "y"]), SHEET, b"<worksheet", doctype)
    content = altered(content, SHEET, b"<v>2</v>", b"<v>&b;</v>")

    assert refusal(content) == [("workbook_unreadable", None)]


def test_a_template_reads_as_it_was_written():
    assert read(write_template(COLUMNS, Format.XLSX)) == [(2, "样例", "", "")]


def test_what_was_written_is_read_again():
    row = {
        "a": ["=1+1", "'=x", "-1", "a\n b"],
        "b": at_civil(date(2026, 7, 1)),
        "c": date(2026, 7, 1),
    }

    texts = []
    for cell in row["a"]:
        content = write_sheet(COLUMNS, [row | {"a": cell}], in_chinese=True, form=Format.XLSX)
        texts += read(content)

    assert texts == [(2, cell, "2026-07-01T00:00:00", "2026-07-01") for cell in row["a"]]


def test_numbers_are_written_as_numbers_and_text_never_as_a_formula():
    rows = [{"a": 7, "b": Decimal("12.50"), "c": "=1+1"}]

    content = write_sheet(COLUMNS, rows, in_chinese=False, form=Format.XLSX)

    with zipfile.ZipFile(io.BytesIO(content)) as package:
        sheet = package.read(SHEET).decode()
    assert "<v>7</v>" in sheet
    assert "<v>12.5</v>" in sheet
    assert "<f>" not in sheet
    assert read(content) == [(2, "7", "12.5", "=1+1")]


def test_a_number_that_a_spreadsheet_would_round_is_written_as_text():
    rows = [{"a": Decimal("12345678901234567.89"), "b": ""}]

    content = write_sheet(COLUMNS, rows, in_chinese=False, form=Format.XLSX)

    assert read(content)[0][1] == "12345678901234567.89"


@pytest.mark.parametrize("form", Format)
def test_reading_ends_at_the_note_of_who_exported_a_list(form):
    columns = [Column("name", "姓名"), Column("phone", "电话")]
    rows = [{"name": "沈", "phone": "1"}]
    content = write_sheet(columns, rows, in_chinese=True, form=form, note=f"{NOTE}沈　共 1 条")

    assert [row.cells for row in read_sheet(content, columns).rows] == rows


def test_a_sheet_is_laid_out_to_be_read_and_printed():
    head = [f"第{n}列的名称" for n in range(9)]
    content = write_workbook([head, [Decimal("1234567.5"), date(2026, 7, 15), *[""] * 7]])
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheet, book, styles = (
            parts.read(f"xl/{name}.xml").decode()
            for name in ("worksheets/sheet1", "workbook", "styles")
        )

    assert 'orientation="landscape"' in sheet
    assert 'fitToHeight="0"' in sheet
    assert 'state="frozen"' in sheet
    assert "Print_Titles" in book
    assert 'formatCode="yyyy-mm-dd"' in styles
    assert 'formatCode="#,##0.00"' in styles


def test_a_narrow_sheet_stays_upright():
    with zipfile.ZipFile(io.BytesIO(write_workbook([["名称", "数量"], ["一", 1]]))) as parts:
        assert "landscape" not in parts.read("xl/worksheets/sheet1.xml").decode()
