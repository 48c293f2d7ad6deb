"""Supervision orders over the API, as their pages show them."""

from datetime import UTC, datetime

import pytest

from crm.leads.rules import Secrecy
from crm.supervision.rules import About
from tests.api.conftest import program_of
from tests.factories import arranged, make_lead, make_order
from tests.supervision.conftest import arrange

pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture
def orders(app):
    """The ids of two drafts on the team, the later one about a restricted lead."""
    with arranged(app) as db:
        zone = arrange(db)
        lead = make_lead(db, "绝密画布项目", secrecy=Secrecy.RESTRICTED, tracker=zone.li)
        usual = make_order(db, zone.team, officer=zone.chief)
        secret = make_order(
            db,
            zone.team,
            officer=zone.top,
            about=About.PROJECT,
            lead_id=lead.id,
            matter="画布项目用地",
            drafted_at=datetime(2026, 7, 2, 2, tzinfo=UTC),
        )
        return usual.id, secret.id


def test_an_order_is_listed_and_read_with_the_steps_of_the_caller(app, orders):
    chief, top = program_of(app, "chief"), program_of(app, "top")

    [listed] = chief.get("/orders?state=draft").json["items"]
    answer = chief.get(f"/orders/{orders[0]}").json
    whole = top.get("/orders").json["items"]
    first = top.get("/orders?limit=1").json
    rest = top.get(f"/orders?limit=1&cursor={first['next']}").json["items"] if first["next"] else []

    assert (listed["id"], listed["number"], listed["due_on"]) == (orders[0], None, None)
    assert answer.items() >= listed.items()
    assert (answer["officer"]["username"], answer["lead"]) == ("chief", None)
    assert {"issue", "drop"} <= set(answer["steps"])
    assert [*first["items"], *rest] == whole
    # a draft is not before whom it is about
    assert program_of(app, "li").get(f"/orders/{orders[0]}").status_code == 404


def test_nothing_of_an_order_about_a_restricted_lead_reaches_those_outside(app, orders):
    chief = program_of(app, "chief")

    assert chief.get(f"/orders/{orders[1]}").status_code == 404
    for path in ("/orders", "/orders?text=画布", f"/orders?lead={orders[1]}"):
        assert "画布" not in chief.get(path).text


def test_an_order_is_issued_received_answered_and_accepted_by_another(app, orders):
    chief, head = program_of(app, "chief"), program_of(app, "head")
    steps = f"/orders/{orders[0]}/steps"

    foreign = program_of(app, "builder").post(steps, {"step": "answer", "text": "已办"})
    issued = chief.post(steps, {"step": "issue"})
    early = head.post(steps, {"step": "accept", "text": "已核"})
    received = head.post(steps, {"step": "receive"})
    wordless = head.post(steps, {"step": "answer"})
    answered = head.post(steps, {"step": "answer", "text": "厂房 8 月交付"})
    accepted = chief.post(steps, {"step": "accept", "text": "现场核实"})

    assert foreign.status_code == 404
    assert (issued.status_code, issued.json["state"]) == (200, "issued"), issued.text
    assert (early.status_code, early.json["code"]) == (422, "order_state")
    assert wordless.json["errors"][0]["pointer"] == "#/text"
    states = [answer.json["state"] for answer in (received, answered, accepted)]
    assert states == ["received", "answered", "accepted"]
    assert accepted.json["basis"] == "现场核实"


def test_an_order_is_drafted_once_by_whoever_oversees_the_unit(app, orders):
    chief, li = program_of(app, "chief"), program_of(app, "li")
    unit = chief.get(f"/orders/{orders[0]}").json["unit"]
    body = {"origin": "meeting", "about": "unit", "matter": "厂房交付", "demand": "8 月底前交付"}
    body |= {"unit": unit, "person": "li", "ref": "D-1"}

    by_recruiter = li.post("/orders", body)
    for_clock = chief.post("/orders", body | {"origin": "milestone"})
    to_itself = chief.post("/orders", body | {"officer": "li"})
    drafted, again = (chief.post("/orders", body) for _ in range(2))

    assert (by_recruiter.status_code, by_recruiter.json["code"]) == (403, "role")
    assert for_clock.json["errors"][0]["pointer"] == "#/origin"
    assert to_itself.json["errors"][0]["pointer"] == "#/officer"
    assert (drafted.status_code, drafted.json["state"]) == (201, "draft"), drafted.text
    assert (drafted.json["officer"]["username"], drafted.json["person"]["username"]) == (
        "chief",
        "li",
    )
    assert again.json["id"] == drafted.json["id"]
    assert chief.get(drafted.location.partition("/api/v1")[2]).json == drafted.json
    assert chief.post(f"/orders/{drafted.json['id']}/steps", {"step": "issue"}).status_code == 200
