"""Pages of recognition: what waits and all claims, a new claim, one claim (PROJECTS 7)."""

from collections.abc import Callable
from datetime import date
from functools import partial

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.models import Lead
from crm.leads.queries import lead_by_id
from crm.results import service
from crm.results.contents import ClaimData, Decision, check_claim
from crm.results.models import Claim
from crm.results.notifications import tell
from crm.results.permissions import may_claim
from crm.results.queries import claims_page, signed_as, waiting_for
from crm.results.rules import MILESTONE_OF, ClaimKind, ClaimState, counts_on, needs_recognition
from crm.results.settings import exclusions, kind_rows, spans
from crm.results.workflow import Step, Wait
from crm.web.auth import signed_in
from crm.web.downloads import export_links
from crm.web.files.limits import UPLOADS, too_large_errors
from crm.web.files.pages import SHOWN
from crm.web.files.uploads import uploads
from crm.web.forms import LARGEST_ID, at_cursor, enum_arg, is_faultless, is_saved
from crm.web.results.actions import act, claim_or_404, page
from crm.web.results.evidence import (
    add_files,
    are_files_kept,
    ask_for_files_again,
    sent_files,
)
from crm.web.results.exports import export
from crm.web.results.files import FILES
from crm.web.results.forms import FORMS, BulkForm, ClaimForm, values_of_claim, values_of_lead
from crm.web.results.rows import claim_line
from crm.web.results.scope import my_scope
from crm.web.site import site
from crm.web.transaction import moment, today

bp = Blueprint("claims", __name__)
CLAIM = f"/claims/<int(max={LARGEST_ID}):claim_id>"
KINDS = ",".join(kind.value for kind in MILESTONE_OF)
NEW = f"/leads/<int(max={LARGEST_ID}):lead_id>/claims/<any({KINDS}):kind>"
FILES.register(bp, CLAIM)
UPLOADS.update({"claims.create": "claims.new", "claims.claim_again": "claims.edit"})
bp.post(f"{CLAIM}/<any({','.join(step.value for step in FORMS)}):step>")(act)
bp.get("/claims/export<any('.csv', '.xlsx'):suffix>")(export)


@bp.get("/claims")
def listing() -> ResponseReturnValue:
    """The claims that wait for me, or all that I may see."""
    return _list_page(BulkForm(formdata=None))


@bp.post("/claims/recognise")
def recognise_all() -> ResponseReturnValue:
    """Recognise what was ticked in the list, whose rows show the evidence: all or nothing."""
    form = BulkForm()
    claims = [claim_or_404(claim_id) for claim_id in form.claims.data or []]

    def recognise(session: Session) -> None:
        for claim in claims:
            decision = Decision(amount=claim.amount, basis=form.basis.data or "")
            by, now = signed_in(), moment()
            entry = service.take_step(
                session, row=claim, step=Step.RECOGNISE, by=by, now=now, decision=decision
            )
            tell(session, claim=claim, entry=entry, site=site())

    if not claims:
        form.basis.errors = ["请先勾选要认定的申报。"]
    elif form.validate() and is_saved(form, recognise):
        flash(f"已认定 {len(claims)} 项。", "success")
        return redirect(url_for(".listing"))
    return _list_page(form), 422


def _list_page(bulk: BulkForm) -> str:
    scope, on = my_scope(), today()
    waiting = waiting_for(db.session, scope, moment())
    view = request.args.get("view", "waiting" if waiting else "all")
    kind, state = enum_arg("kind", ClaimKind), enum_arg("state", ClaimState)

    if view == "waiting":
        lines, newer, older = [claim_line(item.claim, on, item) for item in waiting], None, None
    else:
        found = claims_page(
            db.session, scope, kind=kind, state=state, cursor=request.args.get("at")
        )
        lines = [claim_line(claim, on) for claim in found.items]
        newer, older = at_cursor(found.newer), at_cursor(found.older)

    return render_template(
        "results/list.html",
        view=view,
        lines=lines,
        newer=newer,
        older=older,
        kind=kind,
        state=state,
        kinds=[("", "全部事项"), *((each.value, each.label) for each in ClaimKind)],
        states=[("", "全部状态"), *((each.value, each.label) for each in ClaimState)],
        tabs=_tabs(view, len(waiting)),
        exports=export_links(".export"),
        bulk=bulk
        if view == "waiting" and any(line.wait is Wait.DECIDE for line in lines)
        else None,
        ticked=frozenset(bulk.claims.data or ()),
    )


def _tabs(view: str, waiting: int) -> list[dict[str, object]]:
    views = {"waiting": f"待我处理 {waiting}" if waiting else "待我处理", "all": "全部"}
    return [
        {"url": url_for(".listing", view=name), "label": label, "active": name == view}
        for name, label in views.items()
    ]


@bp.get(CLAIM)
def show(claim_id: int) -> ResponseReturnValue:
    """One claim with its rounds, and what may be done with it."""
    return page(claim_or_404(claim_id))


