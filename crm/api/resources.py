"""All resources of the API, in the order of its description."""

from crm.api import quotas, visits
from crm.api.operations import Resource

RESOURCES: tuple[Resource, ...] = (visits.visits, quotas.quotas)
