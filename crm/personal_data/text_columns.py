"""Every text column: whether it may name a contact, and what an erasure does with it (PIPL).

`tests/personal_data/test_text_columns.py` fails for a column that is declared nowhere here.
"""

from collections.abc import Mapping
from typing import Any

from crm.base.answered_requests import AnsweredRequest
from crm.base.audit_entries import AuditEntry
from crm.base.outbox import Message
from crm.base.value_class import value_class
from crm.bulk_changes.models import BulkChange
from crm.digests.models import KeptDigest, MonthlyComment
from crm.files.models import Attachment
from crm.followups.models import Followup, FollowupFile, FollowupSnooze
from crm.imports.models import ImportFile, ImportMade, ImportRun
from crm.leads.merged import Merge
from crm.leads.models import Contact, Lead, LeadFile, Milestone, MilestonePlan
from crm.leads.own_field_models import LeadOwnValue
from crm.leads.proposal_models import CompanyProposal
from crm.personal_data.models import KeptContact
from crm.problems.models import Problem, ProblemEntry, ProblemFile
from crm.results.models import Claim, ClaimEntry, ClaimFile
from crm.results.receipt_models import Receipt, ReceiptFile
from crm.supervision.models import Order, OrderEntry, OrderFile
from crm.visits.models import Visit, VisitCompany, VisitFile


@value_class
class Sentences:
    """Columns in which people write, of a record or of rows that its page shows."""

    record: type[Any]
    table: type[Any]
    columns: tuple[str, ...]
    of_record: str = "id"  # the column that names the record


# A person looks at each before the contact's name gives way to the pseudonym.
SENTENCES = (
    Sentences(Visit, Visit, ("minutes", "next_step", "note", "verdict_reason")),
    Sentences(Lead, Lead, ("title", "note")),
    Sentences(Lead, LeadOwnValue, ("text",), "lead_id"),
    Sentences(Lead, Milestone, ("reason",), "lead_id"),
    Sentences(Lead, MilestonePlan, ("reason",), "lead_id"),
    Sentences(Followup, Followup, ("what", "result")),
    Sentences(Followup, FollowupSnooze, ("reason",), "followup_id"),
    Sentences(Problem, Problem, ("matter", "basis")),
    Sentences(Problem, ProblemEntry, ("text",), "problem_id"),
    Sentences(Order, Order, ("matter", "demand", "basis")),
    Sentences(Order, OrderEntry, ("text",), "order_id"),
    Sentences(Claim, Claim, ("note", "less_reason", "basis")),
    Sentences(Claim, ClaimEntry, ("text",), "claim_id"),
    Sentences(Receipt, Receipt, ("payer", "note", "reason")),
    Sentences(MonthlyComment, MonthlyComment, ("text",)),
    # what records were, for an undo: names within sentences; those that stand alone are data
    Sentences(Merge, Merge, ("journal",)),
    Sentences(BulkChange, BulkChange, ("journal",)),
    Sentences(ImportMade, ImportMade, ("before",)),
)
FILES: tuple[type[Attachment], ...] = (
    LeadFile,
    VisitFile,
    FollowupFile,
    ProblemFile,
    OrderFile,
    ClaimFile,
    ReceiptFile,
)

# Where the data stand by themselves, or follow from records: replaced without a question.
AS_DATA: Mapping[type[Any], tuple[str, ...]] = {
    Contact: ("name", "position", "phone", "email"),
    KeptContact: ("reason",),
    Visit: ("met", "position"),
    VisitCompany: ("met", "position"),
    Followup: ("met",),
    CompanyProposal: ("value", "position", "phone", "email", "reason"),
    Merge: ("merged_name", "journal"),
    BulkChange: ("journal",),
    ImportMade: ("before",),
    ImportRun: ("file_name",),
    ImportFile: ("content", "report"),
    Message: ("subject", "body_text", "body_html"),
    KeptDigest: ("document",),
    AnsweredRequest: ("answer", "messages"),
    AuditEntry: ("before", "after"),  # withheld: the trail is only ever added to
    **dict.fromkeys(FILES, ("name",)),
}

