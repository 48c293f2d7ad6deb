"""All rows of a SQLite database, to see what a request has changed."""

from collections.abc import Mapping
from contextlib import closing

from sqlalchemy import Engine

from crm.base.db import Base

# What counts tries and refusals, and the trail's chain, whose entries are compared by themselves.
COUNTING = frozenset({"rate_count", "audit_link", "audit_head"})
# What the trail notes of a request that was refused.
REFUSALS = ("person.refused", "person.wrong_password", "sign_in.unknown_account")
TABLES = {
    table.name: f"SELECT * FROM {table.name}"
    for table in Base.metadata.sorted_tables
    if table.name not in COUNTING
}
TABLES["audit_entry"] += f" WHERE action NOT IN {REFUSALS}"

# by table, in the order in which SQLite keeps them, but for `COUNTING` and entries of `REFUSALS`
Rows = Mapping[str, list[tuple[object, ...]]]


def changed_tables(before: Rows, after: Rows) -> list[str]:
    """The tables whose rows differ."""
    return [name for name, rows in before.items() if after[name] != rows]


class Watched:
    """A database that is read anew only where somebody has committed since."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection = engine.connect()
        self._version = -1
        self._rows: Rows = {}

    def rows(self) -> Rows:
        """SQLite says to a connection whether another has committed."""
        version = self._connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        self._connection.rollback()
        if version != self._version:
            self._version, self._rows = version, self._read()
        return self._rows

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _read(self) -> Rows:
        # the driver alone: it is asked a hundred times for each request
        with closing(self._engine.raw_connection()) as connection:
            cursor = connection.cursor()
            return {name: cursor.execute(query).fetchall() for name, query in TABLES.items()}
