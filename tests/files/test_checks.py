"""What may be kept as an attachment, decided by its content (PROJECTS 0)."""

import io
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from crm.base.errors import Refused
from crm.files.checks import LARGEST, check_file
from crm.files.kinds import FileKind
from tests.files import samples


def code_of(name, content):
    with pytest.raises(Refused) as refused:
        check_file(name, content)
    return refused.value.code


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("合同.pdf", samples.pdf(), FileKind.PDF),
        ("回单.pdf", samples.pdf_that_forbids_printing(), FileKind.PDF),
        ("发票.ofd", samples.ofd(), FileKind.OFD),
        ("现场.jpg", samples.picture(), FileKind.JPEG),
        ("截图.png", samples.picture("PNG"), FileKind.PNG),
        ("纪要.docx", samples.docx(), FileKind.DOCX),
        ("台账.xlsx", samples.xlsx(), FileKind.XLSX),
        ("纪要.wps", samples.ole(samples.WORD), FileKind.WPS),
        ("台账.et", samples.ole(samples.SHEETS), FileKind.ET),
    ],
)
def test_each_kind_is_known_by_its_content(name, content, kind):
    checked = check_file(name, content)

    assert (checked.name, checked.kind) == (name, kind)


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        ("截图.jpg", samples.picture("PNG"), "截图.png"),
        ("纪要.wps", samples.docx(), "纪要.docx"),
        ("合同.exe", samples.pdf(), "合同.exe.pdf"),
        ("合同", samples.pdf(), "合同.pdf"),
        ("合同.PDF", samples.pdf(), "合同.PDF"),
    ],
)
def test_a_file_is_named_as_what_it_is(name, content, kept):
    assert check_file(name, content).name == kept


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        (
            "a.jpg",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
            "upload_kind_unknown",
        ),
        ("a.pdf", b"<html>", "upload_kind_unknown"),
        (
            "a.docx",
            samples.package("ppt/presentation.xml", "[Content_Types].xml"),
            "upload_kind_unknown",
        ),
        ("a.zip", samples.package("a.txt"), "upload_kind_unknown"),
        ("a.wps", samples.ole(samples.SHEETS), "upload_kind_unknown"),
        ("a.doc", samples.ole(samples.WORD), "upload_old_format"),
        ("a.pdf", b"", "upload_empty"),
        ("a.pdf", b"%PDF-" + bytes(LARGEST), "upload_too_big"),
    ],
)
def test_what_is_of_no_kind_is_refused(name, content, code):
    assert code_of(name, content) == code


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", samples.pdf() + samples.package("a.txt")),
        ("a.pdf", samples.pdf()[:-1] + samples.package("a.txt")),
        ("a.wps", samples.ole(samples.WORD) + samples.package("a.txt")),
    ],
)
def test_a_file_that_is_two_at_once_is_refused(name, content):
    assert code_of(name, content) == "upload_is_two"


def test_a_picture_that_carries_an_archive_loses_it():
    kept = check_file("a.jpg", samples.picture() + samples.package("evil.txt")).content

    assert b"PK\x03\x04" not in kept


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("a.pdf", samples.pdf()),
        ("a.jpg", samples.picture(size=(400, 200))),
        ("a.png", samples.picture("PNG", size=(400, 200))),
        ("a.docx", samples.docx()),
        ("a.wps", samples.ole(samples.WORD)),
    ],
)
def test_a_truncated_file_is_refused(name, whole):
    assert code_of(name, whole[: len(whole) // 2]) == "upload_damaged"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", samples.pdf(password="secret")),
        ("a.docx", samples.locked_package()),
        ("a.docx", samples.ole("EncryptedPackage", "EncryptionInfo")),
        ("a.wps", samples.ole(samples.LOCKED_WORD)),
        ("a.et", samples.ole(samples.LOCKED_SHEETS)),
    ],
)
def test_a_file_with_a_password_is_refused(name, content):
    assert code_of(name, content) == "upload_encrypted"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.docx", samples.docx("word/vbaProject.bin")),
        ("a.xlsx", samples.xlsx("xl/macrosheets/sheet1.xml")),
        ("a.wps", samples.ole(samples.WORD, "Macros")),
        ("a.et", samples.ole(samples.SHEETS, "_VBA_PROJECT_CUR")),
    ],
)
def test_a_file_with_macros_is_refused(name, content):
    assert code_of(name, content) == "upload_has_macros"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (samples.package("OFD.xml", content=bytes(10 * 1024**2)), "upload_unpacks_too_large"),
        (samples.ofd(*(f"part-{number}" for number in range(5_000))), "upload_unpacks_too_large"),
        (samples.ofd("../../etc/passwd"), "upload_damaged"),
        (samples.ofd("C:\\a"), "upload_damaged"),
        (samples.ofd() + b"more", "upload_damaged"),
    ],
)
def test_a_hostile_archive_is_refused_by_its_directory(content, code):
    assert code_of("a.ofd", content) == code


def test_a_picture_is_kept_upright_and_without_exif():
    with Image.open(io.BytesIO(samples.picture(turned=True))) as sent:
        assert sent.getexif()
    kept = check_file("a.jpg", samples.picture(size=(40, 20), turned=True)).content

    with Image.open(io.BytesIO(kept)) as picture:
        assert picture.size == (20, 40)
        assert not picture.getexif()


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_a_picture_of_any_colours_is_kept(mode):
    colour = 120 if mode == "L" else "red"

    assert check_file("a.jpg", samples.picture(mode=mode, colour=colour)).kind is FileKind.JPEG


def test_a_picture_is_bounded_before_it_is_decoded():
    assert code_of("a.png", samples.huge_png(30_000, 30_000)) == "upload_too_many_pixels"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../../a.pdf", "upload_name_has_path"),
        ("C:\\fakepath\\a.pdf", "upload_name_has_path"),
        ("a\x00.pdf", "upload_name_hides"),
        ("a\n.pdf", "upload_name_hides"),
        ("合同\u202efdp.exe", "upload_name_hides"),
        ("a\u200b.pdf", "upload_name_hides"),
        (" .. ", "upload_unnamed"),
        ("合" * 120 + ".pdf", "upload_name_long"),
    ],
)
def test_a_name_that_hides_something_is_refused(name, code):
    assert code_of(name, samples.pdf()) == code


WHOLE = [
    ("a.pdf", samples.pdf()),
    ("a.jpg", samples.picture()),
    ("a.png", samples.picture("PNG")),
    ("a.docx", samples.docx()),
    ("a.wps", samples.ole(samples.WORD)),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # of damaged EXIF
@settings(max_examples=200)
@given(st.data(), st.sampled_from(WHOLE))
def test_whatever_is_broken_is_kept_or_refused(data, whole):
    name, content = whole
    broken = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(8, len(broken) - 1))
        broken[place] = data.draw(st.integers(0, 255))

    with suppress(Refused):
        check_file(name, bytes(broken))
