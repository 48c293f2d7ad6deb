"""Targets over the API, as the board shows them."""

import pytest
from sqlalchemy import select

from crm.leads.rules import Secrecy, Stage
from crm.targets.models import Target
from tests.api.conftest import program_of
from tests.factories import arranged
from tests.results.conftest import arrange, claimed, project
from tests.targets.test_queries import make_target

pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        zone = arrange(db)
        make_target(db, zone.company)
        make_target(db, zone.economy)
        claimed(db, project(db, zone), zone.li)
        secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "青松", "reached": ()}
        project(db, zone, title="绝密画布项目", stage=Stage.NEGOTIATING, **secret)
        return zone


def test_a_target_is_answered_with_what_is_registered_waiting_recognised_and_in_hand(app, zone):
    chief = program_of(app, "chief")

    answer = chief.get("/targets?year=2026")
    [signed] = [row for row in answer.json["items"] if row["metric"] == "signed"]

    assert (signed["unit"], signed["goal"]) == (zone.company.code, "20")
    assert [signed[name] for name in ("registered", "waiting", "recognised")] == ["1", "1", "0"]
    # the one that is claimed was not followed any more once it was signed
    assert signed["in_hand"]["amounts"][0]["currency"] == "CNY"
    assert {row["unit"] for row in answer.json["items"]} == {zone.company.code}
    assert "画布" not in answer.text
    assert chief.get("/targets").json == answer.json
    assert chief.get("/targets?year=2025").json == {"year": 2025, "items": []}
    assert chief.get("/targets?year=1").status_code == 422


def test_a_target_is_read_with_its_projects_and_how_many_are_hidden(app, zone):
    with arranged(app) as db:
        secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "雪松"}
        claimed(db, project(db, zone, title="绝密丹青项目", **secret), zone.li)
    chief = program_of(app, "chief")
    items = chief.get("/targets").json["items"]
    listed = next(row for row in items if row["metric"] == "signed")

    answer = chief.get(f"/targets/{listed['id']}")

    [signed] = answer.json["projects"]
    assert answer.json.items() >= listed.items()
    assert (signed["basis"], signed["counts"], answer.json["hidden"]) == ("waiting", False, 1)
    assert "丹青" not in answer.text
    assert program_of(app, "li").get(f"/targets/{listed['id']}").status_code == 403
    with arranged(app) as db:
        other = db.scalars(select(Target.id).where(Target.unit_id == zone.economy.id)).one()
    assert chief.get(f"/targets/{other}").status_code == 404
