"""The pages: what the application shows to people."""

from flask import Flask
from werkzeug.wrappers import Response

from crm.web import (
    absences,
    access,
    admin,
    assets,
    audit,
    auth,
    back,
    calendar,
    compliance,
    compressed,
    digests,
    entry_grants,
    errors,
    filters,
    followups,
    health,
    jobs,
    leads,
    mailbox,
    me,
    my_settings,
    myday,
    nav,
    people,
    reasons,
    reassignment,
    rules,
    supervision,
    target_admin,
    targets,
    transaction,
    trips,
    units,
    username_address,
    visits,
)

CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def _guard(response: Response) -> Response:
    """Set what browsers must hold to; a page that needs another policy has set its own."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def init_app(app: Flask) -> None:
    """Register the pages; the order is that in which a request meets them."""
    app.after_request(_guard)
    for part in (
        username_address,
        transaction,
        errors,
        reasons,
        assets,
        filters,
        auth,
        access,
        nav,
        back,
        compressed,
    ):
        part.init_app(app)
    for page in (
        myday,
        visits,
        trips,
        followups,
        leads,
        absences,
        compliance,
        supervision,
        targets,
        digests,
        mailbox,
        my_settings,
        me,
        admin,
        people,
        entry_grants,
        reassignment,
        units,
        target_admin,
        audit,
        calendar,
        jobs,
        rules,
        health,
    ):
        app.register_blueprint(page.bp)
