"""CSV files as tables: encodings, headers, rows, and what is said of those that are none."""

import pytest

from crm.base.sheets import Column, SheetRefused, read_sheet, write_template

COLUMNS = (
    Column("name", "姓名", "赵某"),
    Column("from", "任职起"),
    Column("kind", "类别", optional=True),
)


def read(content):
    """The cells of each row."""
    return [(row.line, dict(row.cells)) for row in read_sheet(content, COLUMNS).rows]


def refusal(content):
    """The code, line and first fact of each problem."""
    with pytest.raises(SheetRefused) as caught:
        read_sheet(content, COLUMNS)
    return [(p.why.code, p.line, *p.why.facts.values()) for p in caught.value.problems]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("head", ["name,from", "姓名,任职起", "Name , FROM", "姓名,from"])
def test_either_encoding_and_either_language_are_read(encoding, head):
    content = f"{head}\r\n赵某,2026-01-01\r\n".encode(encoding)

    assert read(content) == [(2, {"name": "赵某", "from": "2026-01-01"})]


@pytest.mark.parametrize(
    ("name", "encoding"), [("路之遥", "gb18030"), ("José", "utf-8"), ("路之遥", "utf-8")]
)
def test_a_name_that_is_valid_in_both_encodings_is_read_as_it_was_written(name, encoding):
    content = f"name,from\n{name},2026-01-01\n".encode(encoding)

    assert read(content)[0][1]["name"] == name


def test_a_row_has_the_line_on_which_it_begins():
    content = '姓名,任职起\n\n"赵\n某",a\n,\n钱某,b\n'.encode()

    assert [line for line, _ in read(content)] == [3, 6]


@pytest.mark.parametrize(("typed", "name"), [("Cafe\u0301", "Café"), ("a\u202egnp\u202c", "agnp")])
def test_text_comes_in_one_normal_form_and_keeps_its_direction(typed, name):
    content = f"name,from\n{typed},a\n".encode()

    assert read(content)[0][1]["name"] == name


def test_a_file_with_headers_only_has_no_rows():
    assert read("姓名,任职起\n".encode()) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", [("file_empty", None)]),
        (b"\n\r\n,\n", [("file_empty", None)]),
        (b"name,from\na,b\nc\0,d\n", [("file_has_nul", 3, 1)]),
        ("name,from\n".encode("utf-16"), [("file_is_utf16", 1)]),
        ("姓名,任职起\n赵某,a\n钱".encode() + b"\xff,b\n", [("file_undecodable", 3, 1)]),
        (b"\xef\xbb\xbfname,from\n\xff,b\n", [("file_undecodable", 2, 1)]),
        (b"name,from\na,\xff\n", [("file_undecodable", 2, 2)]),
        (b'name,from\n"a" x,b\n', [("bad_quotes", 2, 1)]),
        (b'name,from\na,b\n"c,d\ne,f\n', [("bad_quotes", 3, 1)]),
        (b'name,from\n"a,""\n",b"c,"d\n', [("bad_quotes", 2, 3)]),
        (b"name,from\na\nb,c\nd,e,f\n", [("ragged_row", 2, 1, 2), ("ragged_row", 4, 3, 2)]),
        (b"name,age,from\n", [("unknown_column", 1, "age")]),
        (b"name,,from\n", [("unknown_column", 1, "（空）")]),
        ("name,from,姓名\n".encode(), [("column_twice", 1, "name")]),
        (
            b"kind\n",
            [("column_missing", 1, "姓名（name）"), ("column_missing", 1, "任职起（from）")],
        ),
        (b"name,from\n" + b"a" * 200_000 + b",b\n", [("cell_too_large", 2)]),
        (b"x" * (10 * 1024 * 1024 + 1), [("file_too_large", None, 10)]),
        (b"name,from\n" + b"a,b\n" * 50_001, [("too_many_rows", 50_002, 50_000)]),
    ],
    ids=lambda value: value[0][0] if isinstance(value, list) else "",
)
def test_a_file_that_is_no_table_is_told_with_its_line(content, told):
    assert refusal(content) == told


def test_a_template_is_read_again():
    assert read(write_template(COLUMNS)) == [(2, {"name": "赵某", "from": "", "kind": ""})]
