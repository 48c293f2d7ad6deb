"""The companies met at a visit: rows that come together, and what is hidden of them (REGIME 3)."""

import pytest

from crm.leads.rules import Secrecy
from crm.visits import service
from crm.visits.companies import companies_of, copies_of, seen_companies, united
from crm.visits.fields import CompanyMet
from crm.visits.taking_back import undo_step, undoable_entry_id, unrecorded
from tests.conftest import NOW
from tests.factories import make_company, make_lead, make_visit
from tests.visits.test_service import TODAY, make_zone, told

HAN, WANG = CompanyMet(met="韩总", position="总裁"), CompanyMet(met="王女士")


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ([CompanyMet(7), HAN], [CompanyMet(7, met="韩总", position="总裁")]),
        ([CompanyMet(7, met="王女士"), HAN], [CompanyMet(7, met="王女士"), HAN]),
        ([CompanyMet(7), CompanyMet(8), HAN, WANG], [CompanyMet(7), CompanyMet(8), HAN, WANG]),
        (
            [CompanyMet(7, met="韩总"), CompanyMet(7, met="王女士")],
            [CompanyMet(7, met="韩总、王女士")],
        ),
        ([CompanyMet(name="某商会"), CompanyMet(name=" 某商会 ")], [CompanyMet(name="某商会")]),
        ([CompanyMet(), HAN], [HAN]),
    ],
)
def test_each_company_stands_once_and_a_lone_person_goes_to_the_first(rows, kept):
    assert [*united(rows)] == kept


def test_lists_and_searches_find_everybody_met():
    assert copies_of([WANG, CompanyMet(7), HAN]) == {"met": "王女士、韩总", "position": "总裁"}


def test_the_companies_of_the_leads_were_met_and_a_known_name_is_that_company(db):
    zone = make_zone(db)
    me, known = zone.people["tracker"], make_company(db, "南通华芯电子有限公司")
    lead = make_lead(db, tracker=me)
    rows = [CompanyMet(name="南通华芯電子有限公司", met="韩总"), CompanyMet(name="某商会")]

    data = told(me, lead_ids=[lead.id], companies=rows)
    visit = service.log_visit(db, data=data, by=me, now=NOW)

    assert companies_of(db, visit.id) == (
        CompanyMet(known.id, met="韩总"),
        CompanyMet(name="某商会"),
        CompanyMet(lead.company_id),
    )
    assert visit.met == "韩总"


def test_a_name_typed_tells_nothing_of_a_company_that_is_hidden(db):
    zone = make_zone(db)
    hidden = make_company(db, "某某存储有限公司")
    make_lead(db, secrecy=Secrecy.RESTRICTED, company=hidden, tracker=zone.people["tracker"])
    stranger = zone.people["stranger"]

    data = told(stranger, companies=[CompanyMet(name=hidden.name)])
    visit = service.log_visit(db, data=data, by=stranger, now=NOW)

    assert companies_of(db, visit.id) == (CompanyMet(name=hidden.name),)


def test_of_a_hidden_company_only_the_person_met_is_seen_and_an_edit_keeps_it(db):
    zone = make_zone(db)
    me, stranger = zone.people["tracker"], zone.people["stranger"]
    lead = make_lead(db, secrecy=Secrecy.RESTRICTED, tracker=me)
    visit = make_visit(db, me, participants=[stranger], leads=[lead], met="韩总")
    stored = companies_of(db, visit.id)

    (seen,) = seen_companies(db, zone.eyes("stranger"), [visit.id], TODAY)[visit.id]
    data = told(me, participant_ids=[stranger.id], companies=[CompanyMet(name="某商会")])
    service.change_visit(db, visit=visit, data=data, by=stranger, now=NOW)

    assert (seen.company_id, seen.name, seen.met, seen.is_hidden) == (None, None, "韩总", True)
    assert {*companies_of(db, visit.id)} == {*stored, CompanyMet(name="某商会")}


def test_a_change_of_the_companies_can_be_undone(db):
    me = make_zone(db).people["tracker"]
    data = told(me, companies=[CompanyMet(name="某商会", met="韩总")])
    visit = service.log_visit(db, data=data, by=me, now=NOW)
    was = unrecorded(db, visit)
    service.change_visit(db, visit=visit, data=told(me), by=me, now=NOW)
    entry_id = undoable_entry_id(db, visit, by=me, now=NOW)

    undo_step(db, visit=visit, entry_id=entry_id, was=was, by=me, now=NOW)

    assert companies_of(db, visit.id) == (CompanyMet(name="某商会", met="韩总"),)
    assert visit.met == "韩总"
