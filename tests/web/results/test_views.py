"""Pages of recognition: claimed from the lead's page, decided on the claim's."""

from types import SimpleNamespace

import pytest

from crm.extensions import db as database_of_app
from crm.leads.models import Lead
from crm.leads.rules import Secrecy
from crm.people.models import Person, Unit
from crm.results.models import Claim
from crm.results.rules import ClaimState
from tests.factories import arranged, make_milestone, sign_in
from tests.files import samples
from tests.results.conftest import arrange, claimed, project
from tests.web.files.sending import upload

FORM = {
    "agreement": "formal",
    "counts_on": "2026-07-06",
    "amount": "12亿元",
    "document_number": "投资协议",
    "document_issuer": "招商局",
    "document_on": "2026-07-06",
    "is_declared": "y",
}


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        own = arrange(db)
        lead = project(db, own, title="封装测试项目", secrecy=Secrecy.INTERNAL)
        names = {name: row.id for name, row in vars(own).items()}
        return SimpleNamespace(**names, lead=lead.id)


@pytest.fixture
def claim_id(app, zone):
    with arranged(app) as db:
        return claimed(db, db.get(Lead, zone.lead), db.get(Person, zone.li)).id


def state_of(app, claim_id):
    with app.app_context():
        return database_of_app.session.get(Claim, claim_id).state


def test_a_signing_is_claimed_from_the_leads_page_and_told_there(app, zone):
    client = sign_in(app, "li")
    assert f"/leads/{zone.lead}/claims/signed" in client.get(f"/leads/{zone.lead}").text
    form = client.get(f"/leads/{zone.lead}/claims/signed").text
    assert "12亿元" in form
    assert "本地企业搬迁" in form

    sent = client.post(f"/leads/{zone.lead}/claims/signed", data=FORM, follow_redirects=True)

    assert "已申报，请等待认定" in sent.text
    page = client.get(f"/leads/{zone.lead}").text
    assert "签约认定：申报" in page
    assert "/claims/signed" not in page


def test_a_refused_claim_says_why_at_its_field_and_loses_nothing(app, zone):
    data = FORM | {"agreement": "framework", "note": "二期另行申报"}
    sent = sign_in(app, "li").post(f"/leads/{zone.lead}/claims/signed", data=data)

    assert sent.status_code == 422
    assert "框架协议、意向协议不能认定为签约" in sent.text
    assert "二期另行申报" in sent.text


def test_all_faults_of_a_claim_are_shown_at_once(app, zone):
    data = {"agreement": "framework", "amount": "12", "document_number": "投资协议"}
    page = sign_in(app, "li").post(f"/leads/{zone.lead}/claims/signed", data=data).text

    for sentence in (
        "框架协议、意向协议不能认定为签约",
        "请写明数额和单位",
        "请填写计入日期",
        "请核对不予认定情形，并勾选声明",
    ):
        assert page.count(sentence) == 1
    assert page.count("请填写此项。") == 2  # who issued the document, and when


def test_all_faults_of_a_recognition_are_shown_at_once(app, zone, claim_id):
    data = {"recognise-amount": "10亿元", "recognise-basis": ""}
    page = sign_in(app, "officer").post(f"/claims/{claim_id}/recognise", data=data).text

    assert "请写明认定依据" in page
    assert "少于申报数额，请写明原因" in page


def test_an_amount_that_cannot_be_kept_is_not_claimed(app, zone):
    data = FORM | {"amount": "9" * 60 + "亿元"}
    sent = sign_in(app, "li").post(f"/leads/{zone.lead}/claims/signed", data=data)

    assert sent.status_code == 422
    assert "最多两位小数" in sent.text


def test_parts_of_a_cent_are_not_recognised(app, zone, claim_id):
    typed = {"amount": "1.005元", "basis": "核对", "less_reason": "部分"}
    data = {f"recognise-{name}": text for name, text in typed.items()}
    sent = sign_in(app, "officer").post(f"/claims/{claim_id}/recognise", data=data)

    assert sent.status_code == 422
    assert "最多两位小数" in sent.text


def test_a_file_is_evidence_enough_and_without_any_the_claim_is_refused(app, zone):
    client, path = sign_in(app, "li"), f"/leads/{zone.lead}/claims/signed"
    document = {"document_number", "document_issuer", "document_on"}
    data = {name: value for name, value in FORM.items() if name not in document}
    assert "请上传佐证材料" in client.post(path, data=data).text
    assert upload(client, path, ("协议.pdf", b"MZ"), **data).status_code == 422
    again = upload(client, path, ("协议.pdf", samples.pdf()), **data | {"amount": ""})
    assert "请重新选择文件" in again.text

    sent = upload(client, path, ("协议.pdf", samples.pdf()), **data)

    page = client.get(sent.headers["Location"]).text
    assert "协议.pdf" in page
    assert "见附件" in page


