"""The page of delivery: an admin holds it and lets it go."""

import pytest

from crm.base.outbox import MessageKind
from crm.jobs import ledger
from crm.people.rules import Duty, Role
from tests.conftest import NOW
from tests.factories import arranged, make_person, make_unit, sign_in
from tests.jobs.mail import put_for

PAGE = "/admin/delivery"

pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture
def root(app, moment):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
        li = make_person(db, "li", duty=Duty.PRINCIPAL, unit=make_unit(db))
        put_for(db, li, kind=MessageKind.WEEKLY, at=NOW)
        ledger.install(db, clock_from=moment, now=moment)
    return sign_in(app, "root")


def test_delivery_is_held_and_released_with_a_decision_on_what_waits(root):
    held = root.post(f"{PAGE}/hold", data={"why": "更换服务器"}, follow_redirects=True).text
    home, ready = root.get("/").text, root.get("/readyz").json
    released = root.post(f"{PAGE}/release", data={"waiting": "keep"}, follow_redirects=True).text

    assert "发信已暂停：更换服务器（root同志" in held
    assert "发信已暂停：更换服务器" in home
    assert ready["delivery"] == "warn"
    assert "已恢复发信，此前待发的 1 封只存入站内信箱" in released


def test_a_hold_without_a_reason_is_told_at_its_field(root):
    answer = root.post(f"{PAGE}/hold", data={"why": " "})

    assert answer.status_code == 422
    assert "请填写暂停原因。" in answer.text


def test_nobody_else_finds_the_page(app, root):
    assert sign_in(app, "li").get(PAGE).status_code == 404
    assert app.test_client().get(PAGE).location.startswith("/login")
