"""Claims over the API, as their pages show them."""

import pytest

from crm.leads.rules import Secrecy
from tests.api.conftest import program_of
from tests.factories import arranged
from tests.results.conftest import arrange, claimed, project
from tests.results.money import received

pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture
def secret(app):
    """The ids of two claims of li, the later one on a restricted lead."""
    with arranged(app) as db:
        zone = arrange(db)
        usual = claimed(db, project(db, zone, title="正极材料项目"), zone.li)
        restricted = {"secrecy": Secrecy.RESTRICTED, "code_name": "青松"}
        hidden = claimed(db, project(db, zone, title="绝密画布项目", **restricted), zone.li)
        return usual.id, hidden.id


def test_a_claim_is_listed_and_read_with_its_rounds_and_the_steps_of_the_caller(app, secret):
    li, officer = program_of(app, "li"), program_of(app, "officer")

    listed = li.get("/claims?kind=signed").json["items"]
    first = li.get("/claims?limit=1").json
    second = li.get(f"/claims?limit=1&cursor={first['next']}").json
    answer = li.get(f"/claims/{secret[0]}").json

    assert [row["id"] for row in listed] == [secret[1], secret[0]]
    assert [*first["items"], *second["items"]] == listed
    assert answer["amount"] == {"amount": "1200000000", "currency": "CNY"}
    assert (answer["claimed_by"]["username"], answer["steps"]) == ("li", ["withdraw"])
    assert [entry["step"] for entry in answer["entries"]] == ["claim"]
    assert answer.items() >= listed[1].items()
    assert officer.get(f"/claims/{secret[0]}").json["steps"] == ["recognise", "return"]


def test_nothing_of_a_claim_on_a_restricted_lead_reaches_those_outside(app, secret):
    # the officer recognises signings, and is not named on the lead
    officer = program_of(app, "officer")

    listed = officer.get("/claims")

    assert [row["id"] for row in listed.json["items"]] == [secret[0]]
    assert "画布" not in listed.text
    assert officer.get(f"/claims/{secret[1]}").status_code == 404


def test_a_signing_is_claimed_returned_claimed_again_and_recognised_by_another(app):
    with arranged(app) as db:
        lead = project(db, arrange(db))
    li, officer, economist = (program_of(app, name) for name in ("li", "officer", "economist"))
    evidence = {
        "document_number": "投资协议",
        "document_issuer": "招商局",
        "document_on": "2026-07-06",
        "agreement": "formal",
        "amount": {"amount": "1200000000"},
    }
    claim = {"lead": lead.id, "kind": "signed", "declared": True, **evidence}

    undeclared = li.post("/claims", claim | {"declared": False})
    foreign = economist.post("/claims", claim)
    made = li.post("/claims", claim)
    steps = f"/claims/{made.json['id']}/steps"
    own = li.post(steps, {"step": "recognise", "basis": "协议"})
    groundless = officer.post(steps, {"step": "return"})
    returned = officer.post(steps, {"step": "return", "reason": "请补盖章页"})
    again = li.post(f"/claims/{made.json['id']}/again", {"declared": True, **evidence})
    recognised = officer.post(steps, {"step": "recognise", "basis": "协议已核"})

    assert made.status_code == 201, made.text
    assert undeclared.json["errors"][0]["pointer"] == "#/declared"
    assert [answer.status_code for answer in (foreign, own, groundless)] == [403, 403, 422]
    assert [answer.json["state"] for answer in (returned, again)] == ["returned", "claimed"]
    assert recognised.json["recognised"] == {"amount": "1200000000", "currency": "CNY"}
    assert [entry["step"] for entry in recognised.json["entries"]] == [
        *("claim", "return", "claim_again", "recognise")
    ]


def test_money_is_claimed_by_its_receipt(app):
    with arranged(app) as db:
        receipt = received(db, arrange(db))
    li, place = program_of(app, "li"), f"/receipts/{receipt.id}/claim"

    bare = li.post(place, {"declared": True})
    document = {"document_number": "进账单", "document_issuer": "银行"}
    made = li.post(place, {"declared": True, "document_on": "2026-07-10", **document})

    assert bare.json["code"] == "evidence_needed"
    assert made.status_code == 201, made.text
    assert (made.json["kind"], made.json["receipt_id"]) == ("money", receipt.id)
    assert li.get(made.location.partition("/api/v1")[2]).json == made.json
