"""Text of attackers: one line stays one line, and nothing typed becomes markup or a link."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.base.outbox import Message
from crm.leads.models import Company, Lead
from crm.leads.rules import Stage
from crm.results.receipt_forms import plant_forms
from crm.results.receipt_models import Receipt, ReceiptForm
from tests.conftest import NOW
from tests.factories import arranged, make_lead, make_milestone, sign_in
from tests.problems.conftest import arrange
from tests.web.leads.test_views import FORM

TAG = "<script>alert(1)</script>"
FORMULA = "=HYPERLINK(1)"
RIGHT_TO_LEFT = "\u202egnp\u202c"
BREAKS = ["\r\n", "\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029"]


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        plant_forms(db, NOW)
        return arrange(db)


@pytest.fixture
def li(app, zone):
    return sign_in(app, "li")


@pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
def test_a_line_break_in_a_field_of_one_line_becomes_a_blank(app, li, line_break):
    texts = {"title": f"晶圆{line_break}Bcc: a@b.cn", "company": f"澄屿{line_break}科技"}

    answer = li.post("/leads/new", data=FORM | texts | {"contact": f"张{line_break}工"})

    assert answer.status_code == 302, answer.text
    with arranged(app) as db:
        query = select(Lead.title, Company.name).join(Company, Company.id == Lead.company_id)
        found = db.execute(query.where(Lead.ref == FORM["ref"])).one()
        assert found == ("晶圆 Bcc: a@b.cn", "澄屿 科技")


def test_a_payer_is_one_line_and_a_note_keeps_its_lines(app, zone, li):
    with arranged(app) as db:
        lead = make_lead(db, "封测", unit=zone.team, tracker=zone.li, entered_on=date(2026, 1, 5))
        make_milestone(db, lead, Stage.SIGNED, date(2026, 6, 1))
        form_id = db.scalar(select(ReceiptForm.id).where(ReceiptForm.code == "paid_in_capital"))
    sent = {
        "form_id": form_id,
        "arrived_on": "2026-07-10",
        "amount": "3000万元",
        "payer": "云海\n科技",
        "note": "第一笔\n第二笔",
    }

    answer = li.post(f"/leads/{lead.id}/receipts/new", data=sent)

    with arranged(app) as db:
        found = db.scalars(select(Receipt)).one()
        assert (found.payer, found.note) == ("云海 科技", "第一笔\n第二笔"), answer.text


def test_hostile_text_reaches_a_mail_and_a_timeline_as_text(app, zone):
    wang = sign_in(app, "wang")
    matter = f"{FORMULA}{RIGHT_TO_LEFT}\nBcc: x@evil.cn\n{TAG}<a href='https://evil.cn'>看</a>"
    with arranged(app) as db:
        db.get_one(Lead, zone.lead.id).title = TAG
    sent = {"ref": "K-9", "matter": matter, "category_id": zone.land.id, "lead_ids": zone.lead.id}

    answer = wang.post("/problems/new", data=sent | {"due_on": "2026-07-30"})

    assert answer.status_code == 302, answer.text
    with arranged(app) as db:
        [mail] = db.scalars(select(Message)).all()
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject
    assert TAG in mail.body_text
    for page in (
        mail.body_html,
        wang.get(f"/leads/{zone.lead.id}").text,
        wang.get("/problems").text,
    ):
        assert f"{FORMULA}gnp" in page
        assert "&lt;script&gt;" in page
        assert TAG not in page
        assert "<a href='https://evil.cn'" not in page
        assert 'href="https://evil.cn' not in page
