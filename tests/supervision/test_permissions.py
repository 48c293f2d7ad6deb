"""REGIME 2: whose eyes see which order; what waits for whom; the register and what mails read."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.audit.redaction import readable_entries
from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil, civil_date
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.permissions import viewer
from crm.supervision.assignees import waiting_for
from crm.supervision.models import OrderUnit
from crm.supervision.notifications import tell
from crm.supervision.permissions import visible_to
from crm.supervision.queries import open_orders, order_of
from crm.supervision.register import OrderFilter, orders_page
from crm.supervision.rules import EntryKind, OrderState
from crm.supervision.workflow import Wait
from tests.conftest import NOW
from tests.factories import make_lead, make_order, make_role
from tests.supervision.steps import (
    accept_order,
    answer_order,
    ask_extension,
    issue_order,
    receive_order,
)

ON = civil_date(NOW)
LATER = at_civil(date(2026, 8, 3)) + timedelta(hours=9)  # 4 days past the due date
EVERYBODY = ("top", "leader", "chief", "head", "builder", "li", "wang", "admin", "reader")


@pytest.fixture
def draft(db, zone):
    return make_order(db, zone.team, officer=zone.chief, person_id=zone.li.id)


@pytest.fixture
def issued(db, zone, draft):
    issue_order(db, order=draft, by=zone.chief, now=NOW)
    return draft


def seen_by(db, zone):
    found = set()
    for name in EVERYBODY:
        if db.scalars(visible_to(db, viewer(db, getattr(zone, name), ON), ON)).all():
            found.add(name)
    return found


def waits(db, person, now=NOW):
    return [one.wait for one in waiting_for(db, viewer(db, person, civil_date(now)), now)]


def test_an_order_is_seen_up_the_tree_and_by_the_person(db, zone, issued):
    assert seen_by(db, zone) == {"top", "leader", "chief", "head", "li", "admin"}


def test_a_draft_is_not_seen_by_the_person_yet(db, zone, draft):
    assert seen_by(db, zone) == {"top", "leader", "chief", "head", "admin"}


def test_an_assisting_unit_sees_it_once_it_is_issued(db, zone, draft):
    db.add(OrderUnit(order_id=draft.id, unit_id=zone.other.id))
    db.flush()
    assert "builder" not in seen_by(db, zone)

    issue_order(db, order=draft, by=zone.chief, now=NOW)

    assert "builder" in seen_by(db, zone)


def test_an_order_on_a_restricted_lead_is_seen_by_those_named_on_it_only(db, zone, issued):
    lead = make_lead(db, unit=zone.team, tracker=zone.li, secrecy=Secrecy.RESTRICTED)
    make_role(db, lead, LeadRoleKind.ATTACHED_LEADER, person=zone.leader)
    issued.lead_id = lead.id
    db.flush()

    assert seen_by(db, zone) == {"leader", "li"}
    assert order_of(db, viewer(db, zone.top, ON), issued.id, ON) is None


def test_audit_entries_of_an_order_inherit_the_secrecy_of_its_lead(db, zone, draft):
    lead = make_lead(db, unit=zone.team, tracker=zone.li, secrecy=Secrecy.RESTRICTED)
    make_role(db, lead, LeadRoleKind.ATTACHED_LEADER, person=zone.leader)
    draft.lead_id, draft.officer_id = lead.id, zone.leader.id
    db.flush()
    issue_order(db, order=draft, by=zone.leader, now=NOW)
    entries = db.scalars(select(AuditEntry)).all()

    may_read = {
        name: readable_entries(db, viewer(db, getattr(zone, name), ON), entries, ON).may_read(
            entries[-1]
        )
        for name in ("admin", "leader")
    }
    assert may_read == {"admin": False, "leader": True}


# what waits for whom


def test_a_draft_waits_for_its_officer(db, zone, draft):
    assert waits(db, zone.chief) == [Wait.ISSUE]
    assert waits(db, zone.top) == []


def test_a_draft_without_an_officer_waits_for_the_nearest_above(db, zone, draft):
    draft.officer_id = None
    db.flush()

    assert waits(db, zone.chief) == [Wait.ISSUE]
    assert waits(db, zone.top) == waits(db, zone.admin) == []


def test_a_draft_without_an_officer_waits_for_an_admin(db, zone, draft):
    """Where nobody up the tree oversees."""
    draft.officer_id = None
    for person in (zone.chief, zone.top, zone.leader):
        person.disabled_at = NOW
    db.flush()

    assert waits(db, zone.admin) == [Wait.ISSUE]


def test_an_issued_order_waits_for_the_person_and_the_leading_unit(db, zone, issued):
    assert waits(db, zone.li) == [Wait.RECEIVE]
    assert waits(db, zone.head) == [Wait.RECEIVE]
    assert waits(db, zone.chief) == []


def test_a_received_order_waits_for_its_answer_and_an_extension_for_the_officer(db, zone, issued):
    receive_order(db, order=issued, by=zone.li, now=NOW)
    ask_extension(db, order=issued, new_due_on=date(2026, 8, 9), text="等审批", by=zone.li, now=NOW)

    assert waits(db, zone.li) == [Wait.ANSWER]
    assert waits(db, zone.chief) == [Wait.EXTENSION]


def test_an_answer_waits_for_its_acceptance(db, zone, issued):
    receive_order(db, order=issued, by=zone.li, now=NOW)
    answer_order(db, order=issued, text="已办", by=zone.li, now=NOW)

    assert waits(db, zone.li) == []
    assert waits(db, zone.chief) == [Wait.ACCEPT]


def test_an_overdue_order_waits_for_the_level_that_it_has_reached(db, zone, issued):
    issued.level, issued.reached_unit_id, issued.escalated_on = 1, zone.bureau.id, ON
    db.flush()

    (waiting,) = waiting_for(db, viewer(db, zone.chief, ON), LATER)

    assert (waiting.wait, waiting.days_overdue) == (Wait.OVERDUE, 4)
    assert waiting.order.unit.name == "一科"
    assert waits(db, zone.top, LATER) == []


# the register, and one order


def found(db, person, **given):
    page = orders_page(db, viewer(db, person, ON), ON, by=OrderFilter(**given))
    return [order.matter for order in page.items]


def test_the_register_is_filtered(db, zone, issued):
    make_order(db, zone.bureau, officer=zone.top, matter="另一事项")

    assert found(db, zone.top) == ["另一事项", issued.matter]
    assert found(db, zone.top, state=OrderState.DRAFT) == ["另一事项"]
    assert found(db, zone.top, text="厂房") == [issued.matter]
    assert found(db, zone.top, unit_id=zone.bureau.id) == ["另一事项"]
    assert found(db, zone.top, year=2026) == [issued.matter]
    assert found(db, zone.top, overdue_on=ON) == []
    assert found(db, zone.top, overdue_on=date(2026, 8, 1)) == [issued.matter]


def test_the_register_is_paged(db, zone):
    for number in range(31):
        make_order(db, zone.team, matter=f"事项{number}")

    first = orders_page(db, viewer(db, zone.top, ON), ON, by=OrderFilter())
    second = orders_page(db, viewer(db, zone.top, ON), ON, by=OrderFilter(), cursor=first.older)

    assert (len(first.items), len(second.items)) == (30, 1)


def test_an_order_comes_with_its_whole_history(db, zone, issued):
    receive_order(db, order=issued, by=zone.li, now=NOW)

    order = order_of(db, viewer(db, zone.head, ON), issued.id, ON)

    assert [(entry.kind, entry.by.username) for entry in order.entries] == [
        (EntryKind.ISSUED, "chief"),
        (EntryKind.RECEIVED, "li"),
    ]
    assert (order.unit.name, order.person.username, order.units) == ("一科", "li", [])


# what mails read


def test_open_orders_come_with_their_days_overdue(db, zone, issued):
    (result,) = open_orders(db, viewer(db, zone.top, ON), LATER)

    assert (result.number, result.unit_name, result.days_overdue) == ("开督〔2026〕1号", "一科", 4)
    assert open_orders(db, viewer(db, zone.builder, ON), LATER) == []


def test_open_orders_are_listed_as_of_the_moment(db, zone, issued):
    before = NOW - timedelta(minutes=1)
    receive_order(db, order=issued, by=zone.li, now=NOW)
    answer_order(db, order=issued, text="已办", by=zone.li, now=LATER)
    accept_order(db, order=issued, text="核实", by=zone.chief, now=LATER)
    eyes = viewer(db, zone.top, ON)

    assert open_orders(db, eyes, before) == []
    assert [one.state for one in open_orders(db, eyes, NOW)] == [OrderState.RECEIVED]
    assert open_orders(db, eyes, LATER) == []


# the mails of its steps


def test_a_step_is_mailed_to_its_readers_but_not_to_the_person_who_took_it(db, zone, draft, site):
    db.add(OrderUnit(order_id=draft.id, unit_id=zone.other.id))
    db.flush()
    entry = issue_order(db, order=draft, by=zone.chief, now=NOW)

    assert tell(db, order=draft, entry=entry, site=site) == 3  # li, head, builder
    assert tell(db, order=draft, entry=entry, site=site) == 0


def test_an_answer_is_mailed_to_the_officer(db, zone, issued, site):
    receive_order(db, order=issued, by=zone.li, now=NOW)
    entry = answer_order(db, order=issued, text="已办", by=zone.li, now=NOW)

    assert tell(db, order=issued, entry=entry, site=site) == 1
