"""What is recognised is reviewed where its date or amount was changed later (PROJECTS 7)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from crm.base.clock import civil_date
from crm.base.outbox import Message
from crm.leads.amounts import keep_amounts
from crm.leads.models import Lead, Milestone
from crm.leads.progress import correct_milestone
from crm.leads.result_facts import ResultFactChanged
from crm.leads.rules import AmountKind, Stage
from crm.people.permissions import viewer
from crm.results.contents import Decision
from crm.results.permissions import claim_scope
from crm.results.queries import waiting_for
from crm.results.review import flag_changed, tell_flagged
from crm.results.rules import ClaimState, Flag
from crm.results.service import take_step
from crm.results.workflow import Step, Wait
from crm.transactions import apply_pending
from tests.conftest import NOW
from tests.results.conftest import SIGNED_ON, claimed, project

ON = civil_date(NOW)


@pytest.fixture
def recognised(db, zone):
    row = claimed(db, project(db, zone), zone.li)
    basis = Decision(amount=Decimal(1_200_000_000), basis="原件")
    take_step(db, row=row, step=Step.RECOGNISE, by=zone.officer, now=NOW, decision=basis)
    return row


def correct(db, row, on):
    query = select(Milestone).where(Milestone.lead_id == row.lead_id)
    milestone = db.scalars(query.where(Milestone.kind == Stage.SIGNED)).one()
    lead = db.get_one(Lead, row.lead_id)
    given = {"on": on, "reason": "协议落款日期", "by": None, "now": NOW}
    correct_milestone(db, lead=lead, milestone=milestone, **given)
    apply_pending(db)


def test_a_corrected_date_leaves_the_recognition_and_flags_it(db, zone, recognised):
    correct(db, recognised, date(2026, 7, 8))

    assert (recognised.flag, recognised.counts_on) == (Flag.DATE, SIGNED_ON)
    assert recognised.state is ClaimState.RECOGNISED
    scope = claim_scope(db, viewer(db, zone.second, ON), ON)
    [waiting] = waiting_for(db, scope, NOW)
    assert (waiting.wait, waiting.due_on) == (Wait.REVIEW, date(2026, 7, 22))


def test_who_recognises_is_told_once_what_was_corrected_and_by_when(db, zone, recognised, site):
    correct(db, recognised, date(2026, 7, 8))

    for day in (1, 2):
        tell_flagged(db, at=NOW + timedelta(days=day), site=site)

    mails = db.scalars(select(Message).where(Message.subject.contains("请复核"))).all()
    assert [mail.person_id for mail in mails] == [zone.officer.id, zone.second.id]
    assert {mail.made_at for mail in mails} == {NOW + timedelta(days=1)}  # or no run delivers them
    assert "节点日期已更正，请复核：由2026年7月6日改为2026年7月8日" in mails[0].body_text
    assert "7月22日（含）前确认维持认定，或取消认定" in mails[0].body_text


def test_what_was_entered_before_the_decision_flags_nothing(db, recognised):
    changed = [ResultFactChanged(recognised.lead_id, None, NOW - timedelta(days=1))]

    assert flag_changed(db, changed) == 0


def test_a_changed_amount_leaves_the_recognised_one_and_flags_it(db, recognised):
    lead = db.get_one(Lead, recognised.lead_id)
    stated = {AmountKind.TOTAL: (15 * 100_000_000, lead.currency)}
    keep_amounts(db, lead, stated, stated_on=None, by=None, now=NOW)
    apply_pending(db)

    assert (recognised.flag, recognised.recognised_amount) == (Flag.AMOUNT, 1_200_000_000)


def test_a_flagged_recognition_is_confirmed_by_another_than_the_claimant(db, zone, recognised):
    correct(db, recognised, date(2026, 7, 8))

    take_step(db, row=recognised, step=Step.CONFIRM, by=zone.second, now=NOW)

    assert (recognised.flag, recognised.state) == (None, ClaimState.RECOGNISED)
