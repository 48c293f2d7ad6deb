"""The declarative base, column types for both databases, engine events and transactions."""

import fcntl
import os
import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    Enum,
    ExceptionContext,
    MetaData,
    String,
    TableClause,
    event,
    func,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from crm.base.server_connections import server_options
from crm.base.server_urls import parse_url
from crm.base.typed_text import unify_line_breaks

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
BUSY_SECONDS = 20
# What each connection keeps; SQLite's 2000 and Python's 128 took 16 MiB more of a server.
CACHE_KIB, STATEMENTS_PER_CONNECTION = 512, 32
LARGEST_ID = 2**31 - 1  # PostgreSQL refuses an id beyond it
ROWS_PER_STATEMENT = 500  # SQLite takes 32,766 values; a figure has 25 columns
WRITE = "IMMEDIATE"  # the "begin" option of a transaction that writes
INSTALLATION_LOCK = 20_260_102  # any number that nothing else uses as an advisory lock
MOVED_MARK = ".moved"  # ending of a file beside one whose database was moved to a server
MISSING_FILE = "数据库文件不存在（新装请运行 crm init，否则请检查 CRM_DATA 或恢复备份）"


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime; SQLite, which has no time zones, stores it in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Refuse a naive value, whose zone would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"naive instant {value!r}"
            raise ValueError(message)
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def result_processor(self, dialect: Any, coltype: object) -> Any:
        """Read SQLite's text at once: lists have five instants a row, figures as many a visit."""
        if dialect.name == "sqlite":
            return _utc_of_text
        return super().result_processor(dialect, coltype)


def _utc_of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value + "+00:00")


class Text(TypeDecorator[str]):
    """Text in Unicode NFC and with one kind of line break, so that equal text compares equal."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else stored_text(value)


def stored_text(text: str) -> str:
    """The text as a column of `Text` holds it."""
    return unicodedata.normalize("NFC", unify_line_breaks(text))


class Money(TypeDecorator[Decimal]):
    """An exact amount, stored as whole cents, so that SQLite sums it without floats."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:
        """Convert to cents; ValueError for fractions of a cent."""
        if value is None:
            return None
        cents = value * 100
        if cents != int(cents):
            message = f"parts of a cent in {value}"
            raise ValueError(message)
        return int(cents)

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:
        return None if value is None else Decimal(value) / 100


class Rate(TypeDecorator[Decimal]):
    """An exact exchange rate, stored as whole parts of 10^-8."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:
        return None if value is None else int(value.scaleb(8))

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-8).normalize()


class Quantity(TypeDecorator[Decimal]):
    """An exact number, stored as whole parts of 10^-4."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:
        """Convert to parts; ValueError for smaller ones."""
        if value is None:
            return None
        parts = value.scaleb(4)
        if parts != int(parts):
            message = f"parts of 10^-4 in {value}"
            raise ValueError(message)
        return int(parts)

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-4)


class Codes(TypeDecorator[frozenset[StrEnum]]):
    """A set of codes, stored as text in one column (`outreach;residency`)."""

    impl = String
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: frozenset[StrEnum] | None, dialect: Any) -> str | None:
        return None if value is None else ";".join(sorted(value))  # equal sets, equal text

    def process_result_value(self, value: str | None, dialect: Any) -> frozenset[StrEnum] | None:
        return None if value is None else frozenset(map(self.words, filter(None, value.split(";"))))


class Code(Enum):
    """A code stored as text; SQLAlchemy's own calls three functions for each value that is read."""

    def result_processor(self, dialect: Any, coltype: object) -> Any:
        """Look the value up: figures read four codes a visit."""
        by_text: dict[str | None, StrEnum | None] = {None: None}
        by_text |= {member.value: member for member in self.enum_class or ()}
        return by_text.__getitem__


def enum_column(words: type[StrEnum], name: str, *, is_checked: bool = True) -> Enum:
    """A column type for one code, stored as text with a named CHECK.

    Without one where codes are added often: SQLite rebuilds a table to change its CHECK.
    """
    return Code(
        words,
        name=name,
        native_enum=False,
        create_constraint=is_checked,
        length=24,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(naming_convention=CONVENTION)
    type_annotation_map: ClassVar = {datetime: Instant, str: Text, Decimal: Money}


def engine_options(url: str) -> dict[str, Any]:
    """The options of the engine for that URL."""
    common = {"url": url, "hide_parameters": True}  # an error's text goes to logs and screens
    if url.startswith("sqlite"):
        arguments = {"timeout": BUSY_SECONDS, "cached_statements": STATEMENTS_PER_CONNECTION}
        return {**common, "connect_args": arguments}
    return common | server_options(parse_url(url), BUSY_SECONDS)


def make_file(url: URL) -> None:
    """Create SQLite's file where it is missing; only an installation may do so."""
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).touch()


