"""Trips (批次) and companies (家次) as reports count them (REGIME 3)."""

from datetime import date

from crm.base.clock import at_civil
from crm.leads.rules import Secrecy
from crm.visits.fields import CompanyMet
from crm.visits.filters import VisitFilter
from crm.visits.reach import DoneVisits, Reach, done_visits, reach_of, reach_of_list
from crm.visits.rules import Status
from tests.factories import make_lead, make_visit
from tests.leads.zone import TODAY, make_zone

JUNE, JULY = (date(2026, 6, 1), date(2026, 6, 30)), (date(2026, 7, 1), date(2026, 7, 31))


def make_visits(db, zone):
    """A trip from June to July with a company each, two visits without trip, one planned."""
    me, club = zone.people["tracker"], CompanyMet(name="某商会")
    for on in (date(2026, 6, 29), date(2026, 7, 1)):
        make_visit(db, me, on, trip="T1", leads=[make_lead(db)])
    make_visit(db, me, date(2026, 7, 2), companies=[club], leads=[zone.leads[Secrecy.RESTRICTED]])
    make_visit(db, me, date(2026, 7, 3), met="韩总")
    make_visit(db, me, date(2026, 7, 20), status=Status.PLANNED, companies=[club], trip="T2")


def test_a_trip_counts_in_the_month_of_its_first_done_visit_and_a_visit_without_one_is_its_own():
    of_june = DoneVisits("T1", date(2026, 6, 29), 3, 4)
    of_july, alone = DoneVisits("T2", date(2026, 7, 2), 2, 0), DoneVisits(None, None, 2, 1)

    assert reach_of([of_june, of_july, alone], *JULY) == Reach(3, 5)


def test_each_company_of_each_done_visit_counts_also_hidden_ones(db):
    zone = make_zone(db)
    make_visits(db, zone)

    def of(month, who):
        first, last = month
        by = VisitFilter(first=first, last=last)
        return reach_of_list(db, zone.eyes(who), TODAY, by=by)

    assert (of(JUNE, "tracker"), of(JULY, "tracker")) == (Reach(1, 1), Reach(2, 3))
    assert of(JULY, "supervisor") == Reach(2, 3)


def test_a_month_counts_what_was_done_at_the_moment(db):
    make_visits(db, make_zone(db))

    now = done_visits(db, *JULY, at_civil(date(2026, 8, 1)))
    before = done_visits(db, *JULY, at_civil(date(2026, 7, 3)))

    assert reach_of(now.values(), *JULY) == Reach(2, 3)
    assert reach_of(before.values(), *JULY) == Reach(1, 3)
