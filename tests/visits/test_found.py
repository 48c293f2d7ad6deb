"""Which visits the search of everything finds, without a look at all of them (PROJECTS 2)."""

from datetime import date

import pytest

from crm.leads.rules import Secrecy
from crm.visits import found
from crm.visits.fields import CompanyMet
from crm.visits.found import VisitSearch, found_visits
from tests.factories import make_company, make_lead, make_visit
from tests.leads.zone import TODAY, make_zone


@pytest.fixture
def zone(db):
    return make_zone(db)


def refs(db, zone, search, name="tracker"):
    return [visit.ref for visit in found_visits(db, zone.eyes(name), TODAY, search, most=5)]


@pytest.mark.parametrize("text", ["v260714-abcdef", "tracker同志", "启东", "封测产线", "青禾"])
def test_a_visit_is_found_by_reference_leader_city_words_and_company(db, zone, text):
    given = {"ref": "V260714-ABCDEF", "city": "启东", "minutes": "看了封测产线"}
    met = [CompanyMet(name="青禾电子")]
    make_visit(db, zone.people["tracker"], companies=met, **given)
    make_visit(db, zone.people["stranger"], ref="V260714-OTHERS")

    assert refs(db, zone, VisitSearch(text)) == ["V260714-ABCDEF"]


def test_visits_of_what_was_found_come_with_the_latest_first(db, zone):
    lead, company = make_lead(db), make_company(db)
    people = zone.people["tracker"]
    make_visit(db, people, date(2026, 7, 1), leads=[lead], ref="V1-OF-LEAD")
    make_visit(db, people, date(2026, 7, 9), companies=[CompanyMet(company.id)], ref="V2-MET")
    make_visit(db, people, date(2026, 7, 5), ref="V3-NEITHER")

    assert refs(db, zone, VisitSearch("无此词", [lead.id], [company.id])) == [
        "V2-MET",
        "V1-OF-LEAD",
    ]


@pytest.mark.parametrize("search", [VisitSearch("封测产线"), VisitSearch("无此词", (), (9999,))])
def test_words_and_companies_of_a_visit_with_a_hidden_lead_find_it_for_nobody_else(
    db, zone, search
):
    shared = make_company(db, id=9999)
    hidden = zone.leads[Secrecy.RESTRICTED]
    hidden.company_id = shared.id
    open_lead = make_lead(db, company=shared)
    both = [hidden, open_lead]
    make_visit(db, zone.people["below"], leads=both, minutes="看了封测产线", ref="V-HIDDEN")

    assert refs(db, zone, search, "stranger") == []
    assert refs(db, zone, search, "tracker") == ["V-HIDDEN"]


def test_for_a_common_word_only_the_latest_visits_are_searched(db, zone, monkeypatch):
    monkeypatch.setattr(found, "MOST_SEARCHED", 1)
    monkeypatch.setattr(found, "MOST_LIKELY", 1)
    make_visit(db, zone.people["tracker"], date(2026, 7, 1), minutes="封测产线", ref="V-OLD")
    make_visit(db, zone.people["tracker"], date(2026, 7, 9), minutes="封测产线", ref="V-NEW")

    assert refs(db, zone, VisitSearch("封测产线")) == ["V-NEW"]
