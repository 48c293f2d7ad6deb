"""The page of one claim, and the one route by which its steps are taken."""

from collections.abc import Mapping

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2

from crm.base.errors import Refused
from crm.extensions import db
from crm.leads.permissions import may_see as may_see_lead
from crm.leads.rules import Secrecy
from crm.people.queries import unit_tree
from crm.quotas.queries import working_calendar
from crm.results.contents import check_decision
from crm.results.deciders import deciders, may_be_named
from crm.results.models import Claim
from crm.results.notifications import tell
from crm.results.permissions import is_undecided, situation_of
from crm.results.queries import claim_of, due_on
from crm.results.service import name_decider, returned_for, take_step
from crm.results.settings import exclusions, kind_rows
from crm.results.workflow import CLAIM_WORKFLOW, DECIDING, Step
from crm.web.auth import signed_in
from crm.web.forms import is_faultless, refusal_beside
from crm.web.results.files import FILES, of_claim
from crm.web.results.forms import FORMS, NameForm, StepForm, form_of
from crm.web.results.rows import TONES, entry_lines, facts_of
from crm.web.results.scope import my_scope
from crm.web.site import site
from crm.web.transaction import moment, today, transaction

MESSAGES = {
    Step.RECOGNISE: "已认定。",
    Step.RETURN: "已退回补正。",
    Step.CONFIRM: "已复核，认定维持不变。",
    Step.REVOKE: "已取消认定。",
    Step.WITHDRAW: "已撤回申报。",
    Step.NAME: "已指定认定人。",
}
NOBODY_NAMED = "请先在分工中列明统筹单位经办人"
NOBODY_LEFT = "认定单位无人可认定，请系统管理员指定认定人"


def claim_or_404(claim_id: int) -> Claim:
    """The visible claim with all that its page shows."""
    return claim_of(db.session, my_scope(), claim_id) or abort(404)


def page(claim: Claim, sent: Mapping[Step, StepForm] | None = None, refusal: str = "") -> str:
    """The page of a claim; a form that was refused is shown again with its errors."""
    scope, on, sent = my_scope(), today(), sent or {}
    situation = situation_of(db.session, scope, claim, moment())
    steps = CLAIM_WORKFLOW.steps(situation)
    forms = {
        step: _offer(sent.get(step) or _empty(step, claim), claim)
        for step in FORMS
        if step in steps
    }

    return render_template(
        "results/show.html",
        claim=claim,
        tone=TONES[claim.state],
        facts=facts_of(claim, _recogniser(claim), due_on(claim, working_calendar(db.session)), on),
        entries=entry_lines(claim.entries, on),
        forms=forms,
        first=next((step for step in DECIDING if step in forms), None),
        may_claim_again=Step.CLAIM_AGAIN in steps,
        sees_lead=may_see_lead(db.session, scope.viewer, claim.lead_id, on),
        nobody=_nobody(claim) if Step.NAME not in forms else "",
        exclusions=exclusions(db.session),
        refusal=refusal,
        returned_for=returned_for(db.session, claim),
        files=FILES.part(of_claim(claim, situation)),
    )


def _empty(step: Step, claim: Claim) -> StepForm:
    return form_of(step, claim, [*exclusions(db.session)], formdata=None)


def _offer(form: StepForm, claim: Claim) -> StepForm:
    if isinstance(form, NameForm):
        form.person_id.choices = [
            SelectChoice("", "请选择"),
            *(
                SelectChoice(str(person.id), person.name)
                for person in may_be_named(db.session, claim, moment())
            ),
        ]
    return form


def _recogniser(claim: Claim) -> str:
    row = kind_rows(db.session).get(claim.kind)
    names = {node.unit.id: node.unit.name for node in unit_tree(db.session)}
    return names.get(row.unit_id or 0, "") if row else ""


def _nobody(claim: Claim) -> str:
    """Why nobody can decide on a claim that waits for it."""
    if not is_undecided(claim) or deciders(db.session, [claim], moment())[claim.id]:
        return ""
    return NOBODY_NAMED if claim.lead.secrecy is Secrecy.RESTRICTED else NOBODY_LEFT


def act(claim_id: int, step: str) -> ResponseReturnValue:
    """Take a step and send its mails; a refusal is shown at its field."""
    # the route admits only steps that have a form
    claim, taken = claim_or_404(claim_id), Step(step)
    form, refused = form_of(taken, claim, [*exclusions(db.session)]), ""

    if is_faultless(form, lambda: check_decision(claim, taken, form.as_decision())):
        try:
            _take(claim, taken, form)
        except Refused as refusal:
            refused = refusal_beside(form, refusal)
        else:
            flash(MESSAGES[taken], "success")
            return redirect(url_for("claims.show", claim_id=claim_id))

    # read again: the refusal rolled the transaction back
    return page(claim_or_404(claim_id), {taken: form}, refused), 422


def _take(claim: Claim, step: Step, form: StepForm) -> None:
    with transaction() as session:
        me, now = signed_in(), moment()
        if isinstance(form, NameForm):
            chosen = form.person_id.data
            entry = name_decider(session, row=claim, person_id=chosen, by=me, now=now)
        else:
            entry = take_step(
                session, row=claim, step=step, by=me, now=now, decision=form.as_decision()
            )
        # in the transaction of the step: no mail without it, and none is lost
        tell(session, claim=claim, entry=entry, site=site())
