"""A contact's data on request: listed, taken out as a file, and erased everywhere (PIPL)."""

import io
import re
from datetime import date

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from crm.base.audit_trail import first_break_seen
from crm.base.db import Base
from crm.leads.models import Company, Contact, Lead
from crm.leads.rules import Secrecy
from crm.people.models import Person
from crm.people.rules import Role
from crm.personal_data.rules import pseudonym_of
from crm.visits.fields import CompanyMet
from crm.visits.models import Visit
from tests.factories import (
    arranged,
    make_company,
    make_contact,
    make_followup,
    make_lead,
    make_order,
    make_person,
    make_problem,
    make_unit,
    make_visit,
    sign_in,
)
from tests.files import samples
from tests.web.files.sending import upload

pytestmark = pytest.mark.slow_on_postgresql
NAME, NUMBER = "张建国", "13812345678"
BASIS = {"basis": "本人来函要求删除"}


class Zone:
    """A contact met at a visit, of whom the trail, a proposal and a mail know, too."""

    def __init__(self, db):
        bureau = make_unit(db, "招商局")
        tracker = make_person(db, "tracker", unit=bureau)
        make_person(db, "other", unit=make_unit(db, "园区"))
        make_person(db, "admin", role=Role.ADMIN)
        self.company = make_company(db, "云海科技")
        self.lead = make_lead(db, "研发中心", company=self.company, unit=bureau, tracker=tracker)
        self.contact = make_contact(db, self.company, "原名", lead=self.lead, phone="0513-85920000")
        met = CompanyMet(company_id=self.company.id, met=f"{NAME}、李总", position="厂长、总经理")
        words = {"met": f"{NAME}、李总", "position": "厂长、总经理"}
        self.visit = make_visit(db, tracker, leads=[self.lead], companies=[met], **words)
        noted = make_visit(db, tracker, leads=[self.lead], minutes=f"与{NAME}谈用地")
        self.noted = noted.ref


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        zone = Zone(db)
    values = {"name": NAME, "position": "厂长", "phone": NUMBER, "email": ""}
    path = f"/companies/{zone.company.id}"
    sign_in(app, "tracker").post(f"{path}/contacts/{zone.contact.id}", data=values)
    proposed = values | {"position": "副厂长"}
    sign_in(app, "other").post(f"{path}/propose/contact?contact={zone.contact.id}", data=proposed)
    return zone


def page_of(zone, ending="personal-data"):
    return f"/contacts/{zone.contact.id}/{ending}"


def texts_of(app, *, but=()):
    """Everything that the database holds, without these tables."""
    with arranged(app) as db:
        tables = [table for table in Base.metadata.sorted_tables if table.name not in but]
        return "\n".join(str(row) for table in tables for row in db.execute(select(table)))


def test_the_preview_says_where_the_data_stand_and_changes_nothing(app, zone):
    page = sign_in(app, "admin").get(page_of(zone)).text

    assert pseudonym_of(zone.contact.id) in page
    assert "拜访中的会见人员和职务" in page
    assert "修改建议" in page
    assert f"拜访 {zone.noted}" in page
    assert NUMBER in texts_of(app)


def test_an_erased_contact_stands_nowhere_as_data_and_the_chain_holds(app, zone):
    pseudonym = pseudonym_of(zone.contact.id)

    answer = sign_in(app, "admin").post(page_of(zone, "erase"), data=BASIS)

    left = texts_of(app, but=("audit_entry",))
    assert answer.status_code == 302
    assert NUMBER not in left
    assert left.count(NAME) == 1  # the minutes, for a person to decide
    with arranged(app) as db:
        contact, visit = db.get_one(Contact, zone.contact.id), db.get_one(Visit, zone.visit.id)
        assert (contact.name, contact.phone, contact.position) == (pseudonym, None, None)
        assert (visit.met, visit.position) == (f"{pseudonym}、李总", "总经理")
        assert first_break_seen(db) is None


