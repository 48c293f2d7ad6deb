"""What a lead has in the zone's own fields, on its page and in its timeline (PROJECTS 1)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from crm.base import formatting
from crm.base.clock import civil_date
from crm.leads.models import Lead
from crm.leads.own_fields import DefinedField, OwnValue
from crm.leads.own_values import OwnChange, OwnRow, own_changes
from crm.web.leads.events import Event, Happening

TITLE = "补充信息"


def in_words(field: DefinedField, value: OwnValue | None) -> str:
    """A value as a page shows it."""
    if isinstance(value, date):
        return f"{value.year}年{formatting.day(value)}"
    return field.words(value)


def own_facts(rows: Sequence[OwnRow]) -> list[tuple[str, str]]:
    """Names and values of what is filled in, retired fields, too."""
    held = (row for row in rows if row.replaced_at is None)
    return [(row.field.name, in_words(row.field, row.value)) for row in held]


def own_happenings(lead: Lead, rows: Sequence[OwnRow], on: date) -> list[Happening]:
    """What was entered later than the lead, and what was changed: an event for each moment."""
    by_moment: defaultdict[datetime, list[OwnChange]] = defaultdict(list)
    for change in own_changes(rows, lead.entered_at):
        by_moment[change.at].append(change)
    return [Happening(at, _event(found, on)) for at, found in by_moment.items()]


def _event(changes: Sequence[OwnChange], on: date) -> Event:
    when = formatting.dated(civil_date(changes[0].at), on)
    by = next((change.by for change in changes if change.by), None) or ""
    texts = tuple(_sentence(change) for change in changes)
    return Event("pencil", f"修改{TITLE}", when, "neutral", meta=by, texts=texts)


def _sentence(change: OwnChange) -> str:
    field = change.field
    was, value = in_words(field, change.former), in_words(field, change.latter)
    if not was:
        return f"{field.name}：{value}"
    if not value:
        return f"{field.name}不再填写（原为 {was}）"
    return f"{field.name}：{value}（原为 {was}）"
