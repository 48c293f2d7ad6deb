"""A digest as it is kept: sections of lines and tables, in words.

The mail and the page are both made of it, so they never differ, and no figure is computed again.
"""

from dataclasses import replace
from functools import cache

from pydantic import TypeAdapter

from crm.base.value_class import value_class


@value_class
class Link:
    """Words that may lead to a page of this site."""

    text: str
    url: str = ""  # the path; empty where the reader has no page of it


@value_class
class Line:
    """A line of a list: what it is at the left, its value at the right, notes below."""

    text: str
    url: str = ""
    about: str = ""  # in small letters after the text, as the unit of a person
    links: tuple[Link, ...] = ()  # after the text, as the projects of a visit
    when: str = ""  # before the text
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()  # further notes, for which the mail has no room
    value: str = ""
    value_notes: tuple[str, ...] = ()
    status: str = ""  # a status in words, shown as a badge
    tone: str = ""  # the code of that status, for its colour
    percent: int | None = None  # the length of a bar, drawn on the page alone


@value_class
class Cell:
    """A cell of a table."""

    text: str
    url: str = ""
    note: str = ""
    tone: str = ""


@value_class
class Row:
    """A row of a table; of a group's head only the first cell."""

    cells: tuple[Cell, ...]
    is_total: bool = False
    is_group: bool = False
    in_mail: bool = True


@value_class
class Table:
    """A table whose first column names the rows."""

    head: tuple[str, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    mail_columns: int = 0  # the mail shows so many, from the left; 0: all


@value_class
class Section:
    """A part of the digest with its heading; `key` is its anchor on the page."""

    key: str
    title: str
    hint: str = ""  # a few words beside the title
    note: str = ""
    lines: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()
    remarks: tuple[Link, ...] = ()  # below: what is left out, explanations of columns
    links: tuple[Link, ...] = ()  # what the reader may do about it
    more: int = 0  # lines that were not even kept
    in_mail: int | None = None  # of its lines the mail shows so many; None: all of it; 0: a link


@value_class
class Brief:
    """What the mail shows of a section, and how many of its lines it leaves out."""

    section: Section
    left_out: int


@value_class
class Document:
    """A digest of one recipient, in full."""

    paper: str  # 周报 or 月报
    zone_name: str
    period: str  # its code
    period_name: str
    dates: str
    made_at: str
    reader: str
    unit_names: tuple[str, ...]
    basis: str  # 初步数, 定稿 or 按现有记录回溯
    is_late: bool
    summary: tuple[tuple[str, str], ...]  # the first screen: a label and a sentence each
    sections: tuple[Section, ...]

    @property
    def path(self) -> str:
        """The address of its page, of whoever is signed in."""
        return f"/digests/{self.period}"

    @property
    def briefs(self) -> tuple[Brief, ...]:
        """The sections of which the mail shows something."""
        return tuple(_brief(section) for section in self.sections if section.in_mail != 0)

    @property
    def folded(self) -> tuple[Section, ...]:
        """The sections to which the mail only links."""
        return tuple(section for section in self.sections if section.in_mail == 0)

    def as_json(self) -> str:
        """The document as it is kept."""
        return _adapter().dump_json(self, exclude_defaults=True).decode()


def document_of(text: str) -> Document:
    """The document that was kept as this JSON."""
    return _adapter().validate_json(text)


@cache
def _adapter() -> TypeAdapter[Document]:
    return TypeAdapter(Document)


def _brief(section: Section) -> Brief:
    if section.tables:
        return _brief_tables(section)
    if section.in_mail is None or len(section.lines) <= section.in_mail:
        return Brief(section, 0)

    shown = section.lines[: section.in_mail]
    return Brief(replace(section, lines=shown), len(section.lines) - len(shown) + section.more)


def _brief_tables(section: Section) -> Brief:
    shown = tuple(
        replace(table, rows=tuple(row for row in table.rows if row.in_mail))
        for table in section.tables
    )
    left_out = sum(not row.in_mail for table in section.tables for row in table.rows)
    return Brief(replace(section, tables=shown), left_out)
