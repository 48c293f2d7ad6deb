"""All resources of the API, in the order of its description."""

from crm.api import (
    audit,
    claims,
    companies,
    delegations,
    digests,
    files,
    followups,
    leads,
    orders,
    people,
    project_problems,
    quick_entries,
    quotas,
    receipts,
    targets,
    visits,
)
from crm.api.operations import Resource

RESOURCES: tuple[Resource, ...] = (
    visits.visits,
    quick_entries.quick_entries,
    quotas.quotas,
    leads.leads,
    followups.followups,
    project_problems.problems,
    claims.claims,
    receipts.receipts,
    orders.orders,
    files.files,
    targets.targets,
    digests.digests,
    companies.companies,
    people.people,
    delegations.delegations,
    audit.audit,
)