@event.listens_for(Engine, "do_connect")
def _make_no_file(dialect: Any, _record: Any, cargs: Any, cparams: Any) -> None:
    if dialect.name != "sqlite" or cparams.get("uri") or cargs[0] == ":memory:":
        return
    path = Path(cargs[0])
    if path.parent.is_dir() and not path.exists():  # SQLite would make an empty one
        raise sqlite3.OperationalError(MISSING_FILE)


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    record.info["path"], record.info["file"] = path, _file_at(path)
    connection.isolation_level = None  # the listener below says BEGIN
    cache = f"cache_size=-{CACHE_KIB}"
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", cache):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "handle_error")
def _leave_values_out(context: ExceptionContext) -> None:
    """Keep only an error's first line: PostgreSQL puts the row's values into the others."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])


@event.listens_for(Engine, "checkout")
def _keep_to_the_file(connection: Any, record: Any, _proxy: Any) -> None:
    """Disconnect from a file that was removed or replaced: writes to it would be lost."""
    if not isinstance(connection, sqlite3.Connection):
        return
    if record.info["file"] != _file_at(record.info["path"]):
        raise DisconnectionError


def _file_at(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path) if path else None  # noqa: PTH116 - asked for at each checkout
    except OSError:
        return None
    return found and (found.st_dev, found.st_ino)


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        # The sqlite3 module would begin only at the first write: earlier reads share no snapshot.
        if connection.get_execution_options().get("begin") == WRITE:
            connection.exec_driver_sql(f"BEGIN {WRITE}")
        else:  # touches no file, so it cannot fail; by SQLAlchemy it takes as long as a query
            connection.connection.cursor().execute("BEGIN DEFERRED")


def begin_to_write(session: Session) -> None:
    """Take SQLite's write lock before the first read: a deferred BEGIN could fail later."""
    session.connection(execution_options={"begin": WRITE})


@contextmanager
def installation_lock(engine: Engine) -> Iterator[None]:
    """Let one process at a time install; others wait, however long it takes.

    The lock has a transaction of its own, because migrations have theirs.
    """
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            for timeout in ("lock_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(text(f"SET LOCAL {timeout} = 0"))
            # not a lock of the session: behind a pooler that may be another's at the next statement
            connection.execute(select(func.pg_advisory_xact_lock(INSTALLATION_LOCK)))
            yield
        return

    # The folder, not the file: closing the file would end the locks that SQLite holds on it.
    folder = os.open(Path(engine.url.database or ".").parent, os.O_RDONLY)

    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def writing(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A transaction that writes; it is committed as a whole, or rolled back."""
    with sessions.begin() as session:
        begin_to_write(session)
        yield session


@contextmanager
def writing_rows(sessions: sessionmaker[Session]) -> Iterator[Connection]:
    """The same for statements alone: a session takes longer than two of them."""
    engine = sessions.kw["bind"]
    with engine.connect().execution_options(begin=WRITE) as connection, connection.begin():
        yield connection


Item = TypeVar("Item")


def batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items in parts that fit into one statement."""
    for start in range(0, len(items), ROWS_PER_STATEMENT):
        yield items[start : start + ROWS_PER_STATEMENT]


def insert_into(db: Session, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that supports ON CONFLICT, in the dialect of the session's database."""
    return insert_of(db.get_bind().dialect.name, table)


def insert_of(dialect: str, table: type[Base] | TableClause) -> sqlite.Insert | postgresql.Insert:
    """The same in the dialect of that name, for a statement that is put together once."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


# Unique, exclusion and foreign key; on SQLite a trigger stands in for the exclusion.
_CONFLICTS = frozenset({"23505", "23P01", "23503"}) | {
    f"SQLITE_CONSTRAINT_{kind}" for kind in ("UNIQUE", "PRIMARYKEY", "FOREIGNKEY", "TRIGGER")
}


def is_conflict(error: IntegrityError) -> bool:
    """Whether a row of another transaction is in the way; a failed CHECK is our own fault."""
    names = (getattr(error.orig, name, None) for name in ("sqlstate", "sqlite_errorname"))
    return not _CONFLICTS.isdisjoint(names)


def database_now(db: Session, ahead: timedelta = timedelta(0)) -> ColumnElement[datetime]:
    """The database's current time, plus `ahead`, in the format of stored instants."""
    if db.get_bind().dialect.name == "sqlite":
        shift = f"{ahead.total_seconds():+} seconds"
        moment = func.strftime(
            "%Y-%m-%d %H:%M:%f", "now", shift
        )  # milliseconds; stored instants have microseconds
        return type_coerce(moment.concat("000"), Instant)
    # Not now(), which is when the transaction began, perhaps before a long wait for a lock.
    return type_coerce(func.clock_timestamp() + ahead, Instant)
