"""Claims to results (认定申报): listed, claimed, and the steps of each (PROJECTS 7)."""

from pydantic import Field

from crm.api.call import Call, found
from crm.api.claim_models import ClaimAgain, ClaimStep, Evidence, NewClaim, evidence_of
from crm.api.models import Listed, Listing, RowId
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.api.result_models import ClaimListed, ClaimShown, show_claim, show_claims
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.files.models import Attachment
from crm.files.queries import counts_of
from crm.leads.queries import lead_by_id
from crm.people.rules import WITH_RECORDS
from crm.results import service
from crm.results.contents import ClaimData
from crm.results.models import Claim, ClaimFile
from crm.results.notifications import tell
from crm.results.permissions import ClaimScope, claim_scope
from crm.results.queries import claim_of, claims_page
from crm.results.receipt_claims import claim_receipt, claim_receipt_again
from crm.results.receipt_models import Receipt, ReceiptFile
from crm.results.receipt_queries import receipt_with_right
from crm.results.rules import ClaimKind, ClaimState, counts_on
from crm.results.workflow import Step

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


@claims.post("/claims", "申报项目达到的节点", creates=True, roles=WITH_RECORDS)
def add(call: Call, body: NewClaim) -> ClaimShown:
    """Claim a milestone; money is claimed by its receipt."""
    lead, kind = lead_by_id(call.db, call.viewer, body.lead, call.on), ClaimKind(body.kind)
    if lead is None:
        raise Refused("no_such_lead", field="lead")
    data = _data(call, body, lead.id, kind, has_file=False)
    made = service.claim(call.db, lead=lead, kind=kind, data=data, by=call.person, now=call.now)
    return _after(call, made)


@claims.post(
    "/receipts/{receipt_id}/claim",
    "申报到位资金",
    creates=True,
    place="/claims",
    roles=WITH_RECORDS,
)
def claim_money(call: Call, receipt_id: RowId, body: Evidence) -> ClaimShown:
    receipt, _ = found(receipt_with_right(call.db, _scope(call), receipt_id))
    data = _money(receipt, body, has_file=_has_file(call, ReceiptFile, receipt_id))
    made = claim_receipt(call.db, receipt=receipt, data=data, by=call.person, now=call.now)
    return _after(call, made)


@claims.post(f"{ONE}/again", "补正后再次申报", roles=WITH_RECORDS)
def claim_again(call: Call, claim_id: RowId, body: ClaimAgain) -> ClaimShown:
    lock_row(call.db, Claim, claim_id)
    row = _visible(call, claim_id)
    call.match(show_claim(call, _scope(call), row))
    if row.receipt_id is not None:
        receipt = call.db.get_one(Receipt, row.receipt_id)
        data = _money(receipt, body, has_file=_has_file(call, ReceiptFile, receipt.id))
        claim_receipt_again(call.db, row=row, data=data, by=call.person, now=call.now)
        return _after(call, row)
    has_file = _has_file(call, ClaimFile, claim_id)
    data = _data(call, body, row.lead_id, row.kind, has_file=has_file)
    service.claim_again(call.db, row=row, data=data, by=call.person, now=call.now)
    return _after(call, row)


@claims.post(f"{ONE}/steps", "办理认定申报的一步：认定、退回、撤回等", roles=WITH_RECORDS)
def take(call: Call, claim_id: RowId, body: ClaimStep) -> ClaimShown:
    lock_row(call.db, Claim, claim_id)
    row = _visible(call, claim_id)
    call.match(show_claim(call, _scope(call), row))
    step, by, now = Step(body.step), call.person, call.now
    if step is Step.NAME:
        named_id = call.person_id(body.person, "person") if body.person else None
        service.name_decider(call.db, row=row, person_id=named_id, by=by, now=now)
        return _after(call, row)
    decision = body.decision(row)
    service.take_step(call.db, row=row, step=step, by=by, now=now, decision=decision)
    return _after(call, row)


def _after(call: Call, row: Claim) -> ClaimShown:
    """The claim after a step of it, of which its people are told."""
    tell(call.db, claim=row, entry=service.last_entry(call.db, row), site=call.site)
    return call.after(show, row.id)


def _data(
    call: Call, body: ClaimAgain, lead_id: int, kind: ClaimKind, *, has_file: bool
) -> ClaimData:
    """What is claimed of a milestone; without a date it counts from the earliest that is open."""
    reached_on = service.reached_dates(call.db, lead_id).get(kind, call.on)
    return ClaimData(
        counts_on=body.counts_on or counts_on(reached_on, call.on),
        amount=body.amount.amount if body.amount else None,
        currency=body.amount.currency if body.amount else None,
        agreement=body.agreement if kind is ClaimKind.SIGNED else None,
        **evidence_of(body, has_file=has_file),
    )


def _money(receipt: Receipt, body: Evidence, *, has_file: bool) -> ClaimData:
    return ClaimData(
        counts_on=receipt.arrived_on,
        amount=abs(receipt.amount),
        currency=receipt.currency,
        **evidence_of(body, has_file=has_file),
    )


def _has_file(call: Call, table: type[Attachment], record_id: int) -> bool:
    return counts_of(call.db, table, [record_id]).get(record_id, 0) > 0


def _scope(call: Call) -> ClaimScope:
    return claim_scope(call.db, call.viewer, call.on)


def _visible(call: Call, claim_id: int) -> Claim:
    return found(claim_of(call.db, _scope(call), claim_id))
