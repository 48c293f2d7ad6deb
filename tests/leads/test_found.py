"""What the search of everything finds of leads, companies and contacts (PROJECTS 2)."""

import pytest

from crm.leads.found import found_records
from crm.leads.rules import Secrecy
from tests.factories import make_alias, make_company, make_contact, make_lead
from tests.leads.zone import TODAY, make_zone

CODE = "91310000MA1FL4Y19X"


@pytest.fixture
def zone(db):
    zone = make_zone(db)
    company = make_company(db, "华章科技有限公司", credit_code=CODE)
    make_alias(db, "江海照明", company)
    lead = make_lead(db, "灯具产业园", company=company, ref="L260701-7KQ2MX")
    make_contact(db, company, "欧阳工", lead=lead, phone="138 1234 5678")
    make_lead(db, "别的项目")
    return zone


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("灯具", {"lead"}),
        ("djcyy", {"lead"}),
        ("l260701-7kq2mx", {"lead"}),
        ("华章", {"lead", "company"}),
        ("hzkj", {"lead", "company"}),
        ("江海照明", {"lead", "company"}),
        (CODE.lower(), {"lead", "company"}),
        ("歐陽工", {"lead", "company", "contact"}),
        ("138-1234-5678", {"lead", "company", "contact"}),
        ("5678", {"lead", "company", "contact"}),
        ("无此名", set()),
    ],
)
def test_a_text_finds_leads_companies_and_contacts(db, zone, text, kinds):
    found = found_records(db, zone.eyes("stranger"), TODAY, text)

    names = {
        "lead": [lead.title for lead in found.leads],
        "company": [company.name for company in found.companies],
        "contact": [contact.name for contact in found.contacts],
    }
    expected = {"lead": "灯具产业园", "company": "华章科技有限公司", "contact": "欧阳工"}
    assert names == {kind: [name] if kind in kinds else [] for kind, name in expected.items()}


def test_a_whole_number_is_told_from_a_part_of_one(db, zone):
    viewer = zone.eyes("stranger")

    by_ref, by_code = (found_records(db, viewer, TODAY, text) for text in ("L260701-7KQ2MX", CODE))
    by_number = found_records(db, viewer, TODAY, "13812345678")

    assert [lead.has_ref for lead in by_ref.leads] == [True]
    assert [company.has_code for company in by_code.companies] == [True]
    assert [contact.has_number("138-12345678") for contact in by_number.contacts] == [True]
    assert not by_number.contacts[0].has_number("5678")


@pytest.mark.parametrize("text", ["限知项目", "密友", "13899998888", CODE[:-1] + "1"])
def test_what_came_with_a_hidden_lead_finds_nothing_of_any_kind(db, zone, text):
    hidden = zone.leads[Secrecy.RESTRICTED]
    hidden.credit_code = CODE[:-1] + "1"
    company = make_company(db)
    hidden.company_id = company.id
    make_contact(db, company, "密友", lead=hidden, phone="13899998888")
    make_lead(db, "同一企业的公开项目", company=company)

    seen, known = (
        found_records(db, zone.eyes(name), TODAY, text) for name in ("stranger", "tracker")
    )

    assert (seen.leads, seen.companies, seen.contacts) == ([], [], [])
    assert "限知项目" in {lead.title for lead in known.leads}