@bp.get(NEW)
def new(lead_id: int, kind: str) -> ResponseReturnValue:
    """The form of a new claim, with what the project tells already."""
    lead, claimed = _claimable_or_404(lead_id), ClaimKind(kind)
    reached = service.reached_dates(db.session, lead_id).get(claimed) or abort(404)
    values = values_of_lead(lead, signed_as(db.session, lead_id))
    values |= {"counts_on": counts_on(reached, today())}
    form = ClaimForm(formdata=None, data=values)
    form.file.errors = too_large_errors()
    return _form_page(form, lead, claimed)


@bp.post(NEW)
def create(lead_id: int, kind: str) -> ResponseReturnValue:
    """Claim what the project has reached."""
    lead, form = _claimable_or_404(lead_id), ClaimForm()
    claimed = Claimed(lead=lead, kind=ClaimKind(kind), first_on=today(), has_file=bool(uploads()))

    def claim(session: Session, data: ClaimData) -> Claim:
        by, now = signed_in(), moment()
        return service.claim(session, lead=lead, kind=claimed.kind, data=data, by=by, now=now)

    if answer := _saved(form, claimed, claim):
        flash("已申报，请等待认定。", "success")
        return answer
    # read again: the refusal rolled the transaction back
    return _form_page(form, _claimable_or_404(lead_id), claimed.kind), 422


@bp.get(f"{CLAIM}/again")
def edit(claim_id: int) -> ResponseReturnValue:
    """The form of a claim that was returned, with what was claimed before."""
    claim = _returned_or_404(claim_id)
    if claim.receipt_id is not None:
        return redirect(url_for("receipts.claim_form", receipt_id=claim.receipt_id))
    form = ClaimForm(formdata=None, data=values_of_claim(claim))
    form.file.errors = too_large_errors()
    return _form_page(form, claim.lead, claim.kind, claim)


@bp.post(f"{CLAIM}/again")
def claim_again(claim_id: int) -> ResponseReturnValue:
    """Claim once more."""
    claim, form = _returned_or_404(claim_id), ClaimForm()
    first, has_file = civil_date(claim.first_claimed_at), bool(uploads() or FILES.rows(claim_id))

    def again(session: Session, data: ClaimData) -> Claim:
        service.claim_again(session, row=claim, data=data, by=signed_in(), now=moment())
        return claim

    claimed = Claimed(lead=claim.lead, kind=claim.kind, first_on=first, has_file=has_file)
    if answer := _saved(form, claimed, again):
        flash("已再次申报，请等待认定。", "success")
        return answer
    claim = claim_or_404(claim_id)
    return _form_page(form, claim.lead, claim.kind, claim), 422


@value_class(kw_only=True)
class Claimed:
    """What a form claims besides what it says itself."""

    lead: Lead
    kind: ClaimKind
    first_on: date  # of the first claim, in all its rounds
    has_file: bool


def _saved(
    form: ClaimForm, claimed: Claimed, change: Callable[[Session, ClaimData], Claim]
) -> ResponseReturnValue | None:
    """The way to the claim; none where something is refused, all of which the form then says."""
    on, kind = today(), claimed.kind
    # without a milestone the service refuses, whatever the form says
    reached_on = service.reached_dates(db.session, claimed.lead.id).get(kind, on)
    data = form.as_data(kind, reached_on, has_file=claimed.has_file)
    check = partial(
        check_claim,
        data,
        kind,
        reached_on=reached_on,
        claimed_on=claimed.first_on,
        today=on,
    )
    claims: list[int] = []

    def save(session: Session) -> None:
        row = change(session, data)
        add_files(session, row, sent_files(), by=signed_in(), now=moment())
        tell(session, claim=row, entry=service.last_entry(session, row), site=site())
        claims.append(row.id)

    is_ready = is_faultless(form, check)
    if are_files_kept(form) and is_ready and is_saved(form, save):
        return redirect(url_for(".show", claim_id=claims[-1]))
    ask_for_files_again(form)
    return None


def _claimable_or_404(lead_id: int) -> Lead:
    lead = lead_by_id(db.session, my_scope().viewer, lead_id, today())
    if lead is None or not may_claim(db.session, my_scope(), lead_id):
        abort(404)
    return lead


def _returned_or_404(claim_id: int) -> Claim:
    claim = claim_or_404(claim_id)
    if not may_claim(db.session, my_scope(), claim.lead_id):
        abort(404)
    return claim


def _form_page(form: ClaimForm, lead: Lead, kind: ClaimKind, claim: Claim | None = None) -> str:
    row = kind_rows(db.session).get(kind)
    reached = service.reached_dates(db.session, lead.id).get(kind)
    counts = bool(reached and needs_recognition(spans(db.session), kind, reached))
    return render_template(
        "results/new.html",
        form=form,
        lead=lead,
        kind=kind,
        claim=claim,
        reached_on=reached,
        evidence=row.evidence if row else "",
        exclusions=exclusions(db.session),
        is_signing=kind is ClaimKind.SIGNED,
        needs_recognition=counts,
        files=len(FILES.rows(claim.id)) if claim else 0,
        returned_for=service.returned_for(db.session, claim),
        accepted=SHOWN,
        back=url_for(".show", claim_id=claim.id)
        if claim
        else url_for("leads.show", lead_id=lead.id),
    )
