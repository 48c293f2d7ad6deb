"""The attachments of visits, which hide with their words (REGIME 2)."""

from flask import abort, url_for

from crm.extensions import db
from crm.visits.models import VisitFile
from crm.visits.permissions import may_change
from crm.visits.redaction import SeenVisit, shown
from crm.visits.rules import Status
from crm.web.auth import my_view
from crm.web.files.pages import FilePages, RecordWithFiles
from crm.web.transaction import today
from crm.web.visits.reporting import visit_or_404
from crm.web.visits.rows import names_of


def of_visit(seen: SeenVisit, *, can_change: bool) -> RecordWithFiles:
    url = url_for("visits.show", visit_id=seen.id, _anchor="files")
    is_cancelled = seen.status is Status.CANCELLED
    return RecordWithFiles(seen.id, names_of(seen)[0], url, can_change and not is_cancelled)


def _find(visit_id: int) -> RecordWithFiles:
    [seen] = shown(db.session, my_view(), [visit_or_404(visit_id)], today())
    if not seen.is_readable:
        abort(404)
    return of_visit(seen, can_change=may_change(db.session, my_view(), visit_id, today()))


FILES = FilePages(VisitFile, key="visit_id", find=_find)
