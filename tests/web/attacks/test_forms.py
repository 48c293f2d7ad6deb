"""What forms and programs send beside their fields reaches no column."""

import pytest
from sqlalchemy import select

from crm.leads.models import Lead
from crm.people.models import Person
from crm.people.rules import Role
from tests.api.conftest import program_of
from tests.factories import arranged, make_person, sign_in
from tests.web.leads.test_views import FORM

FOREIGN = {"id": "4711", "entered_by_id": "1", "entered_at": "2020-01-01", "code": "X", "merged": 1}
OF_A_PERSON = {"role": "admin", "username": "root", "duty": "principal", "unit_id": "1"}

pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture
def lina(app):
    with arranged(app) as db:
        make_person(db, "other")
        make_person(db, "lina")
    return sign_in(app, "lina")


def test_a_form_sets_no_column_that_it_has_no_field_for(app, lina):
    answer = lina.post("/leads/new", data=FORM | FOREIGN)

    assert answer.status_code == 302, answer.text
    with arranged(app) as db:
        lead = db.scalars(select(Lead).where(Lead.ref == FORM["ref"])).one()
        author = db.scalars(select(Person.id).where(Person.username == "lina")).one()
    assert lead.id != int(FOREIGN["id"])
    assert lead.entered_by_id == author
    assert lead.entered_at.year == 2026


def test_nobody_gives_themselves_a_role_on_their_own_page(app, lina):
    lina.post("/me", data={"name": "李娜", "email": "lina@zone.example"} | OF_A_PERSON)

    with arranged(app) as db:
        person = db.scalars(select(Person).where(Person.username == "lina")).one()
    assert person.role is Role.RECRUITER


def test_a_program_is_told_of_what_no_field_takes(app, lina):
    sent = {"kind": "outreach", "verdict": "confirmed", "entered_by_id": 1}

    answer = program_of(app, "lina").post("/visits", sent)

    assert answer.status_code == 422
    unknown = {error["pointer"] for error in answer.json["errors"] if "extra" in error["code"]}
    assert unknown == {"#/verdict", "#/entered_by_id"}
