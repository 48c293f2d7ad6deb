"""The next step of a visit: what is to be done and by when, kept in one text. Pure."""

from datetime import date

from crm.base import formatting
from crm.visits.quick_dates import dates_in
from crm.visits.quick_text import Span, plain


def with_due_date(what: str, due_on: date | None) -> str:
    """The text of both: `送测算表（12月2日前）`."""
    return f"{what}（{formatting.day(due_on)}前）" if what and due_on else what


def without_due_date(text: str, visited_on: date) -> tuple[str, date | None]:
    """What is to be done, in one line, and by when; no date before the visit is a due date.

    A due date in brackets is left out of the text, one within a sentence stays.
    """
    text = " ".join(text.split())
    line = plain(text)
    found = dates_in(line, visited_on, is_ahead=True)
    ahead = [one for one in found if one.last_on and one.last_on >= visited_on]
    if not ahead:
        return text, None

    due = max(ahead, key=lambda one: (_is_in_brackets(line, one.span), one.is_deadline))
    if _is_in_brackets(line, due.span):
        text = (text[: due.span.start - 1] + text[due.span.end + 1 :]).strip()
    return text, due.last_on


def _is_in_brackets(line: str, span: Span) -> bool:
    return line[: span.start].endswith("(") and line[span.end :].startswith(")")
