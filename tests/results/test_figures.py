"""What is decided after the month of its result (PROJECTS 7, Months)."""

from datetime import date, timedelta

from crm.base.clock import at_civil
from crm.results.figures import late_decisions
from crm.results.queries import overdue_units
from crm.results.rules import ClaimState
from crm.results.service import Decision, take_step
from crm.results.workflow import Step
from tests.conftest import NOW
from tests.results.conftest import claimed, project


def states(db, month):
    begins, ends = at_civil(date(2026, month, 1)), at_civil(date(2026, month + 1, 1))
    found = late_decisions(db, begins=begins, ends=ends, before=date(2026, month, 1))
    return [row.state for row in found]


def test_what_is_recognised_or_revoked_later_is_told_in_the_month_of_the_decision(db, zone):
    row = claimed(db, project(db, zone), zone.li)
    recognised_at, revoked_at = NOW + timedelta(days=25), NOW + timedelta(days=60)
    basis = Decision(amount=1_200_000_000, basis="原件", reason="协议终止")
    for step, at in ((Step.RECOGNISE, recognised_at), (Step.REVOKE, revoked_at)):
        take_step(db, row=row, step=step, by=zone.officer, now=at, decision=basis)

    assert states(db, 7) == []
    assert states(db, 8) == [ClaimState.RECOGNISED]
    assert states(db, 9) == [ClaimState.REVOKED]


def test_a_claim_not_decided_in_time_is_told_to_both_units(db, zone):
    claimed(db, project(db, zone), zone.li)

    assert overdue_units(db, date(2026, 7, 22)) == []
    assert overdue_units(db, date(2026, 7, 23)) == [(zone.company.id, zone.office.id)]
