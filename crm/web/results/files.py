"""The evidence of claims as files."""

from flask import abort, url_for

from crm.extensions import db
from crm.results.models import Claim, ClaimFile
from crm.results.permissions import may_attach, situation_of
from crm.results.queries import claim_of
from crm.results.workflow import ClaimSituation
from crm.web.files.pages import FilePages, RecordWithFiles
from crm.web.results.scope import my_scope
from crm.web.transaction import moment


def of_claim(claim: Claim, situation: ClaimSituation) -> RecordWithFiles:
    url = url_for("claims.show", claim_id=claim.id, _anchor="files")
    title = f"{claim.lead.title}{claim.result}认定"
    return RecordWithFiles(claim.id, title, url, may_attach(situation))


def _find(claim_id: int) -> RecordWithFiles:
    claim = claim_of(db.session, my_scope(), claim_id) or abort(404)
    return of_claim(claim, situation_of(db.session, my_scope(), claim, moment()))


FILES = FilePages(ClaimFile, key="claim_id", find=_find)
