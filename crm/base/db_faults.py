"""Faults of the database, recognised by the error that it or its driver raised."""

import re

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from crm.base.enums import LabeledEnum


class Fault(LabeledEnum):
    """A fault of the database, and what a person can do about it."""

    NO_TABLES = "no_tables", "数据库尚未建表或版本较旧，请先运行：crm init"
    READ_ONLY = "read_only", "数据库为只读状态，无法保存；请检查是否连接到备库或设置了只读"
    FULL = "full", "数据库所在磁盘无法写入，可能已满；请清理磁盘后重试"
    BUSY = "busy", "数据库正忙，请稍后重试"
    REFUSED = "refused", "数据库拒绝登录或不存在，请检查 CRM_DATABASE_URL"
    AWAY = "away", "无法连接数据库"
    BROKEN = "broken", "数据库出错，本次操作未保存"

    @property
    def is_transient(self) -> bool:
        """Whether it may pass by itself, so that a retry makes sense."""
        return self in (Fault.READ_ONLY, Fault.FULL, Fault.BUSY, Fault.AWAY)


# Prefixes of PostgreSQL's SQLSTATEs and of SQLite's result codes.
_CODES = {
    "25006": Fault.READ_ONLY,
    "SQLITE_READONLY": Fault.READ_ONLY,
    "53100": Fault.FULL,
    "SQLITE_FULL": Fault.FULL,
    "SQLITE_IOERR": Fault.FULL,
    "40": Fault.BUSY,
    "55P03": Fault.BUSY,
    "57014": Fault.BUSY,
    "SQLITE_BUSY": Fault.BUSY,
    "SQLITE_LOCKED": Fault.BUSY,
    "42P01": Fault.NO_TABLES,
    "42703": Fault.NO_TABLES,
    "28": Fault.REFUSED,
    "3D000": Fault.REFUSED,
    "08": Fault.AWAY,
    "25P03": Fault.AWAY,
    "53": Fault.AWAY,
    "57P": Fault.AWAY,
    "SQLITE_CANTOPEN": Fault.AWAY,
}
_DEADLOCK = "40P01"
_NO_TABLES = re.compile(r"no such (table|column)|has no column named")  # SQLite has no code for it
# A refused connection carries no code, only the server's message.
_REFUSED = re.compile(
    r'authentication failed|no password supplied|no pg_hba\.conf entry|(role|database) ".+" does'
)


def fault_of(error: DBAPIError) -> Fault:
    """The fault; `BROKEN` for a fault of our own, or a file that is no database."""
    code = _code(error)
    for prefix, fault in _CODES.items():
        if code.startswith(prefix):
            return fault
    text = str(error.orig)
    if _NO_TABLES.search(text):
        return Fault.NO_TABLES
    if code or not isinstance(error, OperationalError | InterfaceError):
        return Fault.BROKEN
    return Fault.REFUSED if _REFUSED.search(text) else Fault.AWAY


def is_deadlock(error: DBAPIError) -> bool:
    """Whether PostgreSQL ended the transaction because others waited for it and it for them."""
    return _code(error) == _DEADLOCK


def first_line(error: DBAPIError) -> str:
    """The database's message; only its first line, as the others may hold a row's values."""
    return str(error.orig).partition("\n")[0].strip()


def _code(error: DBAPIError) -> str:
    names = (getattr(error.orig, name, None) for name in ("sqlstate", "sqlite_errorname"))
    return next(filter(None, names), "")
