"""The results of a lead on its page: which are recognised, and what happened to the claims."""

from collections.abc import Sequence
from datetime import date

from flask import url_for

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.models import Lead
from crm.results.models import Claim, ClaimEntry, ClaimFile
from crm.results.permissions import may_claim
from crm.results.queries import claims_of_lead
from crm.results.rules import MILESTONE_OF, ClaimKind, needs_recognition
from crm.results.settings import spans
from crm.web.auth import my_view
from crm.web.leads.events import Event, Happening
from crm.web.results.rows import MARKS, LeadClaim, lead_claims
from crm.web.results.scope import my_scope
from crm.web.transaction import today


@value_class
class LeadResults:
    """The results of a lead, and the steps of its claims for the timeline."""

    lines: list[LeadClaim]
    happened: list[Happening]


def lead_results(lead: Lead) -> LeadResults:
    """Of a lead whose milestones are loaded; where nothing was reached there is nothing to show."""
    on, reached = today(), _reached(lead)

    def read() -> LeadResults:
        claims = claims_of_lead(db.session, lead.id)
        rules = spans(db.session) if reached else ()
        is_claimable = any(needs_recognition(rules, kind, day) for kind, day in reached.items())
        can_claim = is_claimable and may_claim(db.session, my_scope(), lead.id)
        dates = _claimed(claims) | reached

        return LeadResults(
            lead_claims(lead.id, dates, claims, rules, can_claim=can_claim),
            [_happened(claim, entry, on) for claim in claims for entry in claim.entries],
        )

    # opened often, and changed seldom
    return remembered(db.session, "results of a lead", lead.id, my_view().person_id, on, read=read)


def _reached(lead: Lead) -> dict[ClaimKind, date]:
    first: dict[str, date] = {}
    for step in sorted(lead.milestones, key=lambda step: step.reached_on, reverse=True):
        first[step.kind] = step.reached_on
    return {kind: first[of] for kind, of in MILESTONE_OF.items() if of in first}


def _claimed(claims: Sequence[Claim]) -> dict[ClaimKind, date]:
    """Of what was claimed and whose milestone was withdrawn since, the claimed date."""
    # money has a part of its own on the page
    return {claim.kind: claim.reached_on for claim in claims if claim.kind is not ClaimKind.MONEY}


def _happened(claim: Claim, entry: ClaimEntry, on: date) -> Happening:
    icon, tone = MARKS[entry.step]
    event = Event(
        icon,
        f"{claim.result}认定：{entry.step.label}",
        formatting.dated(civil_date(entry.at), on),
        tone,
        url_for("claims.show", claim_id=claim.id),
        entry.by.name if entry.by else "系统",
        texts=(entry.text,) if entry.text else (),
        owner=(ClaimFile, claim.id),
        files_since=entry.at,
    )
    return Happening(entry.at, event)
