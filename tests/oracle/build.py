"""Short ways to say a visit, a posting and a question in the oracle's own tests."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from .facts import Posting, Rule, Visit, Zone
from .oracle import Figure, figures
from .periods import CIVIL, DAY
from .workdays import is_library_workday
from .zone import SHIPPED

PRINCIPAL, DEPUTY, RECRUITER = SHIPPED
END_OF_JULY = datetime(2026, 8, 1, tzinfo=CIVIL)


def at(month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    """A civil moment of 2026."""
    return datetime(2026, month, day, hour, minute, tzinfo=CIVIL)


def visit(ref: str, starts_at: datetime, ends_at: datetime | None = None, **other: Any) -> Visit:
    """A visit of two hours led by `a`, done and logged at its end."""
    ends_at = ends_at or starts_at + timedelta(hours=2)
    fields: dict[str, Any] = {
        "kind": "outreach",
        "channel": "in_person",
        "status": "done",
        "leader": "a",
        "participants": (),
        "entered_at": starts_at - 30 * DAY,
        "logged_at": ends_at if other.get("status", "done") == "done" else None,
        "verdict_at": ends_at if "verdict" in other else None,
    }
    return Visit(ref=ref, starts_at=starts_at, ends_at=ends_at, **(fields | other))


def stay(ref: str, starts_at: datetime, ends_at: datetime, **other: Any) -> Visit:
    """A residency."""
    return visit(ref, starts_at, ends_at, **({"kind": "residency"} | other))


def posting(
    duty: str, first: date = date(2020, 1, 1), last: date | None = None, **other: Any
) -> Posting:
    """A primary posting of `a` in unit u1."""
    fields: dict[str, Any] = {"username": "a", "unit": "u1", "duty": duty}
    return Posting(**(fields | {"from_on": first, "to_on": last} | other))


def ask(
    rule: Rule, period: str, *visits: Visit, as_of: datetime, absences: Any = (), postings: Any = ()
) -> Figure:
    """The figure of `a` under one rule."""
    postings = postings or (posting(rule.duty),)
    zone = Zone(postings, absences, visits, (rule,), is_library_workday)
    return figures(zone, period, as_of)[rule.code, "a"]


def figure_values(figure: Figure, *keys: str) -> tuple[Any, ...]:
    """Some keys of a report."""
    return tuple(figure.report[key] for key in keys)
