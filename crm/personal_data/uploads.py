"""Uploaded tables that are not imported yet, and the reports on their rows (PIPL)."""

import zlib
from collections.abc import Collection
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from crm.imports.models import ImportFile, ImportRun
from crm.imports.tables import kept_bytes
from crm.personal_data.rules import PersonalData, text_without

ENCODINGS = ("utf-8", "gb18030", "utf-16-le")


def erase_uploads(db: Session, data: PersonalData) -> int:
    """Drop the files that have the values, and replace them in reports and in names of files.

    Returns how many imports had any.
    Such an import is over: its table is uploaded again without the person.
    """
    found = 0
    named = (ImportRun.file_name.contains(word, autoescape=True) for word in data.words)
    kept = or_(ImportFile.content.is_not(None), ImportFile.report.is_not(None), *named)
    for run in db.scalars(select(ImportRun).outerjoin(ImportRun.file).where(kept)):
        before = (run.content, run.report, run.file_name)
        run.file_name = text_without(run.file_name, data)
        if run.content and _has(_unpacked(run.content), data.words):
            run.content = None
        if run.report:
            report = zlib.decompress(run.report).decode()
            if (left := text_without(report, data)) != report:
                run.report = zlib.compress(left.encode())
        found += before != (run.content, run.report, run.file_name)
    return found


def _unpacked(content: bytes) -> bytes:
    """The bytes of the file or its table, of a workbook those of its parts; uploads are bounded."""
    file = kept_bytes(content)
    try:
        with ZipFile(BytesIO(file)) as parts:
            return b"\n".join(parts.read(name) for name in parts.namelist())
    except BadZipFile:
        return file


def _has(file: bytes, words: Collection[str]) -> bool:
    return any(word.encode(encoding) in file for word in words for encoding in ENCODINGS)
