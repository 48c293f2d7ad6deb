"""The whole database as one digest a table, to see what a request has changed."""

from collections.abc import Mapping
from contextlib import closing
from hashlib import sha256

from sqlalchemy import Engine
from sqlalchemy.engine.interfaces import DBAPICursor

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

Digests = Mapping[str, str]


def digests_of(engine: Engine) -> Digests:
    """By table, a digest of all its rows, but for `COUNTING` and for entries of `REFUSALS`."""
    # the driver alone: it is asked a hundred times for each request
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        return {name: _digest(cursor, query) for name, query in TABLES.items()}


def changed_tables(before: Digests, after: Digests) -> list[str]:
    """The tables whose rows differ."""
    return [name for name, digest in before.items() if after[name] != digest]


class Watched:
    """A SQLite database, read anew only where somebody has committed since."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection = engine.connect()
        self._version = -1
        self._digests: Digests = {}

    def digests(self) -> Digests:
        """As `digests_of`; SQLite says to a connection whether another has committed."""
        version = self._connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        self._connection.rollback()
        if version != self._version:
            self._version, self._digests = version, digests_of(self._engine)
        return self._digests

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


def _digest(cursor: DBAPICursor, query: str) -> str:
    cursor.execute(query)
    rows = sorted(map(repr, cursor.fetchall()))
    return sha256("\n".join(rows).encode()).hexdigest()
