"""REGIME 5: whom an order and its steps reach, and that none of them reaches nobody."""

from types import SimpleNamespace

import pytest

from crm.base.errors import Refused
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.rules import Duty, Role
from crm.supervision.models import OrderUnit
from crm.supervision.notifications import readers_of, receivers
from crm.supervision.queries import last_entry
from crm.supervision.rules import OrderState
from tests.conftest import NOW
from tests.factories import make_lead, make_order, make_person, make_role, make_unit
from tests.supervision.steps import answer_order, issue_order, receive_order, return_order


@pytest.fixture
def empty(db, zone):
    """A unit below the bureau in which nobody oversees."""
    unit = make_unit(db, "空科", parent=zone.bureau)
    return SimpleNamespace(unit=unit, member=make_person(db, "member", unit=unit))


def names(people):
    return {one.username for one in people}


def reader_names(db, order):
    return names(readers_of(db, order, last_entry(db, order)))


def test_the_person_and_the_leading_units_line_receive_an_order(db, zone):
    order = make_order(db, zone.team, officer=zone.chief, person_id=zone.li.id)
    db.add(OrderUnit(order_id=order.id, unit_id=zone.other.id))
    db.flush()

    found = receivers(db, order, zone.chief, NOW)

    assert names(found.leading) == {"li", "head"}
    assert [(unit.name, names(some)) for unit, some in found.assisting] == [("建设局", {"builder"})]


def test_an_order_that_nobody_would_receive_is_not_issued(db, zone, empty):
    order = make_order(db, empty.unit, officer=zone.chief)

    with pytest.raises(Refused) as refusal:
        issue_order(db, order=order, by=zone.chief, now=NOW)

    assert (refusal.value.code, refusal.value.facts["unit"]) == ("nobody_receives", "空科")
    assert (order.state, order.number) == (OrderState.DRAFT, None)


def test_a_closed_account_receives_nothing(db, zone, empty):
    order = make_order(db, empty.unit, officer=zone.chief, person_id=empty.member.id)
    empty.member.disabled_at = NOW
    db.flush()

    assert not receivers(db, order, zone.chief, NOW)


def test_the_issuer_does_not_receive_their_own_order(db, zone):
    order = make_order(db, zone.bureau, officer=zone.chief)

    assert not receivers(db, order, zone.chief, NOW)


def test_an_order_on_a_restricted_lead_is_received_by_those_named_only(db, zone):
    lead = make_lead(db, unit=zone.team, secrecy=Secrecy.RESTRICTED)
    make_role(db, lead, LeadRoleKind.ATTACHED_LEADER, person=zone.leader)
    order = make_order(db, zone.team, officer=zone.leader, lead_id=lead.id)

    with pytest.raises(Refused, match="nobody_may_know"):
        issue_order(db, order=order, by=zone.leader, now=NOW)

    make_role(db, lead, LeadRoleKind.TRACKER, person=zone.li)
    order.person_id = zone.li.id
    db.flush()
    assert names(receivers(db, order, zone.leader, NOW).leading) == {"li"}


class TestWhereWhoIsToActIsGone:
    def test_an_answer_is_told_to_the_nearest_above(self, db, zone):
        order = make_order(db, zone.team, officer=zone.chief, person_id=zone.li.id)
        issue_order(db, order=order, by=zone.chief, now=NOW)
        receive_order(db, order=order, by=zone.li, now=NOW)
        zone.chief.disabled_at = NOW
        db.flush()

        answer_order(db, order=order, text="已交付", by=zone.li, now=NOW)

        assert reader_names(db, order) == {"top", "leader"}

    def test_a_return_is_told_to_the_nearest_above_else_to_an_admin(self, db, zone, empty):
        order = make_order(db, empty.unit, officer=zone.leader, person_id=empty.member.id)
        issue_order(db, order=order, by=zone.leader, now=NOW)
        receive_order(db, order=order, by=empty.member, now=NOW)
        answer_order(db, order=order, text="已交付", by=empty.member, now=NOW)
        empty.member.disabled_at = NOW
        db.flush()

        return_order(db, order=order, text="不实", by=zone.leader, now=NOW)
        above = reader_names(db, order)
        for one in (zone.chief, zone.top):
            one.disabled_at = NOW
        db.flush()

        assert (above, reader_names(db, order)) == ({"chief"}, {"admin"})

    def test_a_draft_without_officer_is_told_to_who_may_issue_it(self, db, zone):
        order = make_order(db, zone.team)
        entry = SimpleNamespace(kind="drafted", by_id=None, at=NOW)

        assert names(readers_of(db, order, entry)) == {"chief"}


def test_a_leader_above_oversees_too(db, zone):
    boss = make_person(db, "boss", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=zone.team)
    order = make_order(db, zone.team, officer=zone.chief)

    assert boss.username in names(receivers(db, order, zone.chief, NOW).leading)
