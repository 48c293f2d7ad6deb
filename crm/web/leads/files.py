"""The attachments of leads."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby

from flask import abort, url_for

from crm.base import formatting
from crm.base.clock import civil_date
from crm.extensions import db
from crm.files.queries import ListedFile
from crm.leads.models import Lead, LeadFile
from crm.leads.queries import lead_with_right
from crm.web.auth import my_view
from crm.web.files.pages import FilePages, RecordWithFiles
from crm.web.leads.event_files import file_links
from crm.web.leads.events import Event, Happening
from crm.web.transaction import today


def of_lead(lead: Lead, *, can_change: bool) -> RecordWithFiles:
    url = url_for("leads.show", lead_id=lead.id, _anchor="files")
    return RecordWithFiles(lead.id, lead.title, url, may_add=can_change)


def _find(lead_id: int) -> RecordWithFiles:
    lead, can_change = lead_with_right(db.session, my_view(), lead_id, today()) or abort(404)
    return of_lead(lead, can_change=can_change)


def added_files(lead_id: int, rows: Sequence[ListedFile], on: date) -> Iterator[Happening]:
    """The rows of the timeline: what one person adds in a day is one of them."""
    for (day, name), group in groupby(rows, lambda row: (_day(row), row.added_by)):
        files = list(group)
        count = f" {len(files)} 份" if len(files) > 1 else ""
        event = Event(
            "paperclip",
            f"添加佐证材料{count}",
            formatting.dated(day, on),
            "neutral",
            url=url_for("leads.files", lead_id=lead_id),
            meta=name,
            files=file_links((LeadFile, lead_id), files),
        )
        yield Happening(files[-1].added_at, event)


def _day(row: ListedFile) -> date:
    return civil_date(row.added_at)


FILES = FilePages(LeadFile, key="lead_id", find=_find)
