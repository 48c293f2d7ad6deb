"""Leads found by a contact, a telephone number or a credit code (PROJECTS 2)."""

import pytest

from crm.leads.models import Company
from crm.leads.queries import LeadFilter, filtered
from crm.leads.rules import Secrecy
from tests.factories import make_company, make_contact, make_lead
from tests.leads.zone import TODAY, make_zone

CODE = "91310000MA1FL4Y19X"


@pytest.fixture
def found(db):
    def search(zone, name, text):
        query = filtered(db, zone.eyes(name), TODAY, LeadFilter(text=text))
        return [lead.title for lead in db.scalars(query)]

    return search


@pytest.mark.parametrize(
    "text", ["欧阳工", "歐陽工", "138-1234-5678", "13812345678", "5678", CODE, CODE.lower()]
)
def test_a_lead_is_found_by_contact_telephone_and_credit_code(db, found, text):
    zone = make_zone(db)
    company = make_company(db, credit_code=CODE)
    lead = make_lead(db, "灯厂", company=company)
    make_contact(db, company, "欧阳工", lead=lead, phone="138 1234 5678")
    make_lead(db, "别厂")

    assert found(zone, "stranger", text) == ["灯厂"]


@pytest.mark.parametrize("text", ["欧阳工", "13812345678", CODE])
@pytest.mark.parametrize("is_of_the_hidden_lead", [True, False])
def test_what_may_have_come_with_a_hidden_lead_finds_nothing(
    db, found, text, is_of_the_hidden_lead
):
    zone = make_zone(db)
    hidden = zone.leads[Secrecy.RESTRICTED]
    company = db.get_one(Company, hidden.company_id)
    company.credit_code = CODE
    make_lead(db, "公开的", company=company)
    brought_by = hidden if is_of_the_hidden_lead else None
    make_contact(db, company, "欧阳工", lead=brought_by, phone="13812345678")

    assert found(zone, "stranger", text) == []
    assert sorted(found(zone, "tracker", text)) == ["公开的", "限知项目"]


@pytest.mark.parametrize("text", ["欧", "138", "1381", "45678", "2345678"])
def test_too_little_of_a_name_or_number_finds_no_contact(db, found, text):
    zone = make_zone(db)
    company = make_company(db)
    lead = make_lead(db, "灯厂", company=company)
    make_contact(db, company, "欧阳工", lead=lead, phone="13812345678")

    assert found(zone, "stranger", text) == []
