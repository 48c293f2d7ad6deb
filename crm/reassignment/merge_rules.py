"""Decisions of a merge: which value and which role holds. Pure (PROJECTS 6)."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from crm.base.clock import civil_date
from crm.base.value_class import value_class
from crm.leads.rules import Secrecy

KEPT_DAYS = 30  # on which a merge can be undone
DAY = timedelta(days=1)
_STRICTEST = (Secrecy.RESTRICTED, Secrecy.INTERNAL, Secrecy.OPEN)


@value_class
class Span:
    """Dates from one to another, both included; an empty last date is open."""

    first: date
    last: date | None


@value_class
class Confirmed:
    """A value of a record, and when and by whom it was last confirmed."""

    value: object
    at: datetime | None = None
    by: str | None = None


def default_side(mine: Confirmed, other: Confirmed) -> int:
    """Whose value is proposed: 0 the survivor's, 1 the other's; the last confirmed one."""
    if other.value in (None, ""):
        return 0
    if mine.value in (None, ""):
        return 1
    return int(other.at is not None and (mine.at is None or other.at > mine.at))


def stricter(first: Secrecy, second: Secrecy) -> Secrecy:
    """Who sees the merged lead: never more people than either let in."""
    return min(first, second, key=_STRICTEST.index)


def outside(span: Span, others: Iterable[Span]) -> Sequence[Span]:
    """The parts of the span that no other covers: where roles overlap the survivor's hold."""
    left = [span]
    for other in others:
        left = [part for piece in left for part in _without(piece, other)]
    return left


def _without(piece: Span, other: Span) -> list[Span]:
    end, other_end = piece.last or date.max, other.last or date.max
    if other.first > end or other_end < piece.first:
        return [piece]

    parts = []
    if piece.first < other.first:
        parts.append(Span(piece.first, other.first - DAY))
    if other_end < end:
        parts.append(Span(other_end + DAY, piece.last))
    return parts


def undo_until(merged_at: datetime) -> date:
    """The last date on which a merge can be undone."""
    return civil_date(merged_at) + KEPT_DAYS * DAY
