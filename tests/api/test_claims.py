"""Claims over the API, as their pages show them."""

import pytest

from crm.leads.rules import Secrecy
from tests.api.conftest import program_of
from tests.factories import arranged
from tests.results.conftest import arrange, claimed, project

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
