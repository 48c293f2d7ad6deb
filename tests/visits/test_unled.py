"""Of a company met twice without a lead, a lead is offered (REGIME 3)."""

from datetime import date

from crm.base.periods import DAY
from crm.leads.rules import Secrecy
from crm.visits.companies import seen_companies
from crm.visits.fields import CompanyMet
from crm.visits.rules import Counterpart, Status
from crm.visits.unled import my_unled_companies, unled_among
from tests.factories import make_company, make_lead, make_visit
from tests.leads.zone import TODAY, make_zone

ON = date(2026, 7, 1)
CLUB, FACTORY = CompanyMet(name="某商会"), CompanyMet(name="某厂")


def test_a_company_that_i_met_at_two_done_visits_is_offered(db):
    zone = make_zone(db)
    me, known = zone.people["tracker"], make_company(db, "南通华芯")
    for days in range(3):
        is_done = days < 2
        status = Status.DONE if is_done else Status.PLANNED
        met = [CompanyMet(known.id), *([CLUB] if is_done else [FACTORY])]
        make_visit(db, me, ON + days * DAY, status=status, companies=met)

    found = my_unled_companies(db, zone.eyes("tracker"), TODAY)

    assert {(each.name, each.visits) for each in found} == {("南通华芯", 2), ("某商会", 2)}
    assert my_unled_companies(db, zone.eyes("stranger"), TODAY) == []


def test_of_a_chamber_or_an_authority_none_is_offered(db):
    zone = make_zone(db)
    chamber = CompanyMet(name="某商会", counterpart=Counterpart.CHAMBER)
    for days in range(2):
        make_visit(db, zone.people["tracker"], ON + days * DAY, companies=[chamber])

    assert my_unled_companies(db, zone.eyes("tracker"), TODAY) == []


def test_one_with_a_lead_is_not_offered_unless_the_lead_is_hidden_by_its_name_alone(db):
    zone = make_zone(db)
    me = zone.people["stranger"]
    make_lead(db, company=make_company(db, CLUB.name))
    make_lead(db, company=make_company(db, FACTORY.name), secrecy=Secrecy.RESTRICTED)
    visits = [make_visit(db, me, ON + n * DAY, companies=[CLUB, FACTORY]) for n in range(2)]

    eyes = zone.eyes("stranger")
    rows = seen_companies(db, eyes, [visits[0].id], TODAY)[visits[0].id]

    for found in (my_unled_companies(db, eyes, TODAY), unled_among(db, eyes, rows, TODAY)):
        assert [each.name for each in found] == [FACTORY.name]
