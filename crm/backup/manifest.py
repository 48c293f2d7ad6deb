"""What a backup says of itself: its version, its tables and files, each with a checksum."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

FORMAT = 1  # of the file; a program refuses one that it does not know
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# Names that a backup may make into statements.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]


class TablePart(BaseModel):
    """A table: its columns in order, the number of rows, and the checksum over its lines."""

    model_config = ConfigDict(frozen=True)

    columns: tuple[Name, ...]
    rows: int
    sha256: Digest


class ChainEnd(BaseModel):
    """The end of the audit trail."""

    model_config = ConfigDict(frozen=True)

    position: int
    hash: str


class Manifest(BaseModel):
    """The contents of a backup."""

    model_config = ConfigDict(frozen=True)

    format: int
    application: str  # its version, for people
    revision: str  # the migration that the tables are at
    made_at: datetime
    database: str
    trail: ChainEnd
    tables: dict[Name, TablePart]
    last_ids: dict[Name, int]
    has_files: bool
    files: dict[Digest, int]  # bytes

    @property
    def rows(self) -> int:
        """The number of rows of all tables."""
        return sum(part.rows for part in self.tables.values())
