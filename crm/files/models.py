"""Stored files, and the shape of the link tables that the features own."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from crm.base.db import Base, enum_column
from crm.files.kinds import FileKind
from crm.people.models import Person


class StoredFile(Base):
    """The bytes of an attachment, by their hash: the same bytes are stored once."""

    __tablename__ = "stored_file"
    __table_args__ = (CheckConstraint("size > 0", "not_empty"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(unique=True)  # of the bytes as stored
    kind: Mapped[FileKind] = mapped_column(enum_column(FileKind, "kind"))
    size: Mapped[int]  # bytes
    created_at: Mapped[datetime]


class Attachment(Base):
    """A file on a record; each feature has a table of its own (docs/adding-a-field.md)."""

    __abstract__ = True

    record: ClassVar[type[Base]]  # the table of what the files belong to

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    added_at: Mapped[datetime]

    @declared_attr
    def record_id(cls) -> Mapped[int]:  # noqa: N805 - how SQLAlchemy has it
        return mapped_column(ForeignKey(f"{cls.record.__tablename__}.id"))

    @declared_attr
    def file_id(cls) -> Mapped[int]:  # noqa: N805 - as above
        return mapped_column(ForeignKey("stored_file.id"))

    @declared_attr
    def added_by_id(cls) -> Mapped[int]:  # noqa: N805 - as above
        return mapped_column(ForeignKey("person.id"))

    @declared_attr
    def superseded_by_id(cls) -> Mapped[int | None]:  # noqa: N805 - as above
        """The newer version, where there is one."""
        return mapped_column(ForeignKey(f"{cls.__tablename__}.id"))

    @declared_attr
    def file(cls) -> Mapped[StoredFile]:  # noqa: N805 - as above
        return relationship(lazy="raise")

    @declared_attr
    def added_by(cls) -> Mapped[Person]:  # noqa: N805 - as above
        return relationship(lazy="raise")

    @declared_attr.directive
    def __table_args__(cls) -> Any:  # noqa: N805 - as above
        is_current = text("superseded_by_id IS NULL")
        return (
            Index(None, "record_id"),
            # of two who add the same file at once, one does
            Index(
                f"uq_{cls.__tablename__}_current",
                "record_id",
                "file_id",
                unique=True,
                sqlite_where=is_current,
                postgresql_where=is_current,
            ),
        )
