"""Contacts' numbers: masked for whoever does not work on the lead, and shown one by one (PIPL)."""

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.leads.contact_reveals import HOUR, MOST
from crm.leads.models import Contact
from crm.leads.rules import Secrecy
from crm.people.rules import Role
from tests.factories import (
    arranged,
    make_company,
    make_contact,
    make_lead,
    make_person,
    make_unit,
    sign_in,
)

pytestmark = pytest.mark.slow_on_postgresql
NUMBER, MASKED = "13812345678", "138****5678"


class Zone:
    """A contact of the tracker's lead, one of a hidden lead, and one of a company without leads."""

    def __init__(self, db):
        bureau = make_unit(db, "招商局")
        tracker = make_person(db, "tracker", unit=bureau)
        make_person(db, "stranger")
        make_person(db, "admin", role=Role.ADMIN)
        self.company = make_company(db, "云海科技")
        roles = {"unit": bureau, "tracker": tracker}
        self.lead = make_lead(db, "研发中心", company=self.company, **roles)
        reach = {"phone": NUMBER, "email": "zhang@example.com"}
        self.contact = make_contact(db, self.company, "张工", lead=self.lead, **reach)
        secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "代号一", **roles}
        company = make_company(db, "长风重工")
        hidden = make_lead(db, "机密项目", company=company, **secret)
        self.hidden = make_contact(db, company, "密联系人", lead=hidden, phone=NUMBER)
        self.free = make_company(db, "青禾电子")
        self.of_free = make_contact(db, self.free, "李工", phone=NUMBER)


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


def reveals(app):
    with arranged(app) as db:
        revealed = select(AuditEntry).where(AuditEntry.action == "contact.revealed")
        return db.scalars(revealed).all()


def page_of(zone):
    return f"/companies/{zone.company.id}"


def test_whoever_works_on_the_lead_reads_the_number_and_can_ring_it(app, zone):
    page = sign_in(app, "tracker").get(page_of(zone)).text

    assert f'href="tel:{NUMBER}"' in page


@pytest.mark.parametrize("path", ["/companies/{0}", "/leads/{1}", "/search/found?q=张工"])
def test_others_read_it_masked(app, zone, path):
    page = sign_in(app, "stranger").get(path.format(zone.company.id, zone.lead.id)).text

    assert MASKED in page
    assert NUMBER not in page


def test_a_company_without_leads_has_its_numbers_masked_in_the_form_as_well(app, zone):
    stranger = sign_in(app, "stranger")
    path = f"/companies/{zone.free.id}/contacts/{zone.of_free.id}"

    page, form = stranger.get(f"/companies/{zone.free.id}").text, stranger.get(path).text
    sent = {"name": "李工", "position": "厂长", "phone": "", "email": ""}
    stranger.post(path, data=sent)

    assert MASKED in page
    assert NUMBER not in page + form
    with arranged(app) as db:
        contact = db.get_one(Contact, zone.of_free.id)
        assert (contact.position, contact.phone) == ("厂长", NUMBER)


def test_a_form_of_a_proposal_begins_without_a_masked_number(app, zone):
    path = f"{page_of(zone)}/propose/contact?contact={zone.contact.id}"

    assert NUMBER not in sign_in(app, "stranger").get(path).text


def test_each_number_shown_is_one_entry_that_names_the_row_and_no_data(app, zone):
    stranger = sign_in(app, "stranger")
    path = f"/contacts/{zone.contact.id}/reveal"

    page = stranger.post(path).text
    part = stranger.post(path, headers={"HX-Request": "true"}).text

    assert f'href="tel:{NUMBER}"' in page
    assert "<html" not in part
    assert "zhang@example.com" in part
    entries = reveals(app)
    assert [entry.subject_id for entry in entries] == [zone.contact.id] * 2
    assert {(entry.before, entry.after) for entry in entries} == {(None, None)}
    assert "联系人 张工" in sign_in(app, "admin").get("/admin/audit").text


def test_one_person_sees_no_more_than_so_many_in_an_hour(app, zone):
    stranger, path = sign_in(app, "stranger"), f"/contacts/{zone.contact.id}/reveal"
    for _ in range(MOST[HOUR]):
        stranger.post(path)

    refused = stranger.post(path)

    assert refused.status_code == 422
    assert "请稍后再试" in refused.text
    assert NUMBER not in refused.text
    assert len(reveals(app)) == MOST[HOUR]


def test_a_contact_that_one_may_not_see_is_not_there(app, zone):
    answer = sign_in(app, "stranger").post(f"/contacts/{zone.hidden.id}/reveal")

    assert answer.status_code == 404
    assert app.test_client().post(f"/contacts/{zone.contact.id}/reveal").status_code == 302
    with arranged(app) as db:
        revealed = AuditEntry.action == "contact.revealed"
        assert db.scalar(select(func.count()).where(revealed)) == 0


def test_the_notice_on_personal_data_says_whom_to_ask(app, zone):
    page = sign_in(app, "stranger").get("/me/personal-data").text

    assert "请联系系统管理员" in page
    assert "admin" in page
