"""Claims that wait too long."""

from datetime import date

from crm.results.queries import overdue_units
from tests.results.conftest import claimed, project


def test_a_claim_not_decided_in_time_is_told_to_both_units(db, zone):
    claimed(db, project(db, zone), zone.li)

    assert overdue_units(db, date(2026, 7, 22)) == []
    assert overdue_units(db, date(2026, 7, 23)) == [(zone.company.id, zone.office.id)]
