"""The page on which one offers to assist with a lead (PROJECTS 6)."""

import pytest

from crm.leads.rules import Secrecy
from crm.people.rules import Duty, Role
from tests.factories import arranged, make_lead, make_person, make_unit, sign_in


@pytest.fixture
def lead(app):
    """A lead of the bureau, which people of another bureau see."""
    with arranged(app) as db:
        bureau, other = make_unit(db, "招商局"), make_unit(db, "经发局")
        tracker = make_person(db, "tracker", unit=bureau)
        make_person(db, "boss", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=bureau)
        make_person(db, "helper", unit=other)
        secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "代号一"}
        make_lead(db, "机密项目", unit=bureau, tracker=tracker, **secret)
        return make_lead(db, "封测项目", unit=bureau, tracker=tracker).id


def test_an_offer_to_assist_is_told_on_the_lead_and_on_the_supervisors_day(app, lead):
    helper = sign_in(app, "helper")

    asked = helper.get(f"/leads/{lead}/assist")
    page = helper.post(f"/leads/{lead}/assist", follow_redirects=True).text

    assert asked.status_code == 200
    assert "协办申请已发出" in page
    assert "经发局申请协办" in page
    day = sign_in(app, "boss").get("/").text
    assert "单位申请协办" in day
    assert f"/leads/{lead}?open=role" in day


def test_a_hidden_lead_cannot_be_offered_for_and_the_signed_out_sign_in(app, lead):
    assert sign_in(app, "helper").post(f"/leads/{lead - 1}/assist").status_code == 404
    assert app.test_client().get(f"/leads/{lead}/assist").status_code == 302