def test_the_trail_shows_nobody_what_it_says_of_an_erased_contact(app, zone):
    admin = sign_in(app, "admin")
    before = admin.get("/admin/audit").text

    admin.post(page_of(zone, "erase"), data=BASIS)

    after = admin.get("/admin/audit").text
    assert NAME in before
    assert NAME not in after
    assert pseudonym_of(zone.contact.id) in after
    assert "删除联系人个人信息" in after


def test_a_file_holds_all_that_is_kept_and_is_an_entry_itself(app, zone):
    admin = sign_in(app, "admin")

    answer = admin.get(page_of(zone, "personal-data.xlsx"))

    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    words = str(book.get_sheet_by_index(0).to_python())
    kept = (NUMBER, "厂长", "李总", "副厂长", "操作记录", "谈用地", zone.visit.ref)
    assert all(text in words for text in kept)
    assert "联系人个人信息" in admin.get("/admin/audit").text


def test_each_sentence_that_names_the_contact_is_shown_and_changed_where_it_is_ticked(app, zone):
    with arranged(app) as db:
        lead, tracker = db.get_one(Lead, zone.lead.id), db.scalars(select(Person)).first()
        make_followup(db, lead, tracker, date(2026, 7, 20), what=f"约{NAME}看地")
        make_problem(db, tracker, [lead], unit=make_unit(db), matter=f"{NAME}反映供电不足")
        make_order(db, make_unit(db), lead_id=lead.id, demand=f"请答复{NAME}")
        hidden = {"secrecy": Secrecy.RESTRICTED, "code_name": "代号一", "note": f"密：{NAME}"}
        make_lead(db, "密", company=db.get_one(Company, zone.company.id), **hidden)
    admin = sign_in(app, "admin")

    page = admin.get(page_of(zone)).text
    keys = re.findall(r'name="texts" value="([^"]+)"', page)
    left_alone = next(key for key in keys if key.startswith("followup."))
    ticked = {"texts": [key for key in keys if key != left_alone], "hidden_texts": "y"}
    admin.post(page_of(zone, "erase"), data=BASIS | ticked)

    told = ("看地", "反映供电不足", "请答复", "谈用地")
    assert all(words in page for words in told)
    assert "密：" not in page
    assert "另有 1 处在未公开的记录" in page
    left = texts_of(app, but=("audit_entry",))
    assert left.count(NAME) == 1
    assert f"约{NAME}看地" in left
    assert f"密：{pseudonym_of(zone.contact.id)}" in left
    assert "删除困难问题中的联系人信息" in admin.get("/admin/audit").text


@pytest.mark.parametrize("page", ["leads/{0}", "followups/{1}"])
def test_names_of_files_on_every_record_are_reached(app, zone, page):
    with arranged(app) as db:
        lead, tracker = db.get_one(Lead, zone.lead.id), db.scalars(select(Person)).first()
        step_id = make_followup(db, lead, tracker, date(2026, 7, 20)).id
    path = f"/{page.format(zone.lead.id, step_id)}/files"
    upload(sign_in(app, "tracker"), path, (f"{NAME}名片.pdf", samples.pdf()))

    sign_in(app, "admin").post(page_of(zone, "erase"), data=BASIS)

    assert f"{pseudonym_of(zone.contact.id)}名片.pdf" in texts_of(app)


def test_admins_alone_erase_and_say_why(app, zone):
    tracker, admin = sign_in(app, "tracker"), sign_in(app, "admin")

    assert tracker.get(page_of(zone)).status_code == 404
    assert tracker.post(page_of(zone, "erase"), data=BASIS).status_code == 404
    refused = admin.post(page_of(zone, "erase"), data={"basis": ""})
    assert refused.status_code == 422
    assert "请填写删除依据" in refused.text
    assert NUMBER in texts_of(app)


def test_a_contact_is_erased_once(app, zone):
    admin = sign_in(app, "admin")
    admin.post(page_of(zone, "erase"), data=BASIS)

    assert admin.post(page_of(zone, "erase"), data=BASIS).status_code == 422
    assert app.test_client().get(page_of(zone)).status_code == 302
