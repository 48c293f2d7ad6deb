"""Small files of each kind, made as programs make them, and some that only pretend."""

import io
import struct
import zipfile
import zlib

import pikepdf
from PIL import Image

ORIENTATION = 0x0112
ROTATED = 6  # the camera was held upright: the picture is turned by 90 degrees


def pdf(*, password="", text="A"):
    document = pikepdf.new()
    document.add_blank_page()
    document.docinfo["/Title"] = text
    content = io.BytesIO()
    locked = pikepdf.Encryption(user=password, owner="owner") if password else None
    document.save(content, encryption=locked or False, deterministic_id=not locked)
    return content.getvalue()


def pdf_that_forbids_printing():
    document = pikepdf.new()
    document.add_blank_page()
    content = io.BytesIO()
    document.save(content, encryption=pikepdf.Encryption(user="", owner="owner"))
    return content.getvalue()


def picture(form="JPEG", *, size=(40, 20), mode="RGB", colour="red", turned=False):
    drawn = Image.new(mode, size, colour)
    exif = Image.Exif()
    if turned:
        exif[ORIENTATION] = ROTATED
    exif.get_ifd(0x8825)[1] = "N"  # where it was taken
    content = io.BytesIO()
    drawn.save(content, form, exif=exif)
    return content.getvalue()


def huge_png(width, height):
    """A picture that says of itself that it is huge, in a few bytes."""
    small = picture("PNG")
    place = small.index(b"IHDR")
    header = b"IHDR" + struct.pack(">2L", width, height) + small[place + 12 : place + 17]
    return small[:place] + header + struct.pack(">L", zlib.crc32(header)) + small[place + 21 :]


def package(*names, content=b"<x/>"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return packed.getvalue()


def docx(*more):
    return package("[Content_Types].xml", "word/document.xml", *more)


def xlsx(*more):
    return package("[Content_Types].xml", "xl/workbook.xml", *more)


def ofd(*more):
    return package("OFD.xml", "Doc_0/Document.xml", *more)


def locked_package():
    """A package whose parts are marked as encrypted."""
    content = bytearray(docx())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(signature)
        while place >= 0:
            content[place + flags] |= 1
            place = content.find(signature, place + 4)
    return bytes(content)


def ole(*streams):
    """A container with streams of 4,096 bytes; each is a name, or a name and its first bytes."""
    named = [stream if isinstance(stream, tuple) else (stream, b"") for stream in streams]
    free, end, fat_sector = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    directory = (len(named) + 4) // 4
    fat = [fat_sector, *range(2, directory + 1), end]
    first = len(fat)
    starts = []
    for _ in named:
        starts.append(len(fat))
        fat += [*range(len(fat) + 1, len(fat) + 8), end]
    assert first + 8 * len(named) == len(fat) <= 128

    entries = [_entry("Root Entry", 5, child=1 if named else free, start=end, size=0)]
    for number, (name, _) in enumerate(named, 1):
        right = number + 1 if number < len(named) else free
        entries.append(_entry(name, 2, right=right, start=starts[number - 1], size=4096))
    entries += [bytes(128)] * (directory * 4 - len(entries))

    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<9L", 0, 1, 1, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109L", 0, *[free] * 108)
    table = struct.pack("<128L", *fat, *[free] * (128 - len(fat)))
    return (
        header + table + b"".join(entries) + b"".join(text.ljust(4096, b"\0") for _, text in named)
    )


def _entry(name, kind, *, child=0xFFFFFFFF, right=0xFFFFFFFF, start=0, size=0):
    letters = name.encode("utf-16-le")
    entry = letters.ljust(64, b"\0") + struct.pack("<H2B", len(letters) + 2, kind, 1)
    entry += struct.pack("<3L", 0xFFFFFFFF, right, child) + bytes(36)
    return entry + struct.pack("<LQ", start, size)


WORD = ("WordDocument", struct.pack("<6H", 0xA5EC, 0, 0, 0, 0, 0))
LOCKED_WORD = ("WordDocument", struct.pack("<6H", 0xA5EC, 0, 0, 0, 0, 0x0100))
SHEETS = ("Workbook", struct.pack("<2H", 0x0809, 2) + b"\0\6")
LOCKED_SHEETS = ("Workbook", struct.pack("<2H", 0x0809, 2) + b"\0\6" + struct.pack("<2H", 0x2F, 0))
