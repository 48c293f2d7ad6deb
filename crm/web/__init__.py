"""The pages: what the application shows to people."""

from flask import Flask, current_app, request
from werkzeug.wrappers import Response

from crm.web import (
    access_check,
    assets,
    auth,
    back_links,
    change_reasons,
    compression,
    cookie_sessions,
    device_time,
    errors,
    filters,
    form_tokens,
    metrics,
    nav,
    oidc,
    page_addresses,
    page_templates,
    refusals,
    repeated_requests,
    replica,
    request_ids,
    request_log,
    run_again,
    second_step,
    transaction,
    username_converter,
)
from crm.web.absences import views as absences
from crm.web.account import mailbox, notification_settings, tokens, two_step
from crm.web.account import views as me
from crm.web.admin import beginning, delivery, duties, health, jobs, mail_server, sign_in_profiles
from crm.web.audit import views as audit
from crm.web.bulk_changes import views as bulk_changes
from crm.web.calendar import views as calendar
from crm.web.catalog import views as catalog
from crm.web.channels import views as channels
from crm.web.choices import views as choices
from crm.web.companies import proposals
from crm.web.companies import views as companies
from crm.web.contacts import erasing, privacy
from crm.web.contacts import views as contacts
from crm.web.digests import views as digests
from crm.web.files import limits
from crm.web.followups import views as followups
from crm.web.home import mini
from crm.web.home import views as myday
from crm.web.imports import tables
from crm.web.imports import views as imports
from crm.web.leads import views as leads
from crm.web.merges import views as merges
from crm.web.milestones import kinds as milestone_kinds
from crm.web.milestones import templates as plan_templates
from crm.web.offline import views as offline
from crm.web.outbox import views as outbox
from crm.web.own_fields import views as own_fields
from crm.web.people import delegations, entry_grants, reassignment, units
from crm.web.people import views as people
from crm.web.planner import views as planner
from crm.web.problems import admin as problem_categories
from crm.web.problems import views as problems
from crm.web.quotas import views as compliance
from crm.web.rates import views as rates
from crm.web.receipts import admin as receipt_forms
from crm.web.receipts import views as receipts
from crm.web.results import admin as recognition_admin
from crm.web.results import views as claims
from crm.web.retention import views as retention
from crm.web.rules import views as rules
from crm.web.search import views as search
from crm.web.setup import views as setup
from crm.web.sites import views as sites
from crm.web.supervision import views as supervision
from crm.web.targets import admin as target_admin
from crm.web.targets import spans as speed_spans
from crm.web.targets import views as targets
from crm.web.tiers import views as tier_lines
from crm.web.visit_calendar import views as visit_calendar
from crm.web.visits import trips
from crm.web.visits import views as visits

# Scripts and styles come from our own files alone: no inline code runs
CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
HSTS = "max-age=31536000"  # seconds in a year
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # pages hold personal data: no cache may keep them
    "Cache-Control": "no-store",
}


def _guard(response: Response) -> Response:
    """Add the security headers, except those that a page has set itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    # behind TLS, whether it ends here or at a proxy that is trusted
    if request.is_secure or current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    return response


def init_app(app: Flask) -> None:
    """Register what every request passes, then the pages."""
    app.after_request(_guard)
    # none of our functions is a coroutine, and Flask would ask for each hook of each request
    app.ensure_sync = lambda func: func  # type: ignore[method-assign]

    # their hooks run in this order: a request begins to read before access is checked, the replica
    # is chosen after
    for part in (
        request_ids,
        request_log,
        metrics,
        username_converter,
        page_addresses,
        limits,
        transaction,
        device_time,
        errors,
        change_reasons,
        assets,
        filters,
        cookie_sessions,
        form_tokens,
        page_templates,
        auth,
        refusals,
        oidc,
        access_check,
        replica,
        repeated_requests,
        run_again,
        nav,
        back_links,
        compression,
    ):
        part.init_app(app)

    for page in (
        repeated_requests,
        myday,
        mini,
        visits,
        trips,
        offline,
        planner,
        visit_calendar,
        followups,
        leads,
        bulk_changes,
        companies,
        contacts,
        erasing,
        privacy,
        proposals,
        merges,
        absences,
        choices,
        search,
        compliance,
        problems,
        supervision,
        claims,
        recognition_admin,
        receipts,
        receipt_forms,
        targets,
        digests,
        mailbox,
        channels,
        outbox,
        notification_settings,
        me,
        tokens,
        beginning,
        second_step,
        oidc,
        two_step,
        sign_in_profiles,
        duties,
        people,
        delegations,
        entry_grants,
        reassignment,
        units,
        target_admin,
        rates,
        catalog,
        sites,
        own_fields,
        problem_categories,
        milestone_kinds,
        imports,
        tables,
        plan_templates,
        speed_spans,
        tier_lines,
        audit,
        calendar,
        jobs,
        delivery,
        mail_server,
        retention,
        setup,
        rules,
        health,
        metrics,
    ):
        app.register_blueprint(page.bp)
    app.register_blueprint(imports.people_bp)
    app.register_blueprint(imports.receipts_bp)
