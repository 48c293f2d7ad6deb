"""Why frozen figures are corrected: a change that does so gives the reason (REGIME 4)."""

from crm.api.call import Call
from crm.base.errors import Refused
from crm.quotas.corrections import apply_edits
from crm.quotas.frozen import corrections, of_edit, without_reason
from crm.quotas.frozen_edits import (
    frozen_periods_of,
    may_change_figures,
    reach_of_data,
    reach_of_visit,
)
from crm.quotas.service import add_reason
from crm.visits.fields import VisitData
from crm.visits.redaction import SeenVisit


def require_reason(call: Call, data: VisitData, was: SeenVisit | None = None) -> None:
    """Refuse as `required` a visit that may change frozen figures, without a reason."""
    if data.reason or not may_change_figures(data, was):
        return
    reaches = [reach_of_data(data), *([reach_of_visit(was)] if was else [])]
    if frozen_periods_of(call.db, *reaches):
        raise Refused("required", field="reason")


def explained(call: Call, reason: str | None) -> None:
    """Give the reason to what this call corrects; refused as `required` where there is none."""
    # applied first: only then is it known which frozen figures the change corrects
    if not apply_edits(call.db):
        return
    bare = corrections(call.db, of_edit(call.person.id, call.now), without_reason())
    if bare and not (reason or "").strip():
        raise Refused("required", field="reason")
    for facts in bare:
        add_reason(
            call.db,
            correction=facts.correction,
            reason=(reason or "").strip(),
            by=call.person,
            now=call.now,
        )
