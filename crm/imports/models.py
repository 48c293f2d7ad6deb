"""Imports of tables, what each made, and what a unit chose for its tables."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, enum_column
from crm.imports.rules import Failure, RunState
from crm.people.models import Person
from crm.visits.models import VisitBatch


class ImportRun(Base):
    """One table of a person or a command, from its upload until it can no longer be taken back."""

    __tablename__ = "import_run"
    __table_args__ = (Index(None, "made_by_id", "made_at"), Index(None, "state"))

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]  # of the table, as its address has it
    # none: a command, whose file is not kept
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"))  # of whoever imports
    file_name: Mapped[str]
    settings: Mapped[str]  # as JSON: the sheet, the columns and what holds where none says it
    state: Mapped[RunState] = mapped_column(enum_column(RunState, "state"))
    only_usable: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    total: Mapped[int] = mapped_column(default=0, server_default=text("0"))  # rows of the table
    position: Mapped[int] = mapped_column(default=0, server_default=text("0"))  # rows worked on
    added: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    changed: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    unchanged: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    refused: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    # of visits that come in several transactions; from `published_at` on everybody sees them
    batch_id: Mapped[int | None] = mapped_column(ForeignKey(VisitBatch.id))
    published_at: Mapped[datetime | None]
    # the last row of `ImportMade` whose frozen figures and last contacts are settled
    settled: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    leased_until: Mapped[datetime | None]  # by the node that works on it; else no node tries before
    # attempts since it last got further, with the one under way, and why an earlier one failed
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    failure: Mapped[Failure | None] = mapped_column(
        enum_column(Failure, "failure", is_checked=False)
    )
    finished_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    undone: Mapped[int] = mapped_column(default=0, server_default=text("0"))

    made_by: Mapped[Person | None] = relationship(lazy="raise")
    file: Mapped["ImportFile | None"] = relationship(cascade="all, delete-orphan")

    @property
    def content(self) -> bytes | None:
        """What is kept of the upload (`crm/imports/tables.py`); gone once its rows are kept."""
        return self.file.content if self.file else None

    @content.setter
    def content(self, content: bytes | None) -> None:
        self._file.content = content

    @property
    def report(self) -> bytes | None:
        """The report of the rows, as compressed JSON."""
        return self.file.report if self.file else None

    @report.setter
    def report(self, report: bytes | None) -> None:
        self._file.report = report

    @property
    def _file(self) -> "ImportFile":
        self.file = self.file or ImportFile()
        return self.file


class ImportFile(Base):
    """The upload of an import and the report of its rows: megabytes, and so a row of their own.

    SQLite writes a row anew as a whole, and each part of an import changes that of its run.
    """

    __tablename__ = "import_file"

    run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"), primary_key=True)
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    report: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class ImportMade(Base):
    """A row that an import made or changed, and the last entry of the trail about it by then."""

    __tablename__ = "import_made"
    __table_args__ = (Index(None, "run_id", "id"), Index(None, "subject", "subject_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"))
    subject: Mapped[str]
    subject_id: Mapped[int]
    entry_id: Mapped[int]  # a later entry about the row tells that somebody touched it
    is_new: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    before: Mapped[str | None]  # JSON: what its entry does not name
    taken_back: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    kept_why: Mapped[str | None]  # JSON of a refusal: why it stays


class ImportLater(Base):
    """A row of a table that changes a known visit, which waits until its new visits are seen."""

    __tablename__ = "import_later"

    run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)  # in the table


class ImportTemplate(Base):
    """What a unit chose for tables with these headings; used without asking again."""

    __tablename__ = "import_template"
    __table_args__ = (UniqueConstraint("unit_id", "kind", "signature"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    kind: Mapped[str]
    signature: Mapped[str]  # of the headings
    settings: Mapped[str]  # as of a run
    used_at: Mapped[datetime]


class ImportName(Base):
    """Whom a unit means by a name that two people bear or nobody of the zone."""

    __tablename__ = "import_name"
    __table_args__ = (UniqueConstraint("unit_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    name: Mapped[str]  # folded
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # none: an outsider
