"""Claims: once, in rounds, decided by another, and told to whoever has the next move."""

from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.money import Currency
from crm.base.outbox import Message
from crm.leads.roles import give_role
from crm.leads.rules import Agreement, LeadRoleKind, Secrecy, Stage
from crm.people.models import Person
from crm.results.contents import Decision
from crm.results.deciders import deciders, may_be_named
from crm.results.models import Claim, ClaimEntry
from crm.results.notifications import readers_of, tell
from crm.results.queries import signed_as
from crm.results.rules import ClaimKind, ClaimState
from crm.results.service import claim_again, last_entry, name_decider, take_step
from crm.results.workflow import Step
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_role
from tests.results.conftest import SIGNED_ON, arrange, claim_data, claimed, lead_it, project

ON = civil_date(NOW)
BASIS = Decision(amount=Decimal(1_200_000_000), basis="核对协议原件")


def decide(db, row, by, step=Step.RECOGNISE, decision=BASIS):
    return take_step(db, row=row, step=step, by=by, now=NOW, decision=decision)


def refused(code):
    return pytest.raises(Refused, match=f"'{code}'")


def test_a_claim_is_recognised_with_its_amount_and_basis(db, zone):
    row = claimed(db, project(db, zone), zone.li)

    decide(db, row, zone.officer)

    assert (row.state, row.recognised_amount, row.basis) == (
        ClaimState.RECOGNISED,
        1_200_000_000,
        "核对协议原件",
    )
    assert row.unit_id == zone.company.id


def test_a_returned_claim_names_a_case_and_comes_again_in_a_second_round(db, zone):
    row = claimed(db, project(db, zone), zone.li)
    with refused("no_ground"):
        decide(db, row, zone.officer, Step.RETURN, Decision())
    decide(db, row, zone.officer, Step.RETURN, Decision(exclusion="本地企业搬迁"))

    claim_again(db, row=row, data=claim_data(note="已补充"), by=zone.chief, now=NOW)

    assert (row.state, row.round) == (ClaimState.CLAIMED, 2)
    texts = db.scalars(select(ClaimEntry.text).order_by(ClaimEntry.id)).all()
    assert texts[1] == "本地企业搬迁"


@pytest.mark.parametrize("agreement", [Agreement.FRAMEWORK, Agreement.INTENT, None])
def test_a_framework_agreement_is_refused_as_signed(db, zone, agreement):
    with refused("agreement_is_no_signing") as refusal:
        claimed(db, project(db, zone), zone.li, agreement=agreement)

    assert refusal.value.field == "agreement"


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({}, "evidence_needed", "document_number"),
        ({"document_number": "投资协议"}, "required", "document_issuer"),
        ({"document_number": "投资协议", "has_file": True}, "required", "document_issuer"),
    ],
)
def test_a_claim_without_evidence_or_with_part_of_a_document_is_refused(
    db, zone, given, code, field
):
    nothing = {"document_number": "", "document_issuer": "", "document_on": None}
    with refused(code) as refusal:
        claimed(db, project(db, zone), zone.li, **nothing | given)

    assert refusal.value.field == field


def test_a_claim_states_the_agreement_of_an_earlier_signing(db, zone):
    lead = project(db, zone)
    claimed(db, lead, zone.li)

    assert signed_as(db, lead.id) is Agreement.FORMAL


def test_a_second_claim_is_refused_while_the_first_is_open_or_recognised(db, zone):
    lead = project(db, zone)
    row = claimed(db, lead, zone.li)
    with refused("already_claimed"):
        claimed(db, lead, zone.chief)
    decide(db, row, zone.officer)
    with refused("already_recognised"):
        claimed(db, lead, zone.li)

    decide(db, row, zone.officer, Step.REVOKE, Decision(reason="协议终止"))

    assert claimed(db, lead, zone.li).state is ClaimState.CLAIMED


def test_what_was_reached_before_recognition_began_counts_as_registered(db, zone):
    early = project(db, zone, on=date(2026, 3, 31))
    off = project(db, zone, reached=(Stage.OPERATING,))

    with refused("counts_as_registered"):
        claimed(db, early, zone.li, counts_on=date(2026, 3, 31))
    with refused("counts_as_registered"):
        claimed(db, off, zone.li, ClaimKind.OPERATING)
    with refused("not_reached"):
        claimed(db, early, zone.li, ClaimKind.STARTED)


def test_tracker_head_and_supervisor_of_the_unit_claim_and_nobody_else(db, zone):
    for by in (zone.wang, zone.officer, zone.economist, zone.leader, zone.admin):
        with refused("not_yours"):
            claimed(db, project(db, zone), by)

    assert claimed(db, project(db, zone), zone.chief).claimed_by_id == zone.chief.id


def test_nobody_decides_on_what_they_claimed_track_lead_or_answer_for(db, zone):
    tracked = project(db, zone, tracker=zone.officer)
    led = project(db, zone)
    lead_it(db, led, zone.officer)
    own_unit = project(db, zone, unit=zone.office)

    for row in (
        claimed(db, tracked, zone.chief),
        claimed(db, led, zone.li),
        claimed(db, own_unit, zone.li),
    ):
        with refused("own_claim"):
            decide(db, row, zone.officer)


