"""A change that takes a record out of its maker's sight is made, and answered without it."""

import pytest
from sqlalchemy import select

from crm.leads.models import Lead
from crm.leads.rules import Secrecy
from tests.factories import arranged, make_unit

pytestmark = pytest.mark.slow_on_postgresql
LEAD = {"company": "云海新材料有限公司", "title": "正极材料项目"}


@pytest.fixture
def other_unit(app):
    with arranged(app) as db:
        return make_unit(db, "经济局").code


def secrecies(app):
    with arranged(app) as db:
        return db.scalars(select(Lead.secrecy)).all()


def test_a_lead_entered_for_another_unit_is_kept_and_answered_alike_when_sent_again(
    app, lina, other_unit
):
    body = LEAD | {"unit": other_unit, "secrecy": "internal", "ref": "L-1"}

    first, again = (lina.post("/leads", body, key="a") for _ in range(2))
    under_its_ref = lina.post("/leads", body, key="b")

    for answer in (first, again, under_its_ref):
        assert (answer.status_code, answer.get_data(), answer.content_type) == (204, b"", None)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert secrecies(app) == [Secrecy.INTERNAL]


def test_a_lead_whose_enterer_closes_it_to_others_is_closed(app, lina, other_unit):
    entered = lina.post("/leads", LEAD | {"unit": other_unit})
    place = f"/leads/{entered.json['id']}"

    closed = lina.send("PATCH", place, json={"secrecy": "internal"}, match=entered.headers["ETag"])

    assert closed.status_code == 204, closed.text
    assert secrecies(app) == [Secrecy.INTERNAL]
    assert lina.get(place).status_code == 404
