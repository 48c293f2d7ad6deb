"""The page of one lead, and who may open and change it."""

from flask import abort, render_template, request, url_for
from flask_wtf import FlaskForm

from crm.base.refs import new_ref
from crm.extensions import db
from crm.followups.permissions import may_change_of_visible_lead
from crm.followups.timeline import timeline
from crm.leads.amounts import amounts_of
from crm.leads.catalog import industry_name
from crm.leads.companies import values_of_company
from crm.leads.merged import Mergeable
from crm.leads.milestone_kinds import milestone_kinds
from crm.leads.models import Lead
from crm.leads.own_values import own_rows
from crm.leads.permissions import may_see
from crm.leads.planning import plannable, planned_milestones
from crm.leads.queries import changeable_lead, lead_by_id, lead_with_right
from crm.leads.redaction import LeadLabel, company_before, lead_labels
from crm.leads.rules import Stage
from crm.leads.sites import offered_sites
from crm.leads.tier_lines import tier_lines
from crm.reassignment.merge_rights import may_merge_lead
from crm.reassignment.past_merges import past_merges
from crm.web.auth import my_view
from crm.web.contacts.rows import contact_lines
from crm.web.followups.forms import QuickForm
from crm.web.leads.action_menu import MenuGroup, change_groups, overseer_groups
from crm.web.leads.assistance_offers import offer_events
from crm.web.leads.claims import lead_results
from crm.web.leads.event_files import with_files
from crm.web.leads.events import Happening, merge_happenings, timeline_rows
from crm.web.leads.files import FILES, added_files, of_lead
from crm.web.leads.money import lead_money
from crm.web.leads.own_values import own_facts, own_happenings
from crm.web.leads.panel import Panel, Place, panel_of
from crm.web.leads.plan_rows import plan_rows
from crm.web.leads.problems import lead_problems
from crm.web.leads.rows import LeadExtras, LeadPage, lead_page
from crm.web.leads.sites import site_events, site_rows
from crm.web.leads.stage_bar import StageBar, stage_bar
from crm.web.proposed_dates import proposed_due_on
from crm.web.transaction import moment, today

MOST_EVENTS = 30  # of what happened; the page shows all when asked


def lead_or_404(lead_id: int) -> Lead:
    """The lead, where I may see it."""
    return lead_by_id(db.session, my_view(), lead_id, today()) or abort(404)


def changeable_or_404(lead_id: int) -> Lead:
    """The lead, where I may change it."""
    return changeable_lead(db.session, my_view(), lead_id, today()) or abort(404)


def url_after_change(lead_id: int) -> str:
    """The lead's page, or the list where I may no longer see the lead."""
    # a change of secrecy or roles may take the lead out of my sight
    if may_see(db.session, my_view(), lead_id, today()):
        return url_for("leads.show", lead_id=lead_id)
    return url_for("leads.listing")


def render_lead(
    lead_id: int, *, opened: str = "", sent: FlaskForm | None = None, step: QuickForm | None = None
) -> str:
    """The page of a lead; `opened` is the form in its panel, `sent` that form with its errors.

    `step`: the form of a follow-up with its errors.
    """
    lead, can_change = lead_with_right(db.session, my_view(), lead_id, today()) or abort(404)
    offers = offered_sites(db.session, lead.id)
    planned = planned_milestones(db.session, lead)
    place = Place(lead, planned, milestone_kinds(db.session), today())
    bar = stage_bar(lead, planned, place.kinds.names, today())
    problems, files = lead_problems(lead.id), FILES.rows(lead.id)
    results, money, own = lead_results(lead), lead_money(lead), own_rows(db.session, lead.id)
    rows = timeline_rows(
        timeline(db.session, my_view(), lead, today()),
        place.kinds,
        moment(),
        most=None if "all" in request.args else MOST_EVENTS,
        also=[
            *problems.happened,
            *results.happened,
            *money.happened,
            *added_files(lead.id, files, today()),
            *site_events(offers, today()),
            *offer_events(lead.id, today()),
            *own_happenings(lead, own, today()),
            *_merges(place),
        ],
    )
    due = rows.next_step.followup if rows.next_step else None

    return render_template(
        "leads/show.html",
        page=_page(lead, can_change=can_change),
        bar=bar,
        menu=_menu(place, bar, can_change=can_change),
        panel=_panel(place, opened, sent) if can_change else None,
        plans=plan_rows(lead, planned, place.kinds, today()),
        timeline=with_files(lead.id, rows),
        sites=site_rows(offers, today()),
        problems=problems.open,
        claims=results.lines,
        money=money,
        is_signed=any(step.kind == Stage.SIGNED for step in lead.milestones),
        files=FILES.part(of_lead(lead, can_change=can_change), rows=files),
        is_finishable=due is not None
        and may_change_of_visible_lead(my_view(), due, may_change_lead=can_change),
        quick_form=step or QuickForm(formdata=None, data=_new_step()),
    )


def _merges(place: Place) -> list[Happening]:
    """The merges of the lead and their undoing."""
    merges = past_merges(db.session, my_view(), {Mergeable.LEAD: [place.lead.id]}, today())
    return [event for past in merges for event in merge_happenings(past, place.kinds, today())]


def _new_step() -> dict[str, object]:
    return {"ref": new_ref("F", today()), "due_on": proposed_due_on()}


def _menu(place: Place, bar: StageBar, *, can_change: bool) -> list[MenuGroup]:
    has_plannable = bool(plannable(place.lead, place.planned, place.kinds))
    changes = (
        change_groups(place.lead, place.kinds, bar.next_kind, has_plannable=has_plannable)
        if can_change
        else []
    )
    if not my_view().oversees:
        return changes
    mergeable = may_merge_lead(db.session, my_view(), place.lead, today())
    return [*overseer_groups(place.lead, may_merge=mergeable), *changes]


def _panel(place: Place, opened: str, sent: FlaskForm | None) -> Panel | None:
    return panel_of(place, opened or request.args.get("open", ""), sent)


def _page(lead: Lead, *, can_change: bool) -> LeadPage:
    company = company_before(db.session, my_view(), lead, today())
    extras = LeadExtras(
        contacts=contact_lines(company.contacts, company.plain_ids),
        company=values_of_company(lead, lead.company, hides=company.has_hidden_leads),
        earlier=earlier_lead(lead),
        industry=industry_name(db.session, lead.industry),
        amounts=amounts_of(db.session, lead.id),
        size=tier_lines(db.session).tier_of(lead.amount, lead.currency, today()),
        own=own_facts(own_rows(db.session, lead.id)),
        can_change=can_change,
    )
    return lead_page(lead, extras, today())


def earlier_lead(lead: Lead) -> LeadLabel | None:
    """The earlier project, where I may see it."""
    earlier_id = lead.earlier_lead_id
    labels = lead_labels(db.session, my_view(), [earlier_id] if earlier_id else [], today())
    # REGIME 2: a lead that I may not see has a code name where a visit shows it, and not here
    return {label.id: label for label in labels.values()}.get(earlier_id)
