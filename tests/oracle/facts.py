"""The facts that the oracle reads: plain rows that mirror the import files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True)
class Posting:
    """One row of people.csv: a unit and a duty from one date to another, both inclusive."""

    username: str
    unit: str
    duty: str
    from_on: date
    to_on: date | None = None
    primary: bool = True


@dataclass(frozen=True)
class Absence:
    """One row of absences.csv; only an approved one reduces a quota."""

    username: str
    from_on: date
    to_on: date
    approved: bool = True


@dataclass(frozen=True)
class Visit:
    """One row of visits.csv, with the instants that an import derives from `logged_at`."""

    ref: str
    kind: str
    channel: str
    status: str
    starts_at: datetime
    ends_at: datetime
    leader: str
    participants: tuple[str, ...]
    entered_at: datetime
    logged_at: datetime | None = None
    verdict: str = ""
    verdict_at: datetime | None = None
    # When a date was added for a person; dates that are missing here were there from the entry on.
    added_at: Mapping[tuple[str, date], datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """One version of a quota rule."""

    code: str
    duty: str
    measure: str
    count_by: str
    minimum: int
    period: str
    kinds: tuple[str, ...]
    channels: tuple[str, ...]
    log_within_days: int = 3
    stay_within_days: int | None = 9
    proration: str = "workdays"
    rounding: str = "ceil"
    cap: str = "calendar_days"
    valid_from: date = date(2020, 1, 1)
    valid_to: date | None = None


@dataclass(frozen=True)
class Zone:
    """All that figures are computed from."""

    postings: Sequence[Posting]
    absences: Sequence[Absence]
    visits: Sequence[Visit]
    rules: Sequence[Rule]
    is_workday: Callable[[date], bool]
