"""Claims that wait too long."""

from datetime import timedelta

from crm.results.contents import Decision
from crm.results.queries import overdue_units
from crm.results.service import take_step
from crm.results.workflow import Step
from tests.conftest import NOW
from tests.results.conftest import claimed, project

DAY = timedelta(days=1)


def test_a_claim_not_decided_in_time_is_told_to_both_units(db, zone):
    claimed(db, project(db, zone), zone.li)

    assert overdue_units(db, NOW + 7 * DAY) == []
    assert overdue_units(db, NOW + 8 * DAY) == [(zone.company.id, zone.office.id)]


def test_a_report_made_late_tells_what_was_not_decided_at_its_own_moment(db, zone):
    row = claimed(db, project(db, zone), zone.li)
    decided_at = NOW + 9 * DAY
    decision = Decision(amount=row.amount, basis="原件")
    take_step(db, row=row, step=Step.RECOGNISE, by=zone.officer, now=decided_at, decision=decision)

    assert len(overdue_units(db, decided_at - DAY)) == 1
    assert overdue_units(db, decided_at) == []
