"""Refused changes are entries of the trail, few however often somebody tries; TLS is kept to."""

import json

import pytest
from sqlalchemy import select, update

from crm.base.audit_entries import AuditEntry
from crm.base.rate_counts import RateCount
from tests.factories import arranged, make_person, make_visit, sign_in
from tests.web.test_login_attempts import HOME, STRANGER, TOO_MANY, WRONG, enter

pytestmark = pytest.mark.slow_on_postgresql


def refusals(app):
    with arranged(app) as db:
        refused = select(AuditEntry).where(AuditEntry.action == "person.refused")
        return [json.loads(entry.after) for entry in db.scalars(refused.order_by(AuditEntry.id))]


def test_a_change_out_of_scope_is_told_once_a_tenth_time_and_no_more(app):
    with arranged(app) as db:
        visit_id = make_visit(db, make_person(db)).id
        make_person(db, "stranger")
    stranger = sign_in(app, "stranger")

    answers = {stranger.post(f"/visits/{visit_id}/cancel").status_code for _ in range(12)}
    stranger.post("/admin/people/new")
    stranger.get(f"/visits/{visit_id}")

    assert answers == {404}
    assert refusals(app) == [
        {"failures": 1, "path": f"/visits/{visit_id}/cancel"},
        {"failures": 10, "path": f"/visits/{visit_id}/cancel"},
        {"failures": 1, "path": "/admin/people/new"},
    ]


def test_a_flood_of_kinds_leaves_twenty_entries_a_day(app):
    with arranged(app) as db:
        make_person(db, "stranger")
    stranger = sign_in(app, "stranger")
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/admin/")]
    paths = [rule.rule for rule in rules if "POST" in rule.methods and not rule.arguments][:30]

    for path in paths:
        stranger.post(path)

    assert len(paths) > 20
    assert len(refusals(app)) == 20


def test_one_password_on_many_accounts_from_one_address_is_stopped(app):
    first = enter(app.test_client(), username="nobody1", address=STRANGER)
    with arranged(app) as db:
        key = f"sprayed-tries:{STRANGER}"
        db.execute(update(RateCount).where(RateCount.key == key).values(count=150))

    assert first == WRONG
    assert enter(app.test_client(), username="nobody2", address=STRANGER) == TOO_MANY
    assert enter(app.test_client(), username="nobody2", address=HOME) == WRONG


def test_answers_over_tls_ask_for_tls_from_then_on(app):
    app.config["SESSION_COOKIE_SECURE"] = False  # as with an address without TLS
    client = app.test_client()

    plain = client.get("/login", base_url="http://crm.test")
    secure = client.get("/login", base_url="https://crm.test")

    assert "Strict-Transport-Security" not in plain.headers
    assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"
