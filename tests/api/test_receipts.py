"""Receipts over the API, as their pages show them."""

import pytest

from crm.leads.rules import Secrecy
from crm.results.receipt_forms import plant_forms
from tests.api.conftest import program_of
from tests.conftest import NOW
from tests.factories import arranged
from tests.results.conftest import arrange, project
from tests.results.money import received

pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture
def arrived(app):
    """The ids of two receipts of li, the later one of a restricted lead."""
    with arranged(app) as db:
        zone = arrange(db)
        usual = received(db, zone, lead=project(db, zone, title="正极材料项目"))
        restricted = {"secrecy": Secrecy.RESTRICTED, "code_name": "青松"}
        secret = project(db, zone, title="绝密画布项目", **restricted)
        return usual.id, received(db, zone, lead=secret).id


def test_a_receipt_is_listed_and_read_with_how_it_stands(app, arrived):
    li = program_of(app, "li")

    listed = li.get("/receipts?basis=unclaimed&form=paid_in_capital").json["items"]
    first = li.get("/receipts?limit=1").json
    second = li.get(f"/receipts?limit=1&cursor={first['next']}").json
    answer = li.get(f"/receipts/{arrived[0]}").json

    assert [row["id"] for row in listed] == [arrived[1], arrived[0]]
    assert [*first["items"], *second["items"]] == li.get("/receipts").json["items"] == listed
    assert answer["amount"] == answer["counted"] == {"amount": "30000000", "currency": "CNY"}
    assert answer["recognised"]["amount"] == "0"
    assert answer["lead"]["label"] == "正极材料项目"
    assert (answer["entered_by"]["username"], answer["may_change"]) == ("li", True)
    assert answer.items() >= listed[1].items()
    assert li.get("/receipts?form=gold").json["code"] == "unknown_form"
    codes = [row["code"] for row in li.get("/receipt-forms").json["items"]]
    assert "paid_in_capital" in codes


def test_nothing_of_a_receipt_of_a_restricted_lead_reaches_those_outside(app, arrived):
    wang = program_of(app, "wang")

    listed = wang.get("/receipts")

    assert [row["id"] for row in listed.json["items"]] == [arrived[0]]
    assert "画布" not in listed.text
    assert wang.get(f"/receipts/{arrived[1]}").status_code == 404
    assert program_of(app, "economist").get(f"/receipts/{arrived[0]}").json["may_change"] is False


def test_a_receipt_is_entered_once_its_questions_are_answered_and_withdrawn(app):
    with arranged(app) as db:
        zone = arrange(db)
        plant_forms(db, NOW)
        lead = project(db, zone)
    li, economist = program_of(app, "li"), program_of(app, "economist")
    body = {
        "lead": lead.id,
        "arrived_on": "2026-07-01",  # five days before the signing
        "amount": {"amount": "30000000"},
        "form": "paid_in_capital",
        "payer": "云海科技",
    }

    wrong = li.post("/receipts", body | {"account_tail": "12a"})
    foreign = economist.post("/receipts", body)
    asked = li.post("/receipts", body)
    tokens = [question["token"] for question in asked.json["questions"]]
    added = li.post("/receipts", body | {"answers": tokens})
    place = f"/receipts/{added.json['id']}"
    refused = economist.post(f"{place}/withdraw", None)
    withdrawn = li.post(f"{place}/withdraw", None)

    assert wrong.json["errors"][0]["pointer"] == "#/account_tail"
    assert (asked.status_code, asked.json["questions"][0]["code"]) == (409, "before_signing")
    assert (added.status_code, added.json["payer"]) == (201, "云海科技"), added.text
    assert [foreign.status_code, refused.status_code] == [403, 403]
    assert (withdrawn.status_code, withdrawn.json["ref"]) == (200, added.json["ref"])
    assert li.get(place).status_code == 404


def test_what_is_taken_back_of_a_receipt_is_a_receipt_of_its_own(app, arrived):
    li, economist = program_of(app, "li"), program_of(app, "economist")
    place = f"/receipts/{arrived[0]}"
    body = {"arrived_on": "2026-07-14", "amount": {"amount": "10000000"}, "reason": "退回"}
    body |= {"ref": "R-1"}

    foreign = economist.post(f"{place}/reverse", body)
    dollars = li.post(f"{place}/reverse", body | {"amount": {"amount": "1", "currency": "USD"}})
    too_much = li.post(f"{place}/reverse", body | {"amount": {"amount": "30000001"}})
    taken_back, again = (li.post(f"{place}/reverse", body) for _ in range(2))

    assert (foreign.status_code, foreign.json["code"]) == (403, "not_yours")
    assert dollars.json["errors"][0]["code"] == "currency_of_receipt"
    assert too_much.json["errors"][0] == {
        "pointer": "#/amount",
        "code": "more_than_received",
        "detail": "冲减金额不能超过原到资未冲减的部分。",
    }
    assert taken_back.status_code == 201, taken_back.text
    assert taken_back.json["amount"]["amount"] == "-10000000"
    assert taken_back.json["reverses_id"] == arrived[0]
    assert again.json["id"] == taken_back.json["id"]
    assert li.get(taken_back.location.partition("/api/v1")[2]).json == taken_back.json
    assert li.get(place).json["reversal_ids"] == [taken_back.json["id"]]
    assert economist.post(f"/receipts/{arrived[1]}/reverse", body).status_code == 404
