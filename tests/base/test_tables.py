"""A bureau's table in a sheet: its head, its rows, and which column is which."""

import io
import re
from zipfile import ZipFile

import pytest

from crm.base.open_files import open_file
from crm.base.sheets import SheetRefused
from crm.base.table_columns import cells_by_code
from crm.base.table_heads import LeftOut, table_of
from crm.visits.table_words import VOCABULARY
from tests.bureau_sheets import TITLE, bureau_rows, bureau_sheet

CODES = [
    *("number", "hours", "leader", "participants", "companies"),
    *("met", "position", "phone", "city", "minutes", "note"),
]


def table(content, name=""):
    """The table of the file's likely sheet."""
    return table_of(open_file(content).grid(name), VOCABULARY.code_of)


def csv(*lines):
    return "\n".join(lines).encode()


def test_a_head_of_two_merged_rows_is_found_below_title_and_unit():
    found = table(bureau_sheet(bureau_rows(300, ["沈若川", "魏子谦"])))

    assert found.head_lines == (3, 4)
    assert VOCABULARY.match(found.headings) == CODES
    assert (found.title, found.year, found.month) == (TITLE, 2026, 7)
    assert len(found.rows) == 300
    assert cells_by_code(found.rows[0], CODES)["phone"] == "13800000000"
    assert [why for _, why in found.left_out] == [LeftOut.TOTAL, LeftOut.FOOT, LeftOut.FOOT]


def test_merged_cells_of_rows_are_filled_and_marked():
    rows = bureau_rows(3, ["沈若川"])

    found = table(bureau_sheet(rows, merges=[(0, 2, 2, 2, "严书禾")]))

    assert [row.cells[2] for row in found.rows] == ["严书禾"] * 3
    assert [row.filled for row in found.rows] == [frozenset(), {2}, {2}]


def test_merged_ranges_that_overlap_are_refused_before_they_are_filled():
    content = bureau_sheet(bureau_rows(30, ["沈若川"]), merges=[(0, 2, 2, 2, "严书禾")])
    everything = b'<mergeCell ref="A1:K40"/>' * 3

    with pytest.raises(SheetRefused) as refused:
        open_file(with_merges(content, everything)).grid("")

    assert refused.value.problems[0].why.code == "merged_cells_overlap"


def with_merges(content, ranges):
    """The file with these ranges in the place of its own, as no spreadsheet program writes it."""
    changed = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as old, ZipFile(changed, "w") as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                data = re.sub(rb"(<mergeCells[^>]*>).*(?=</mergeCells>)", rb"\1" + ranges, data)
            new.writestr(part, data)
    return changed.getvalue()


def test_a_sheet_is_chosen_and_an_empty_one_is_none():
    content = bureau_sheet(bureau_rows(1, ["沈若川"]), sheets=("填表说明",))
    file = open_file(content)

    assert file.sheets == ("7月", "填表说明")
    assert file.likely == "7月"
    assert table(content, "填表说明") is None


def test_the_row_with_the_most_known_words_is_the_head():
    found = table(
        csv(
            "招商局接待台账（2026年度）,,,",
            "单位：招商局,,联系人：沈若川,",
            "序号,日期,拜访企业,带队人",
            "1,7月3日,云海科技,严书禾",
            "序号,日期,拜访企业,带队人",
            "2,同上,沧海智能,同上",
            "3,,,",
            "小计,,2家,",
        )
    )

    assert found.head_lines == (3,)
    assert [row.line for row in found.rows] == [4, 6]
    assert list(found.rows[1].cells) == ["2", "7月3日", "沧海智能", "严书禾"]
    assert dict(found.left_out) == {5: LeftOut.HEAD, 7: LeftOut.NUMBER, 8: LeftOut.TOTAL}
    assert (found.year, found.month) == (2026, None)


def test_a_note_in_a_column_of_notes_is_a_row():
    found = table(csv("备注,日期,拜访企业", "备注,7月3日,云海科技", "合计划,7月4日,沧海"))

    assert len(found.rows) == 2


@pytest.mark.parametrize(
    ("heading", "code"),
    [
        ("带队领导", "leader"),
        ("拜访企业（全称）", "companies"),
        ("* 起 止 时 间", "date"),
        ("我方陪同人员及职务", "participants"),
        ("走访日期\n（年月日）", "date"),
        ("联系电话（手机）", "phone"),
        ("企业注册资本（万元）", "companies"),
        ("盖章", ""),
    ],
)
def test_a_heading_is_matched_by_synonyms(heading, code):
    assert VOCABULARY.match([heading]) == [code]


def test_each_column_is_matched_once_and_the_exact_word_goes_first():
    headings = ["企业注册地", "企业名称", "日期", "填报日期"]

    assert VOCABULARY.match(headings) == ["", "companies", "date", ""]
