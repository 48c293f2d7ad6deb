"""Whoever may not change a company proposes a change on its page (PROJECTS 6)."""

from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select

from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.outbox import Message
from crm.leads.company_proposals import ProposalData, propose
from crm.leads.models import Company, CompanyAlias, Contact
from crm.leads.proposal_models import CompanyProposal, ProposalField
from crm.people.models import Person, Unit
from crm.people.rules import Duty, Role
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import arranged, make_company, make_lead, make_person, make_unit, sign_in
from tests.web.companies.test_views import CODE, Zone, path


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


def proposed(app, company, field, by="stranger", **given):
    """Propose; the answer."""
    return sign_in(app, by).post(path(company, f"/propose/{field}"), data=given)


def decide(app, step, by="tracker", **given):
    return sign_in(app, by).post(f"/company-proposals/1/{step}", data=given)


def readers(app):
    with arranged(app) as db:
        query = select(Person.username).join(Message, Message.person_id == Person.id)
        return list(db.scalars(query.order_by(Message.id)))


def test_a_proposal_waits_for_who_may_change_the_company_and_is_taken_over(app, zone):
    assert proposed(app, zone.open, "group_name", value="云海集团").status_code == 302

    assert "企业信息建议待处理" in sign_in(app, "tracker").get("/").text
    assert "云海集团" in sign_in(app, "tracker").get(path(zone.open)).text
    assert decide(app, "take", by="stranger").status_code == 422
    assert decide(app, "take").status_code == 302

    with arranged(app) as db:
        assert db.get_one(Company, zone.open.id).group_name == "云海集团"
    assert readers(app) == ["tracker", "stranger"]
    assert "企业信息建议待处理" not in sign_in(app, "tracker").get("/").text
    assert decide(app, "take").status_code == 422


def test_a_proposal_is_on_the_day_of_who_is_asked_and_not_of_all_who_may_decide(app, zone):
    with arranged(app) as db:
        bureau = db.scalar(select(Unit).where(Unit.name == "招商局"))
        given = {"duty": Duty.STAFF, "unit": bureau}
        for name, role in (("near", Role.SUPERVISOR), ("boss", Role.LEADER), ("root", Role.ADMIN)):
            make_person(db, name, role=role, **given)
        make_person(db, "mate", unit=bureau)

    proposed(app, zone.open, "group_name", value="云海集团")
    names = ("tracker", "near", "boss", "root", "mate")
    days = {name: "企业信息建议待处理" in sign_in(app, name).get("/").text for name in names}

    assert {name for name in names if days[name]} == set(readers(app)) == {"tracker", "near"}
    assert decide(app, "take", by="boss").status_code == 302  # who may, may decide it


def test_where_nobody_is_nearer_an_admin_is_asked(app, zone):
    with arranged(app) as db:
        lead = make_lead(db, "无人跟踪", company=make_company(db, "孤帆科技"))
        company = db.get_one(Company, lead.company_id)
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)

    proposed(app, company, "group_name", value="孤帆集团")

    assert "企业信息建议待处理" in sign_in(app, "root").get("/").text
    assert readers(app) == ["root"]


def test_an_alias_and_a_contact_are_taken_over_like_a_group(app, zone):
    with arranged(app) as db:
        contact_id = db.scalar(select(Contact.id).where(Contact.name == "张工"))
    proposed(app, zone.open, "alias", value="云海旧名")
    decide(app, "take")
    asked = f"contact?contact={contact_id}"
    proposed(app, zone.open, asked, name="张工", phone="0513-85920000")

    sign_in(app, "tracker").post("/company-proposals/2/take")

    with arranged(app) as db:
        own = CompanyAlias.company_id == zone.open.id
        assert db.scalars(select(CompanyAlias.name).where(own)).all() == ["云海旧名"]
        assert db.get_one(Contact, contact_id).phone == "0513-85920000"


def test_a_proposal_is_declined_with_a_reason_that_its_author_reads(app, zone):
    proposed(app, zone.open, "credit_code", value=CODE)

    assert decide(app, "decline").status_code == 422
    assert decide(app, "decline", reason="与营业执照不符").status_code == 302

    assert "与营业执照不符" in sign_in(app, "stranger").get("/company-proposals/1").text
    with arranged(app) as db:
        assert db.get_one(Company, zone.open.id).credit_code is None


def test_a_wrong_code_and_a_second_proposal_get_their_sentence(app, zone):
    wrong = proposed(app, zone.open, "credit_code", value="91320600MA1ABCDE1X")
    proposed(app, zone.open, "group_name", value="云海集团")
    second = proposed(app, zone.open, "group_name", value="云海控股")

    assert (wrong.status_code, second.status_code) == (422, 422)
    assert "末位是校验码" in wrong.text
    assert "此项已有待处理的建议" in second.text
    assert "云海控股" in second.text


def test_who_may_change_the_company_changes_it_and_others_see_no_proposal(app, zone):
    with arranged(app) as db:
        make_person(db, "another")
    proposed(app, zone.open, "group_name", value="云海集团")

    assert proposed(app, zone.open, "alias", by="tracker", value="旧名").status_code == 404
    another = sign_in(app, "another")
    assert another.get("/company-proposals/1").status_code == 404
    assert "云海集团" not in another.get(path(zone.open)).text
    assert app.test_client().get("/company-proposals/1").status_code == 302
    assert sign_in(app, "reader").get("/company-proposals/1").status_code == 404


def test_what_hidden_leads_tell_of_a_company_shows_in_no_proposal(app, zone):
    stranger = sign_in(app, "stranger")
    secrets = ("青禾集团", "青禾曾用名", CODE, "机密")

    # the very code that a hidden lead brought is taken like any other
    answer = proposed(app, zone.shared, "credit_code", value=CODE)
    proposed(app, zone.shared, "group_name", value="某集团")
    page = stranger.get("/company-proposals/2").text

    assert answer.status_code == 302
    assert stranger.get(path(zone.hidden, "/propose/alias")).status_code == 404
    assert proposed(app, zone.hidden, "alias", value="长风").status_code == 404
    assert not any(text in page for text in secrets)
    # the tracker is named on the hidden lead
    assert "青禾集团" in sign_in(app, "tracker").get("/company-proposals/2").text


def test_of_two_who_propose_a_field_at_once_one_is_kept(sessions):
    with transaction(sessions) as db:
        unit = make_unit(db, "招商局")
        tracker = make_person(db, "tracker", unit=unit)
        company = make_company(db, "云海科技")
        make_lead(db, "研发中心", company=company, unit=unit, tracker=tracker)
        ids = [make_person(db, name).id for name in ("one", "two")]
        company_id = company.id
    together, codes = Barrier(2), []

    def run(person_id):
        together.wait()
        data = ProposalData(field=ProposalField.GROUP, value="云海集团")
        try:
            with transaction(sessions) as db:
                company, by = db.get_one(Company, company_id), db.get_one(Person, person_id)
                site = Site("https://crm.test", "crm@crm.test")
                propose(db, company=company, data=data, by=by, now=NOW, site=site)
        except Refused as refusal:
            codes.append(refusal.code)

    threads = [Thread(target=run, args=(person_id,)) for person_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with sessions() as db:
        assert db.scalar(select(func.count(CompanyProposal.id))) == 1
    assert codes == ["proposed_already"]
