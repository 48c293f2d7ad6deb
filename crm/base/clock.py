"""The only module that reads the machine's clock; it also converts instants to civil time."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from time import monotonic
from zoneinfo import ZoneInfo

__all__ = [
    "at_civil",
    "civil",
    "civil_date",
    "last_civil_date",
    "monotonic",
    "now",
    "parse_instant",
    "recurring_date",
    "recurring_last_date",
]

_zone = ZoneInfo("Asia/Shanghai")


def use_zone(name: str) -> None:
    """Set the time zone of this process, once, at its start (`CRM_TIMEZONE`)."""
    global _zone  # noqa: PLW0603 - civil time is one per process, like the locale
    _zone = ZoneInfo(name)
    recurring_date.cache_clear()
    recurring_last_date.cache_clear()


def now() -> datetime:
    """The current instant; entry points take it once and pass it down."""
    return datetime.now(UTC)  # noqa: TID251 - here and nowhere else


def civil(instant: datetime) -> datetime:
    return instant.astimezone(_zone)


def civil_date(instant: datetime) -> date:
    return civil(instant).date()


def last_civil_date(ends_at: datetime) -> date:
    """The civil date of the last instant before the end (REGIME 3: 00:00 opens no day)."""
    return civil_date(ends_at - timedelta(microseconds=1))


# Of imports, whose instants recur. One that does not takes three times as long as by `civil_date`.
recurring_date = lru_cache(maxsize=10_000)(civil_date)
recurring_last_date = lru_cache(maxsize=10_000)(last_civil_date)


def at_civil(on: date, at: time = time.min) -> datetime:
    """The instant, in UTC, of a civil date and time of day."""
    # converted to UTC, so that differences of instants are exact in any zone
    return datetime.combine(on, at, _zone).astimezone(UTC)


def instant_of(local: datetime) -> datetime:
    """The instant, in UTC, of a civil time that names no zone."""
    return at_civil(local.date(), local.time())


def parse_instant(text: str) -> datetime:
    """Parse ISO 8601; without an offset it is civil time."""
    instant = datetime.fromisoformat(text.strip())
    return (instant if instant.tzinfo else instant.replace(tzinfo=_zone)).astimezone(UTC)