# By column, or by table where none of its columns names a contact: why not.
EXEMPT: Mapping[str, str] = {
    "absence": "about the people of the zone",
    "answered_request.content": "a hash",
    "answered_request.key": "made by the sender",
    "answered_request.location": "an address of ours",
    "api_token": "of the people of the zone",
    "audit_entry.action": "a code",
    "audit_entry.address": "of a network",
    "audit_entry.subject": "a table's name",
    "audit_head": "hashes",
    "audit_link": "hashes",
    "audit_seal": "hashes",
    "bulk_change.key": "made by the form",
    "calendar_feed": "a hash",
    "catalog_entry": "a setting of the zone",
    "channel": "a setting of the zone",
    "channel_address": "of the people of the zone",
    "channel_host": "a setting of the zone",
    "claim.document_issuer": "an authority",
    "claim.document_number": "of a document",
    "claim_exclusion": "a setting of the zone",
    "claim_kind": "a setting of the zone",
    "company": "names and numbers of a company",
    "company_alias": "names of a company",
    "correction": "what an edit made of a figure of the people of the zone",
    "delegation": "about the people of the zone",
    "delivery_hold": "about the sending of mails",
    "figure": "figures of the people of the zone",
    "followup.ref": "a reference",
    "former_password": "a hash",
    "import_made.kept_why": "a code of ours, with references",
    "import_made.subject": "a table's name",
    "import_name": "names of the people of the zone",
    "import_run.kind": "a code",
    "import_run.settings": "columns of a table, and people of the zone",
    "import_template": "headings of a table",
    "job_pause": "about a job",
    "job_run": "about a job",
    "kept_digest.dedupe_key": "a key of ours",
    "lead.code_name": "of a project",
    "lead.credit_code": "of a company",
    "lead.group_name": "of a company",
    "lead.industry": "a code",
    "lead.project_company": "of a company",
    "lead.project_company_code": "of a company",
    "lead.ref": "a reference",
    "lead.search": "follows from the title",
    "lead.source": "a code",
    "lead_view": "what one person looks for, seen by nobody else",
    "lease": "about a process",
    "login_session": "of the people of the zone",
    "mail_server": "a setting of the zone",
    "merge.merged_ref": "a reference",
    "message.claimed_by": "a process",
    "message.dedupe_key": "a key of ours",
    "message.message_id": "a hash",
    "message.note": "about the sending",
    "message.recipient": "of the people of the zone",
    "message.unsubscribe_url": "an address of ours",
    "milestone.kind": "a code",
    "milestone_kind": "a setting of the zone",
    "milestone_plan.kind": "a code",
    "monthly_comment.month": "a period",
    "nudge_level": "codes",
    "own_field": "a setting of the zone",
    "own_field_choice": "a setting of the zone",
    "person": "the people of the zone",
    "plan_template": "a setting of the zone",
    "plan_template_step": "a code",
    "problem.ref": "a reference",
    "problem_category": "a setting of the zone",
    "rate_count": "keys of ours",
    "receipt.account_tail": "four digits of a company's account",
    "receipt.ref": "a reference",
    "receipt_form": "a setting of the zone",
    "recovery_code": "a hash",
    "reminder": "codes",
    "reported_figure": "codes",
    "result_month": "a period",
    "rule": "a setting of the zone",
    "second_factor": "of the people of the zone",
    "sign_in_profile": "a setting of the zone",
    "site": "about a site",
    "speed_span": "codes",
    "stored_file": "a hash",
    "supervision_order.code_word": "of the numbers of orders",
    "supervision_order.dedupe_key": "a key of ours",
    "supervision_order.earlier_period": "a period",
    "supervision_order.milestone": "a code",
    "supervision_order.period": "a period",
    "supervision_order.rule_code": "a code",
    "trip": "where and by whose approval people of the zone travel",
    "unit": "a setting of the zone",
    "visit.city": "a city",
    "visit.ref": "a reference",
    "visit.trip": "a reference",
    "visit_company.folded": "follows from the company's name",
    "visit_company.name": "of a company",
    "workday_override": "about a date",
}
