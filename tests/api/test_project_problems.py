"""Problems over the API, as their pages show them."""

import pytest
from sqlalchemy import select

from crm.base.outbox import Message
from crm.leads.rules import Secrecy
from crm.people.models import Person
from tests.api.conftest import program_of
from tests.factories import arranged, make_lead, make_person, make_problem, make_unit
from tests.problems.conftest import arrange

pytestmark = pytest.mark.slow_on_postgresql


def lina_of(db):
    return db.scalars(select(Person).where(Person.username == "lina")).one()


def test_a_problem_is_listed_and_read_with_its_history_and_the_steps_of_the_caller(app, lina):
    with arranged(app) as db:
        raiser = lina_of(db)
        lead = make_lead(db, "正极材料项目", tracker=raiser)
        unit = make_unit(db, "建设局")
        problem = make_problem(db, raiser, [lead], unit=unit)

    [listed] = lina.get("/problems?open=true").json["items"]
    answer = lina.get(f"/problems/{problem.id}")

    assert answer.json["leads"][0]["label"] == "正极材料项目"
    assert (answer.json["unit"], answer.json["steps"]) == (unit.code, ["withdraw"])
    assert [entry["kind"] for entry in answer.json["entries"]] == ["raised"]
    assert answer.json.items() >= listed.items()
    assert lina.get("/problems?category=none").status_code == 422
    codes = [row["code"] for row in lina.get("/problem-categories").json["items"]]
    assert listed["category"] in codes


def test_nothing_of_a_problem_of_a_restricted_lead_reaches_those_outside(app, lina):
    with arranged(app) as db:
        gu = make_person(db, "gu")
        secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "青松", "tracker": gu}
        lead = make_lead(db, "绝密画布项目", **secret)
        problem = make_problem(db, gu, [lead], matter="画布用地未落实", person=lina_of(db))

    listed, read = lina.get("/problems"), lina.get(f"/problems/{problem.id}")

    assert (listed.json["items"], read.status_code) == ([], 404)
    assert "画布" not in lina.get("/problems?text=画布").text
    assert program_of(app, "gu").get(f"/problems/{problem.id}").json["matter"] == "画布用地未落实"


def test_an_internal_lead_of_a_problem_that_is_mine_is_not_named(app, lina):
    with arranged(app) as db:
        gu = make_person(db, "gu")
        lead = make_lead(db, "画布项目", secrecy=Secrecy.INTERNAL, tracker=gu)
        problem = make_problem(db, gu, [lead], person=lina_of(db))

    answer = lina.get(f"/problems/{problem.id}")

    assert answer.json["leads"][0] | {"label": ""} == {
        "id": None,
        "ref": None,
        "label": "",
        "company": None,
    }
    assert "画布" not in answer.text


def test_a_problem_is_raised_passed_on_out_of_sight_and_taken(app):
    with arranged(app) as db:
        zone = arrange(db)
        zone.lead.secrecy = Secrecy.INTERNAL
    wang, builder, econ = (program_of(app, name) for name in ("wang", "builder", "econ"))
    body = {"matter": "用地指标未落实", "category": zone.land.code, "leads": [zone.lead.id]}
    raised = wang.post("/problems", body | {"due_on": "2026-07-30"})
    place = f"/problems/{raised.json['id']}"
    passed = {"step": "pass_on", "text": "属经济局职责", "unit": zone.economy.code}

    foreign = econ.post(f"{place}/steps", {"step": "take"})
    wordless = builder.post(f"{place}/steps", passed | {"text": ""})
    handed = builder.post(f"{place}/steps", passed)
    taken = econ.post(f"{place}/steps", {"step": "take"}).json
    refused = wang.post(f"{place}/steps", {"step": "solve", "text": "已办"})

    assert (raised.status_code, raised.json["unit"]) == (201, zone.builders.code), raised.text
    assert foreign.status_code == 404
    assert wordless.json["errors"][0]["pointer"] == "#/text"
    # the builders were to know of it while it was theirs
    assert (handed.status_code, handed.get_data()) == (204, b"")
    assert (taken["state"], taken["person"]["username"]) == ("taken", "econ")
    assert (refused.status_code, refused.json["code"]) == (403, "not_yours")
    with arranged(app) as db:
        mails = set(db.scalars(select(Message.recipient)))
    assert {"builder@crm.test", "econ@crm.test", "wang@crm.test"} <= mails
