"""The attachments of follow-ups; what came of one may be evidenced after it is done."""

from flask import abort, url_for

from crm.extensions import db
from crm.followups.models import FollowupFile
from crm.followups.permissions import may_change
from crm.followups.queries import followup_by_id
from crm.followups.redaction import SeenFollowup
from crm.web.auth import my_view
from crm.web.files.pages import FilePages, RecordWithFiles
from crm.web.transaction import today


def of_followup(seen: SeenFollowup, *, can_change: bool) -> RecordWithFiles:
    step = seen.followup
    url = url_for("followups.show", followup_id=step.id, _anchor="files")
    return RecordWithFiles(step.id, step.what, url, can_change)


def _find(followup_id: int) -> RecordWithFiles:
    seen = followup_by_id(db.session, my_view(), followup_id, today()) or abort(404)
    can_change = may_change(db.session, my_view(), followup_id, today())
    return of_followup(seen, can_change=can_change)


FILES = FilePages(FollowupFile, key="followup_id", find=_find)
