"""Every subject of the audit trail names no lead, or is shown only to who sees its leads."""

from crm.audit.redaction import TRACED, WITHOUT_LEADS
from crm.base.db import Base
from crm.web.audit.labels import SUBJECTS
from tests.trail import BESIDE, TECHNICAL

# Values that nobody reads in the trail: what of them names leads is not led back to those.
HIDDEN = {
    "bulk_change": "the leads that it changed",
    "correction": "words about a visit, which may name its leads",
    "lead_view": "search words, which may name a lead",
    "monthly_comment": "words about the zone's work, which may name a lead",
}


def test_every_subject_names_no_lead_or_is_shown_to_who_sees_its_leads():
    by_themselves = Base.metadata.tables.keys() - TECHNICAL.keys() - BESIDE.keys()
    decided = [*TRACED, *WITHOUT_LEADS, *HIDDEN]

    assert len(decided) == len(set(decided))
    assert by_themselves | SUBJECTS.keys() == set(decided)
