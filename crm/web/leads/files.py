"""The attachments of leads."""

from flask import abort, url_for

from crm.extensions import db
from crm.leads.models import Lead, LeadFile
from crm.leads.queries import lead_with_right
from crm.web.auth import my_view
from crm.web.files.pages import FilePages, RecordWithFiles
from crm.web.transaction import today


def of_lead(lead: Lead, *, can_change: bool) -> RecordWithFiles:
    url = url_for("leads.show", lead_id=lead.id, _anchor="files")
    return RecordWithFiles(lead.id, lead.title, url, may_add=can_change)


def _find(lead_id: int) -> RecordWithFiles:
    lead, can_change = lead_with_right(db.session, my_view(), lead_id, today()) or abort(404)
    return of_lead(lead, can_change=can_change)


FILES = FilePages(LeadFile, key="lead_id", find=_find)
