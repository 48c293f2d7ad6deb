"""Claims to results (认定申报): listed and read with their rounds (PROJECTS 7)."""

from pydantic import Field

from crm.api.call import Call, NotFound
from crm.api.models import Listed, Listing, RowId
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.api.result_models import ClaimListed, ClaimShown, show_claim, show_claims
from crm.people.rules import WITH_RECORDS
from crm.results.models import Claim
from crm.results.permissions import ClaimScope, claim_scope
from crm.results.queries import claim_of, claims_page
from crm.results.rules import ClaimKind, ClaimState

claims = Resource("claims", "认定申报")
ONE = "/claims/{claim_id}"


class ClaimQuery(Listed):
    kind: ClaimKind | None = Field(None, description="事项")
    state: ClaimState | None = Field(None, description="状态")


@claims.get("/claims", "可见的认定申报，新申报的在前", roles=WITH_RECORDS)
def listing(call: Call, query: ClaimQuery) -> Listing[ClaimListed]:
    page = claims_page(
        call.db,
        _scope(call),
        kind=query.kind,
        state=query.state,
        cursor=place_of(call, query),
        size=query.limit,
    )
    return listed(call, query, page, lambda rows: show_claims(call, rows))


@claims.get(ONE, "一项认定申报及其办理过程", roles=WITH_RECORDS)
def show(call: Call, claim_id: RowId) -> ClaimShown:
    return show_claim(call, _scope(call), _visible(call, claim_id))


def _scope(call: Call) -> ClaimScope:
    return claim_scope(call.db, call.viewer, call.on)


def _visible(call: Call, claim_id: int) -> Claim:
    claim = claim_of(call.db, _scope(call), claim_id)
    if claim is None:
        raise NotFound
    return claim
