"""Pages of companies: what leads tell of them, and who may change them (PROJECTS 1, 6)."""

import pytest
from sqlalchemy import select

from crm.leads.models import Company, CompanyAlias, Contact, Lead
from crm.leads.rules import Secrecy
from crm.people.rules import Role
from tests.factories import (
    arranged,
    make_alias,
    make_company,
    make_contact,
    make_lead,
    make_person,
    make_unit,
    make_visit,
    sign_in,
)

CODE = "91320600MA1ABCDE19"


class Zone:
    """A company with an open and a restricted lead, and one that only a hidden lead tells of."""

    def __init__(self, db):
        bureau = make_unit(db, "招商局")
        self.tracker = make_person(db, "tracker", unit=bureau)
        make_person(db, "stranger")
        make_person(db, "reader", role=Role.READER, duty=None)
        roles = {"unit": bureau, "tracker": self.tracker}
        self.open = make_company(db, "云海科技")
        self.shared = make_company(db, "青禾电子", group_name="青禾集团", credit_code=CODE)
        self.hidden = make_company(db, "长风重工")
        make_alias(db, "青禾曾用名", self.shared)
        self.lead = make_lead(db, "研发中心", company=self.open, **roles)
        make_lead(db, "封测项目", company=self.shared, **roles)
        secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "代号一", **roles}
        restricted = make_lead(db, "机密项目", company=self.shared, **secret)
        make_contact(db, self.shared, "机密联系人", lead=restricted)
        make_contact(db, self.open, "张工", lead=self.lead, phone="0513-85921234")
        make_lead(db, "机密项目二", company=self.hidden, **secret)
        make_visit(db, self.tracker, leads=[self.lead], city="无锡")


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


def path(company, ending=""):
    return f"/companies/{company.id}{ending}"


def test_a_company_has_its_leads_contacts_and_visits_on_a_page(app, zone):
    page = sign_in(app, "tracker").get(path(zone.open)).text

    assert all(text in page for text in ("云海科技", "研发中心", "张工", "0513-85921234", "无锡"))


def test_project_companies_are_told_on_the_page_of_the_investor_and_on_their_own(app, zone):
    with arranged(app) as db:
        own = {"project_company": "云帆制造", "secrecy": Secrecy.OPEN}
        make_lead(db, "二期", company=db.get_one(Company, zone.open.id), **own)
        itself = make_company(db, "云帆制造")
    client = sign_in(app, "stranger")

    assert "云帆制造" in client.get(path(zone.open)).text
    page = client.get(path(itself)).text
    assert "项目公司" in page
    assert "云海科技" in page


def test_of_a_company_with_a_hidden_lead_the_viewer_reads_what_visible_leads_tell(app, zone):
    seen, known = (sign_in(app, who).get(path(zone.shared)).text for who in ("stranger", "tracker"))

    secrets = ("机密", CODE, "青禾集团", "青禾曾用名")
    assert "封测项目" in seen
    assert not any(text in seen for text in secrets)
    assert all(text in known for text in secrets)


def test_a_company_known_only_through_hidden_leads_does_not_exist(app, zone):
    stranger = sign_in(app, "stranger")

    listed = stranger.get("/companies").text
    searched = stranger.get("/companies?q=青禾集团").text

    assert stranger.get(path(zone.hidden)).status_code == 404
    assert stranger.get(path(zone.hidden, "/edit")).status_code == 404
    assert "云海科技" in listed
    assert "长风重工" not in listed
    assert "青禾电子" not in searched


def test_readers_get_404_and_the_signed_out_are_sent_to_sign_in(app, zone):
    assert sign_in(app, "reader").get("/companies").status_code == 404
    assert app.test_client().get(path(zone.open)).status_code == 302


@pytest.mark.parametrize("text", ["云海", "yhkj", "云海旧名", CODE, "张工", "85921234"])
def test_a_company_is_found_by_name_alias_initials_code_and_contact(app, zone, text):
    tracker = sign_in(app, "tracker")
    form = {"credit_code": CODE[:-1] + "9", "aliases": "云海旧名\n\n云海旧名"}
    with arranged(app) as db:  # the code is free again
        db.get_one(Company, zone.shared.id).credit_code = None
    tracker.post(path(zone.open, "/edit"), data=form)

    found = tracker.get(f"/companies?q={text}").text

    assert "云海科技" in found
    assert "长风重工" not in found


FORM = {"credit_code": CODE, "group_name": "新集团", "country": "", "aliases": "旧名"}


class TestChangingACompany:
    def test_whoever_may_change_all_its_leads_changes_it_and_what_they_say_of_it(self, app, zone):
        with arranged(app) as db:
            db.get_one(Company, zone.shared.id).credit_code = None
            db.get_one(Lead, zone.lead.id).group_name = "旧集团"

        answer = sign_in(app, "tracker").post(path(zone.open, "/edit"), data=FORM)

        with arranged(app) as db:
            company, lead = db.get_one(Company, zone.open.id), db.get_one(Lead, zone.lead.id)
            aliases = db.scalars(
                select(CompanyAlias.name).where(CompanyAlias.company_id == company.id)
            ).all()
            kept = (company.credit_code, company.group_name, lead.group_name, aliases)
        assert answer.status_code == 302
        assert kept == (CODE, "新集团", "新集团", ["旧名"])

    def test_others_cannot(self, app, zone):
        stranger = sign_in(app, "stranger")

        assert stranger.get(path(zone.open)).status_code == 200
        assert stranger.get(path(zone.open, "/edit")).status_code == 404
        assert stranger.post(path(zone.open, "/edit"), data=FORM).status_code == 404
        contact = {"name": "李工"}
        assert stranger.post(path(zone.open, "/contacts/new"), data=contact).status_code == 404

    @pytest.mark.parametrize(
        ("code", "sentence"),
        [("91320600MA1ABCDE1X", "末位是校验码"), (CODE, "另一家企业已有此信用代码")],
    )
    def test_a_wrong_or_taken_code_gets_its_sentence_and_loses_nothing(
        self, app, zone, code, sentence
    ):
        form = FORM | {"credit_code": code}

        answer = sign_in(app, "tracker").post(path(zone.open, "/edit"), data=form)

        assert answer.status_code == 422
        assert sentence in answer.text
        assert "新集团" in answer.text

    def test_the_code_of_a_hidden_company_tells_nothing(self, app, zone):
        with arranged(app) as db:
            mine = make_lead(db, "本人项目", company=make_company(db, "另一公司"))
            mine.entered_by_id = make_person(db, "other").id
            target = mine.company_id

        answer = sign_in(app, "other").post(
            f"/companies/{target}/edit", data=FORM, follow_redirects=True
        )

        with arranged(app) as db:
            assert db.get_one(Company, target).credit_code is None
        assert answer.status_code == 200
        assert CODE in answer.text

    def test_a_contact_is_changed_on_the_companys_page(self, app, zone):
        tracker = sign_in(app, "tracker")
        with arranged(app) as db:
            contact_id = db.scalar(select(Contact.id).where(Contact.name == "张工"))

        tracker.post(
            path(zone.open, f"/contacts/{contact_id}"), data={"name": "张工", "position": "总工"}
        )
        tracker.post(path(zone.open, "/contacts/new"), data={"name": "李工"})

        page = tracker.get(path(zone.open)).text
        assert "总工" in page
        assert "李工" in page