def test_who_claimed_in_an_earlier_round_does_not_decide_on_a_later_one(db, zone):
    lead = project(db, zone, tracker=zone.officer)
    row = claimed(db, lead, zone.officer)
    decide(db, row, zone.second, Step.RETURN, Decision(reason="缺附件"))
    give_role(
        db, lead=lead, role=LeadRoleKind.TRACKER, holder=zone.li, from_on=ON, by=None, now=NOW
    )
    claim_again(db, row=row, data=claim_data(), by=zone.li, now=NOW)

    assert deciders(db, [row], NOW) == {row.id: [zone.second.id]}
    with refused("own_claim"):
        decide(db, row, zone.officer)


def test_only_a_supervisor_of_the_recognising_unit_decides(db, zone):
    row = claimed(db, project(db, zone), zone.li)

    for by in (zone.economist, zone.leader, zone.admin, zone.wang):
        with refused("not_yours"):
            decide(db, row, by)


def test_an_admin_names_a_supervisor_or_leader_where_nobody_is_left(db, zone):
    row = claimed(db, project(db, zone, unit=zone.office), zone.li)
    others = {person.username for person in may_be_named(db, row, NOW)}
    assert others == {"economist", "chief", "leader"}

    name_decider(db, row=row, person_id=zone.leader.id, by=zone.admin, now=NOW)
    decide(db, row, zone.leader)

    assert row.state is ClaimState.RECOGNISED


def test_an_admin_names_nobody_while_somebody_is_left(db, zone):
    row = claimed(db, project(db, zone), zone.li)

    with refused("somebody_is_left"):
        name_decider(db, row=row, person_id=zone.leader.id, by=zone.admin, now=NOW)


def test_on_a_restricted_project_only_a_recogniser_named_on_it_decides(db, zone):
    lead = project(db, zone, secrecy=Secrecy.RESTRICTED)
    row = claimed(db, lead, zone.li)
    with refused("not_yours"):
        decide(db, row, zone.officer)
    assert deciders(db, [row], NOW) == {row.id: []}
    assert readers_of(db, row, last_entry(db, row)) == []

    make_role(db, lead, "task_force_member", person=zone.officer)

    assert decide(db, row, zone.officer).state is ClaimState.RECOGNISED


def test_who_has_the_next_move_gets_one_mail(db, zone, site):
    row = claimed(db, project(db, zone), zone.li)
    entry = last_entry(db, row)

    sent = [tell(db, claim=row, entry=entry, site=site) for _ in range(2)]
    returned = decide(db, row, zone.officer, Step.RETURN, Decision(reason="缺附件"))
    tell(db, claim=row, entry=returned, site=site)

    readers = db.scalars(
        select(Person.username).join(Message, Message.person_id == Person.id).order_by(Message.id)
    ).all()
    assert sent == [2, 0]
    assert readers == ["officer", "second", "li"]


def test_of_two_who_decide_one_claim_at_once_one_decides(sessions):
    with transaction(sessions) as db:
        zone = arrange(db)
        row_id = claimed(db, project(db, zone), zone.li).id
    together, states = Barrier(2), []

    def run(username, step, decision):
        together.wait()
        try:
            with transaction(sessions) as db:
                by = db.scalars(select(Person).where(Person.username == username)).one()
                decide(db, db.get_one(Claim, row_id), by, step, decision)
                states.append(step)
        except Refused as refusal:
            states.append(refusal.code)

    threads = [
        Thread(target=run, args=("officer", Step.RECOGNISE, BASIS)),
        Thread(target=run, args=("second", Step.RETURN, Decision(reason="缺附件"))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with sessions() as db:
        assert db.scalar(select(func.count(ClaimEntry.id))) == 2
    assert sum(state == "claim_state" for state in states) == 1


def test_of_two_who_claim_at_once_one_claims(sessions):
    with transaction(sessions) as db:
        lead = project(db, arrange(db))
        lead_id = lead.id
    together, ends = Barrier(2), []

    def run(username):
        together.wait()
        try:
            with transaction(sessions) as db:
                by = db.scalars(select(Person).where(Person.username == username)).one()
                claimed(db, db.get_one(type(lead), lead_id), by)
                ends.append("claimed")
        except Refused as refusal:
            ends.append(refusal.code)

    threads = [Thread(target=run, args=(username,)) for username in ("li", "chief")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ends) == ["already_claimed", "claimed"]


def test_a_claim_of_the_old_year_counts_in_the_new_one_once_it_is_closed(db, zone):
    lead = project(db, zone)
    late = NOW.replace(year=2027, month=2) + timedelta(days=1)
    with refused("year_is_closed"):
        claimed(db, lead, zone.li, now=late)

    row = claimed(db, lead, zone.li, now=late, counts_on=date(2027, 1, 1))

    assert (row.reached_on, row.counts_on) == (SIGNED_ON, date(2027, 1, 1))


def test_an_amount_in_another_currency_than_the_claim_is_refused(db, zone):
    row = claimed(db, project(db, zone), zone.li)
    decision = Decision(amount=row.amount, currency=Currency.USD, basis="核对协议原件")

    with refused("other_currency"):
        decide(db, row, zone.officer, Step.RECOGNISE, decision)
