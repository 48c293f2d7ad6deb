"""Amounts by kind on the form and on the page of a lead (PROJECTS 1)."""

from datetime import date
from decimal import Decimal

import pytest

from crm.base.money import Currency
from crm.leads.rate_entry import enter_rate
from crm.leads.rules import Stage
from crm.leads.service import reach
from tests.conftest import NOW
from tests.factories import arranged, make_lead, make_person, make_unit, sign_in

FORM = {"company": "澄屿半导体有限公司", "title": "封装测试项目", "secrecy": "open"}


@pytest.fixture
def tracker(app):
    with arranged(app) as db:
        unit = make_unit(db, "招商局")
        make_person(db, "tracker", unit=unit)
    return sign_in(app, "tracker")


def enter(client, **amounts):
    steps = {"ref": "L-form", "stage": "lead", "entered_on": "2026-07-10"}
    return client.post("/leads/new", data=FORM | steps | amounts)


def test_amounts_are_entered_by_kind_and_a_change_stands_in_the_timeline(tracker):
    other = {"registered_capital": "2000万元", "foreign_capital": "8000万美元"}
    url = enter(tracker, amount="12.5亿", **other).location

    answer = tracker.post(f"{url}/edit", data=FORM | other | {"amount": "15亿元"})

    page = tracker.get(answer.location).text
    assert all(text in page for text in ("15亿元", "2,000万元", "8,000万美元"))
    assert "总投资调整为 15亿元" in page
    assert "原为 12.5亿元" in page
    assert "2,000万元" in tracker.get(f"{url}/edit").text


def test_an_amount_without_its_unit_is_refused_at_its_field(tracker):
    answer = enter(tracker, fixed_assets="300")

    assert answer.status_code == 422
    assert "请写明数额和单位" in answer.text
    assert 'value="300"' in answer.text


def test_a_signed_foreign_amount_is_also_shown_in_yuan(app, tracker):
    day = date(2026, 7, 10)
    with arranged(app) as db:
        lead = make_lead(db, amount=Decimal(80_000_000), currency=Currency.USD)
        usd = {"currency": Currency.USD, "rate": Decimal("7.0832")}
        enter_rate(db, on=day, **usd, by=None, now=NOW)
        reach(db, lead=lead, kind=Stage.SIGNED, on=day, by=None, now=NOW)
        lead_id = lead.id

    page = tracker.get(f"/leads/{lead_id}").text
    assert "8,000万美元（按签约日汇率 7.0832 折合 5.6666亿元）" in page
