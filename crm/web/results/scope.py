"""What decides who the signed-in person is to claims."""

from flask import g

from crm.extensions import db
from crm.results.permissions import ClaimScope, claim_scope
from crm.web.auth import my_view
from crm.web.transaction import today


def my_scope() -> ClaimScope:
    """My scope, read once a request."""
    if "claim_scope" not in g:
        g.claim_scope = claim_scope(db.session, my_view(), today())
    return g.claim_scope  # type: ignore[no-any-return]
