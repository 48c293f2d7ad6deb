"""The rows of companies.yaml: what is done with records of companies and their leads."""

from crm.demo.rows import RelativeDate, Row
from crm.leads.proposal_models import ProposalField


class CompanyRow(Row):
    """What was changed on a company's page."""

    lead: str  # of the company
    by: str
    day: RelativeDate
    code: str
    group: str
    country: str
    aliases: tuple[str, ...] = ()


class MergeRow(Row):
    """A duplicate that was entered and merged into a lead."""

    ref: str
    lead: str
    company: str
    title: str
    by: str
    day: RelativeDate
    merger: str
    merged: RelativeDate


class DecisionRow(Row):
    """What became of a proposal; with a reason it was declined."""

    day: RelativeDate
    by: str
    reason: str = ""


class ProposalRow(Row):
    """What somebody proposes for a company."""

    lead: str  # of the company
    field: ProposalField
    value: str
    position: str | None = None
    by: str
    day: RelativeDate
    decided: DecisionRow | None = None


class AssistanceRow(Row):
    """A unit's offer to assist, and when and by whom it got the role."""

    lead: str
    by: str
    day: RelativeDate
    given: RelativeDate | None = None
    giver: str = ""
