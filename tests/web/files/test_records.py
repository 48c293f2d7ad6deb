"""Attachments of each kind of record go with the sight of it."""

from datetime import date

import pytest

from crm.leads.models import Lead
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person
from crm.people.rules import Duty, Role
from crm.supervision.models import Order
from crm.supervision.rules import About, OrderState
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_followup,
    make_lead,
    make_order,
    make_person,
    make_problem,
    make_role,
    make_unit,
    make_visit,
    sign_in,
)
from tests.files import samples
from tests.web.files.sending import upload

RECORDS = ["visits", "followups", "supervision", "problems"]
DUE = date(2026, 7, 31)
RECEIVED = {"state": OrderState.RECEIVED, "about": About.PERSON, "number": 1, "number_year": 2026}
RECEIVED |= {"code_word": "督", "issued_at": NOW, "due_on": DUE, "first_due_on": DUE}


@pytest.fixture
def zone(app):
    """A recruiter with a restricted project, and the supervisor of the unit, who may not see it."""
    with arranged(app) as db:
        unit = make_unit(db, "招商局")
        recruiter = make_person(db, "recruiter", unit=unit)
        boss = make_person(db, "boss", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
        make_person(db, "stranger", unit=make_unit(db, "另一单位"))
        lead = make_lead(db, "限知项目", secrecy=Secrecy.RESTRICTED, unit=unit, tracker=recruiter)
        make_visit(db, recruiter, leads=[lead])
        make_followup(db, lead, recruiter, DUE)
        make_order(db, unit, officer=boss, person_id=recruiter.id, **RECEIVED)
        make_problem(db, recruiter, [lead], unit=unit)
        return {"lead": lead.id, "boss": boss.id}


def paths(record):
    return f"/{record}/1/files", f"/{record}/1/files/1"


@pytest.mark.parametrize("record", RECORDS)
def test_files_of_each_record_are_added_listed_and_downloaded(app, zone, record):
    recruiter, (files, file) = sign_in(app, "recruiter"), paths(record)

    answer = upload(recruiter, files, ("材料.pdf", samples.pdf()))

    assert answer.location == f"/{record}/1#files"
    assert "材料.pdf" in recruiter.get(f"/{record}/1").get_data(as_text=True)
    assert recruiter.get(file, buffered=True).data.startswith(b"%PDF-")


@pytest.mark.parametrize("record", RECORDS)
def test_who_may_not_see_the_record_sees_no_file_of_it(app, zone, record):
    upload(sign_in(app, "recruiter"), paths(record)[0], ("材料.pdf", samples.pdf()))
    stranger = sign_in(app, "stranger")

    assert [stranger.get(path).status_code for path in paths(record)] == [404, 404]
    assert upload(stranger, paths(record)[0], ("a.pdf", samples.pdf())).status_code == 404


@pytest.mark.parametrize("record", RECORDS)
def test_who_is_not_signed_in_is_led_to_the_door(client, zone, record):
    assert all("/login" in client.get(path).location for path in paths(record))


def test_files_of_a_visit_hide_with_its_leads_as_its_words_do(app, zone):
    upload(sign_in(app, "recruiter"), "/visits/1/files", ("纪要.pdf", samples.pdf()))
    boss = sign_in(app, "boss")

    page = boss.get("/visits/1")
    assert page.status_code == 200
    assert "纪要.pdf" not in page.get_data(as_text=True)
    assert [boss.get(path).status_code for path in paths("visits")] == [404, 404]
    assert upload(boss, "/visits/1/files", ("a.pdf", samples.pdf())).status_code == 404

    with arranged(app) as db:
        make_role(
            db,
            db.get_one(Lead, zone["lead"]),
            LeadRoleKind.ATTACHED_LEADER,
            person=db.get_one(Person, zone["boss"]),
        )
    assert boss.get("/visits/1/files/1", buffered=True).status_code == 200


def test_the_trail_hides_the_names_of_files_with_the_lead(app, zone):
    with arranged(app) as db:
        make_person(db, "admin", role=Role.ADMIN)
    for record in ("visits", "followups"):
        upload(sign_in(app, "recruiter"), paths(record)[0], ("机密纪要.pdf", samples.pdf()))
    upload(sign_in(app, "recruiter"), f"/leads/{zone['lead']}/files", ("机密.pdf", samples.pdf()))

    page = sign_in(app, "admin").get("/admin/audit").get_data(as_text=True)

    for record in ("线索", "拜访", "跟进"):
        assert f"添加{record}佐证材料" in page
    assert "机密" not in page


def test_a_closed_order_takes_no_more_files(app, zone):
    with arranged(app) as db:
        order = db.get_one(Order, 1)
        order.state, order.basis = OrderState.ACCEPTED, "已落实"

    page = sign_in(app, "recruiter").get("/supervision/1")

    assert page.status_code == 200
    assert "添加佐证材料" not in page.get_data(as_text=True)