def test_who_recognises_finds_it_on_my_day_and_decides(app, zone, claim_id):
    client = sign_in(app, "officer")
    assert "申报待认定" in client.get("/").text
    assert "封装测试项目" in client.get("/claims").text
    # of an internal lead whose page they may not open
    assert client.get(f"/leads/{zone.lead}").status_code == 404

    data = {"recognise-amount": "10亿元", "recognise-basis": "核对原件"}
    refused = client.post(f"/claims/{claim_id}/recognise", data=data)
    assert refused.status_code == 422
    assert "少于申报数额，请写明原因" in refused.text
    data["recognise-less_reason"] = "分期部分未计"
    sent = client.post(f"/claims/{claim_id}/recognise", data=data, follow_redirects=True)

    assert "10亿元（申报 12亿元）" in sent.text
    assert state_of(app, claim_id) is ClaimState.RECOGNISED


def test_who_decides_sees_that_the_lead_has_another_amount(app, zone, claim_id):
    with arranged(app) as db:
        own = SimpleNamespace(company=db.get(Unit, zone.company), li=db.get(Person, zone.li))
        other = claimed(db, project(db, own, yi="4"), own.li).id
    officer = sign_in(app, "officer")

    assert "线索所记数额" not in officer.get(f"/claims/{claim_id}").text
    assert ">4亿元<" in officer.get(f"/claims/{other}").text


def test_a_returned_claim_is_corrected_and_claimed_again(app, zone, claim_id):
    data = {"return-exclusion": "本地企业搬迁"}
    sign_in(app, "officer").post(f"/claims/{claim_id}/return", data=data)
    client = sign_in(app, "li")

    assert "申报退回待补正" in client.get("/").text
    form = client.get(f"/claims/{claim_id}/again").text
    assert "投资协议" in form
    assert "退回原因：本地企业搬迁" in form
    sent = client.post(f"/claims/{claim_id}/again", data=FORM, follow_redirects=True)

    assert "第 2 次申报" in sent.text
    assert "本地企业搬迁" in sent.text


def test_a_claim_that_is_not_theirs_to_see_is_not_there(app, zone, claim_id):
    with arranged(app) as db:
        db.get(Lead, zone.lead).secrecy = Secrecy.RESTRICTED
        db.get(Lead, zone.lead).code_name = "海风"

    for username in ("officer", "wang", "admin"):
        client = sign_in(app, username)
        assert client.get(f"/claims/{claim_id}").status_code == 404
        assert client.post(f"/claims/{claim_id}/recognise").status_code == 404
        assert "封装测试项目" not in client.get("/claims?view=all").text
    page = sign_in(app, "li").get(f"/claims/{claim_id}").text
    assert "请先在分工中列明统筹单位经办人" in page


def test_who_may_not_claim_gets_no_form(app, zone):
    assert sign_in(app, "wang").get(f"/leads/{zone.lead}/claims/signed").status_code == 404
    assert sign_in(app, "li").get(f"/leads/{zone.lead}/claims/started").status_code == 404
    assert app.test_client().get("/claims").headers["Location"].startswith("/login")


def test_what_counts_as_registered_is_not_offered(app, zone):
    with arranged(app) as db:
        lead = db.get(Lead, zone.lead)
        make_milestone(db, lead, "operating", lead.entered_on)

    assert "/claims/operating" not in sign_in(app, "li").get(f"/leads/{zone.lead}").text


def test_evidence_is_a_file_that_the_recogniser_opens_and_nobody_adds_to_later(app, zone, claim_id):
    li, officer = sign_in(app, "li"), sign_in(app, "officer")
    upload(li, f"/claims/{claim_id}/files", ("协议.pdf", samples.pdf()))

    assert "协议.pdf" in officer.get(f"/claims/{claim_id}").text
    assert officer.get(f"/claims/{claim_id}/files/1", buffered=True).data.startswith(b"%PDF-")
    assert sign_in(app, "economist").get(f"/claims/{claim_id}/files/1").status_code == 404
    data = {"recognise-amount": "12亿元", "recognise-basis": "核对原件"}
    officer.post(f"/claims/{claim_id}/recognise", data=data)

    late = upload(li, f"/claims/{claim_id}/files", ("补充.pdf", samples.pdf()))
    assert late.status_code in {403, 404}


def test_several_claims_are_recognised_from_the_list_that_shows_their_evidence(app, zone, claim_id):
    client = sign_in(app, "officer")
    page = client.get("/claims").text
    assert "投资协议，招商局" in page
    assert f'value="{claim_id}"' in page

    refused = client.post("/claims/recognise", data={"basis": "核对原件"})
    assert refused.status_code == 422
    data = {"claims": [claim_id], "basis": "核对原件"}
    sent = client.post("/claims/recognise", data=data, follow_redirects=True)

    assert "已认定 1 项" in sent.text
    assert state_of(app, claim_id) is ClaimState.RECOGNISED


def test_the_list_of_claims_is_exported_with_the_number_of_their_files(app, zone, claim_id):
    li = sign_in(app, "li")
    upload(li, f"/claims/{claim_id}/files", ("协议.pdf", samples.pdf()))

    head, row, *_ = li.get("/claims/export.csv?view=all&kind=signed").text.splitlines()

    assert "/claims/export.csv" in li.get("/claims?view=all").text
    assert dict(zip(head.split(","), row.split(","), strict=True))["佐证材料份数"] == "1"
    assert "协议.pdf" in li.get(f"/leads/{zone.lead}").text
    assert len(li.get("/claims/export.csv?kind=started").text.splitlines()) == 3
