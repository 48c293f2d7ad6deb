"""REGIME 5: a supervision order from its draft to its acceptance, and who may take which step."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.rules import Role
from crm.supervision.drafting import OrderData, change_draft, draft_order
from crm.supervision.models import OrderEntry, OrderUnit
from crm.supervision.rules import About, EntryKind, OrderKind, OrderState, Origin
from crm.web.audit.labels import ACTIONS
from tests.conftest import NOW
from tests.factories import make_lead, make_order, make_person, make_role
from tests.supervision.steps import (
    accept_order,
    add_progress,
    answer_order,
    ask_extension,
    drop_order,
    grant_extension,
    issue_order,
    receive_order,
    refuse_extension,
    return_order,
)

DUE = date(2026, 7, 30)
DAY_BEFORE = at_civil(date(2026, 7, 29)) + timedelta(hours=9)
ON_THE_DAY = at_civil(DUE) + timedelta(hours=9)


def data(zone, **given):
    values = {
        "kind": OrderKind.NORMAL,
        "origin": Origin.MEETING,
        "about": About.UNIT,
        "matter": "加快标准厂房交付",
        "demand": "请明确交付时间并反馈。",
        "unit_id": zone.team.id,
        "person_id": zone.li.id,
    }
    return OrderData(**values | given)


@pytest.fixture
def draft(db, zone):
    return make_order(db, zone.team, officer=zone.chief, person_id=zone.li.id)


@pytest.fixture
def issued(db, zone, draft):
    issue_order(db, order=draft, by=zone.chief, now=NOW)
    return draft


@pytest.fixture
def received(db, zone, issued):
    receive_order(db, order=issued, by=zone.li, now=NOW)
    return issued


@pytest.fixture
def answered(db, zone, received):
    answer_order(db, order=received, text="已交付", by=zone.li, now=NOW)
    return received


def refused(step, *, code, **given):
    with pytest.raises(Refused) as refusal:
        step(**given)
    assert refusal.value.code == code
    return refusal.value


def history(db, order):
    query = select(OrderEntry.kind).where(OrderEntry.order_id == order.id)
    return list(db.scalars(query.order_by(OrderEntry.id)))


# drafts


@pytest.mark.parametrize("who", ["head", "chief", "top", "leader", "admin"])
def test_who_oversees_the_unit_drafts_an_order_by_hand(db, zone, who):
    order = draft_order(db, data=data(zone), by=getattr(zone, who), now=NOW)

    assert (order.state, order.number, order.due_on) == (OrderState.DRAFT, None, None)
    assert order.officer_id == getattr(zone, who).id


@pytest.mark.parametrize("who", ["li", "builder", "reader"])
def test_people_who_do_not_oversee_the_unit_draft_no_order(db, zone, who):
    refused(draft_order, code="not_yours", db=db, data=data(zone), by=getattr(zone, who), now=NOW)


def test_a_draft_has_a_leading_and_assisting_units(db, zone):
    order = draft_order(db, data=data(zone, unit_ids=[zone.other.id]), by=zone.top, now=NOW)

    assert db.scalars(select(OrderUnit.unit_id)).all() == [zone.other.id]
    assert order.unit_id == zone.team.id


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"matter": " "}, "required", "matter"),
        ({"demand": ""}, "required", "demand"),
        ({"origin": Origin.MISSED_TWICE}, "origin_of_clock", "origin"),
        ({"person_id": 0}, "no_such_person", "person_id"),
        ({"unit_ids": [0]}, "no_such_unit", "unit_ids"),
        ({"lead_id": 0}, "no_such_lead", "lead_id"),
        ({"officer_id": 0}, "no_such_person", "officer_id"),
    ],
)
def test_a_draft_that_cannot_be_is_refused_at_its_field(db, zone, given, code, field):
    refusal = refused(
        draft_order, code=code, db=db, data=data(zone, **given), by=zone.chief, now=NOW
    )

    assert refusal.field == field


def test_the_leading_unit_does_not_assist(db, zone):
    both = data(zone, unit_ids=[zone.team.id])

    refused(draft_order, code="leads_and_assists", db=db, data=both, by=zone.top, now=NOW)


def test_the_officer_is_another_than_the_person(db, zone):
    same = data(zone, person_id=zone.head.id, officer_id=zone.head.id)

    refused(draft_order, code="officer_is_person", db=db, data=same, by=zone.top, now=NOW)


def test_an_officer_oversees_somebody(db, zone):
    by_a_recruiter = data(zone, officer_id=zone.wang.id)

    refused(draft_order, code="no_such_person", db=db, data=by_a_recruiter, by=zone.top, now=NOW)


def test_an_order_may_be_about_a_project_that_its_author_sees(db, zone):
    lead = make_lead(db, unit=zone.team)
    about = data(zone, about=About.PROJECT, origin=Origin.PROBLEM, lead_id=lead.id)

    assert draft_order(db, data=about, by=zone.chief, now=NOW).lead_id == lead.id


@pytest.mark.parametrize("field", ["person_id", "officer_id"])
def test_nobody_is_given_an_order_about_a_lead_that_they_may_not_know(db, zone, field):
    lead = make_lead(db, secrecy=Secrecy.RESTRICTED)
    for person in (zone.chief, zone.li):
        make_role(db, lead, LeadRoleKind.TASK_FORCE_MEMBER, person=person)
    about = data(zone, about=About.PROJECT, origin=Origin.PROBLEM, lead_id=lead.id)
    hidden = replace(about, **{field: zone.head.id})

    refusal = refused(
        draft_order, code="may_not_know_lead", db=db, data=hidden, by=zone.chief, now=NOW
    )

    assert refusal.field == field
    assert draft_order(db, data=about, by=zone.chief, now=NOW).lead_id == lead.id


def test_a_change_names_nobody_who_may_not_know_the_lead(db, zone):
    lead = make_lead(db, secrecy=Secrecy.RESTRICTED)
    make_role(db, lead, LeadRoleKind.TASK_FORCE_HEAD, person=zone.chief)
    draft = make_order(db, zone.team, officer=zone.chief, lead_id=lead.id)
    hidden = data(zone, person_id=zone.wang.id)

    refused(
        change_draft,
        code="may_not_know_lead",
        db=db,
        order=draft,
        data=hidden,
        by=zone.chief,
        now=NOW,
    )


@pytest.mark.parametrize("who", ["leader", "builder"])
def test_nobody_gives_an_order_to_who_is_above_or_beyond_their_units(db, zone, who):
    beyond = data(zone, person_id=getattr(zone, who).id)
    draft = make_order(db, zone.team, officer=zone.head, person_id=zone.li.id)
    code, given = "person_out_of_scope", {"data": beyond, "by": zone.head, "now": NOW}

    refused(draft_order, code=code, db=db, **given)
    refused(change_draft, code=code, db=db, order=draft, **given)


def test_the_person_that_the_clock_chose_may_stay_when_a_draft_is_changed(db, zone):
    draft = make_order(db, zone.team, officer=zone.head, person_id=zone.builder.id)
    same = data(zone, person_id=zone.builder.id, matter="请加快")

    assert change_draft(db, order=draft, data=same, by=zone.head, now=NOW).matter == "请加快"


def test_a_person_who_leaves_next_month_is_given_orders_until_then(db, zone):
    zone.li.disabled_at = NOW + timedelta(days=20)

    assert draft_order(db, data=data(zone), by=zone.chief, now=NOW).person_id == zone.li.id


def test_a_form_sent_twice_drafts_one_order(db, zone):
    first = draft_order(db, data=data(zone, ref="S1"), by=zone.chief, now=NOW)

    assert draft_order(db, data=data(zone, ref="S1"), by=zone.chief, now=NOW) is first
    assert draft_order(db, data=data(zone, ref="S1"), by=zone.top, now=NOW) is not first


def test_a_draft_is_changed_before_it_is_issued(db, zone, draft):
    new = data(zone, matter="请加快", kind=OrderKind.URGENT, unit_ids=[zone.other.id])

    change_draft(db, order=draft, data=new, by=zone.chief, now=NOW)

    assert (draft.matter, draft.kind, draft.officer_id) == (
        "请加快",
        OrderKind.URGENT,
        zone.chief.id,
    )
    assert db.scalars(select(OrderUnit.unit_id)).all() == [zone.other.id]
    assert history(db, draft) == [EntryKind.CHANGED]


def test_nothing_of_an_issued_order_is_changed_any_more(db, zone, issued):
    refused(
        change_draft, code="order_state", db=db, order=issued, data=data(zone), by=zone.top, now=NOW
    )


@pytest.mark.parametrize("who", ["chief", "top", "leader", "admin"])
def test_the_officer_or_who_oversees_from_above_drops_a_draft_with_a_reason(db, zone, draft, who):
    drop_order(db, order=draft, text="已更正为完成", by=getattr(zone, who), now=NOW)

    assert (draft.state, draft.number) == (OrderState.DROPPED, None)
    assert history(db, draft) == [EntryKind.DROPPED]


def test_a_draft_is_not_dropped_without_a_reason(db, zone, draft):
    refused(drop_order, code="required", db=db, order=draft, text=" ", by=zone.chief, now=NOW)


# issue


@pytest.mark.parametrize("who", ["chief", "top", "leader", "admin"])
def test_the_officer_or_who_oversees_from_above_issues(db, zone, draft, who):
    issue_order(db, order=draft, by=getattr(zone, who), now=NOW)

    assert draft.state is OrderState.ISSUED
    assert (draft.issued_at, draft.issued_by_id) == (NOW, getattr(zone, who).id)


@pytest.mark.parametrize("who", ["head", "li", "wang", "builder", "reader"])
def test_the_unit_itself_and_others_do_not_issue(db, zone, draft, who):
    refused(issue_order, code="not_yours", db=db, order=draft, by=getattr(zone, who), now=NOW)


def test_nobody_issues_an_order_about_themselves(db, zone):
    draft = make_order(db, zone.team, officer=zone.top, person_id=zone.chief.id)

    refused(issue_order, code="not_yours", db=db, order=draft, by=zone.chief, now=NOW)


def test_on_issue_it_gets_its_number_and_its_due_date(db, zone, issued):
    assert issued.number_text == "开督〔2026〕1号"
    assert (issued.due_on, issued.first_due_on) == (DUE, DUE)


def test_numbers_run_by_the_year_of_the_local_date(db, zone):
    new_year = at_civil(date(2027, 1, 1))
    orders = [make_order(db, zone.team, officer=zone.chief) for _ in range(3)]

    issue_order(db, order=orders[0], by=zone.chief, now=NOW)
    issue_order(db, order=orders[1], by=zone.chief, now=new_year - timedelta(seconds=1))
    issue_order(db, order=orders[2], by=zone.chief, now=new_year)

    numbers = [(order.number_year, order.number) for order in orders]
    assert numbers == [(2026, 1), (2026, 2), (2027, 1)]


def test_an_order_is_issued_once(db, zone, issued):
    refused(issue_order, code="order_state", db=db, order=issued, by=zone.chief, now=NOW)


# the leading unit


@pytest.mark.parametrize("who", ["li", "head"])
def test_the_person_or_who_oversees_the_leading_unit_receives_it(db, zone, issued, who):
    receive_order(db, order=issued, by=getattr(zone, who), now=NOW)

    assert (issued.state, issued.received_at) == (OrderState.RECEIVED, NOW)


@pytest.mark.parametrize("who", ["wang", "builder", "reader"])
def test_people_outside_the_leading_unit_do_not_receive_an_order(db, zone, issued, who):
    refused(receive_order, code="not_yours", db=db, order=issued, by=getattr(zone, who), now=NOW)


def test_leading_and_assisting_units_tell_of_progress(db, zone, issued):
    db.add(OrderUnit(order_id=issued.id, unit_id=zone.other.id))
    db.flush()

    add_progress(db, order=issued, text="已进场", by=zone.li, now=NOW)
    add_progress(db, order=issued, text="管线已改", by=zone.builder, now=NOW)

    assert history(db, issued) == [EntryKind.ISSUED, EntryKind.PROGRESS, EntryKind.PROGRESS]


def test_an_assisting_unit_does_not_answer(db, zone, received):
    db.add(OrderUnit(order_id=received.id, unit_id=zone.other.id))
    db.flush()

    refused(
        answer_order,
        code="not_yours",
        db=db,
        order=received,
        text="已办",
        by=zone.builder,
        now=NOW,
    )


def test_only_what_was_received_is_answered(db, zone, issued):
    given = {"db": db, "order": issued, "text": "已办", "by": zone.li, "now": NOW}

    refused(answer_order, code="order_state", **given)


def test_an_answer_has_a_text(db, zone, received):
    given = {"db": db, "order": received, "text": " ", "by": zone.li, "now": NOW}

    assert refused(answer_order, code="required", **given).field == "text"


# extensions


def ask(db, zone, order, *, by=None, now=DAY_BEFORE, to=date(2026, 8, 10), text="等审批"):
    return ask_extension(db, order=order, new_due_on=to, text=text, by=by or zone.li, now=now)


def test_an_extension_asked_for_before_the_due_date_is_granted(db, zone, received):
    ask(db, zone, received)
    assert received.due_on == DUE

    grant_extension(db, order=received, by=zone.chief, now=DAY_BEFORE)

    assert (received.due_on, received.first_due_on) == (date(2026, 8, 10), DUE)
    assert received.asked_due_on is None


def test_a_refused_extension_has_a_reason_and_leaves_the_due_date(db, zone, received):
    ask(db, zone, received)

    given = {"db": db, "order": received, "by": zone.chief, "now": DAY_BEFORE}
    refused(refuse_extension, code="required", **given)
    refuse_extension(**given, text="不能再拖")

    assert (received.due_on, received.asked_due_on) == (DUE, None)


def test_on_the_due_date_an_extension_can_no_longer_be_asked_for(db, zone, received):
    with pytest.raises(Refused, match="extension_too_late"):
        ask(db, zone, received, now=ON_THE_DAY)

    assert received.due_on == DUE


def test_an_extension_asked_for_in_time_may_be_granted_later(db, zone, received):
    ask(db, zone, received)

    grant_extension(db, order=received, by=zone.chief, now=ON_THE_DAY)

    assert received.due_on == date(2026, 8, 10)


@pytest.mark.parametrize(
    ("given", "code"), [({"to": DUE}, "due_not_later"), ({"text": ""}, "required")]
)
def test_an_extension_has_a_later_date_and_a_reason(db, zone, received, given, code):
    with pytest.raises(Refused, match=code):
        ask(db, zone, received, **given)


def test_only_one_extension_can_be_pending(db, zone, received):
    ask(db, zone, received)

    with pytest.raises(Refused, match="already_asked"):
        ask(db, zone, received)


def test_the_person_who_asked_for_an_extension_does_not_grant_it(db, zone, received):
    ask(db, zone, received, by=zone.top)

    given = {"db": db, "order": received, "now": DAY_BEFORE}
    refused(grant_extension, code="same_person", by=zone.top, **given)
    refused(grant_extension, code="not_yours", by=zone.li, **given)


def test_an_answer_voids_a_pending_extension(db, zone, received):
    ask(db, zone, received)

    answer_order(db, order=received, text="已办", by=zone.li, now=DAY_BEFORE)

    assert (received.asked_due_on, received.asked_by_id) == (None, None)


# the end


def test_an_answer_is_accepted_on_a_stated_basis(db, zone, answered):
    accept_order(db, order=answered, text="现场核实", by=zone.chief, now=NOW)

    assert (answered.state, answered.basis) == (OrderState.ACCEPTED, "现场核实")
    assert (answered.accepted_at, answered.accepted_by_id) == (NOW, zone.chief.id)


def test_an_answer_is_not_accepted_without_a_basis(db, zone, answered):
    given = {"db": db, "order": answered, "text": "", "by": zone.chief, "now": NOW}

    assert refused(accept_order, code="required", **given).field == "basis"


def test_the_person_who_answered_does_not_accept(db, zone, received):
    answer_order(db, order=received, text="已办", by=zone.chief, now=NOW)

    given = {"db": db, "order": received, "text": "现场核实", "now": NOW}
    refused(accept_order, code="same_person", by=zone.chief, **given)
    refused(accept_order, code="not_yours", by=zone.li, **given)
    accept_order(by=zone.top, **given)


def test_the_database_holds_that_another_accepts(db, answered):
    answered.state, answered.basis, answered.accepted_at = OrderState.ACCEPTED, "核实", NOW
    answered.accepted_by_id = answered.answered_by_id

    with pytest.raises(IntegrityError):
        db.flush()


def test_a_returned_answer_has_a_reason_and_the_unit_continues(db, zone, answered):
    given = {"db": db, "order": answered, "by": zone.chief, "now": NOW}
    refused(return_order, code="required", text=" ", **given)
    return_order(text="未附材料", **given)
    assert (answered.state, answered.due_on) == (OrderState.RETURNED, DUE)

    answer_order(db, order=answered, text="材料已补", by=zone.li, now=NOW)

    assert answered.state is OrderState.ANSWERED
    assert history(db, answered)[-2:] == [EntryKind.RETURNED, EntryKind.ANSWERED]


def test_a_return_may_give_a_new_due_date(db, zone, answered):
    given = {"db": db, "order": answered, "text": "未附材料", "by": zone.chief, "now": NOW}
    refused(return_order, code="due_not_later", new_due_on=DUE, **given)

    return_order(new_due_on=date(2026, 8, 5), **given)

    assert (answered.due_on, answered.first_due_on) == (date(2026, 8, 5), DUE)


def test_each_step_is_in_the_audit_trail_in_words(db, zone, answered):
    accept_order(db, order=answered, text="现场核实", by=zone.chief, now=NOW)

    query = select(AuditEntry.action).where(AuditEntry.subject == "supervision_order")
    assert db.scalars(query.order_by(AuditEntry.id)).all() == [
        *("order.issued", "order.received", "order.answered", "order.accepted")
    ]


def test_every_step_has_its_words_in_the_audit_trail():
    steps = {f"order.{kind.value}" for kind in EntryKind if kind is not EntryKind.NOTED}

    assert steps - set(ACTIONS) == set()


def test_a_disabled_person_is_given_no_order(db, zone):
    gone = make_person(db, "gone", role=Role.RECRUITER, unit=zone.team, disabled_at=NOW)

    refused(
        draft_order,
        code="no_such_person",
        db=db,
        data=data(zone, person_id=gone.id),
        by=zone.chief,
        now=NOW,
    )


# the whole way


def test_an_order_is_drafted_issued_received_answered_and_accepted(db, zone):
    order = draft_order(db, data=data(zone), by=zone.chief, now=NOW)
    states = [order.state]
    for step, given in (
        (issue_order, {"by": zone.chief}),
        (receive_order, {"by": zone.li}),
        (answer_order, {"by": zone.li, "text": "已办"}),
        (accept_order, {"by": zone.chief, "text": "现场核实"}),
    ):
        step(db, order=order, now=NOW, **given)
        states.append(order.state)

    assert [state.value for state in states] == [
        *("draft", "issued", "received", "answered", "accepted")
    ]


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        ("draft", ["receive", "answer", "accept"]),
        ("issued", ["issue", "answer", "accept"]),
        ("received", ["issue", "receive", "accept"]),
        ("answered", ["issue", "receive", "answer"]),
    ],
)
def test_no_step_of_an_order_is_skipped_or_taken_twice(db, zone, request, state, steps):
    order = request.getfixturevalue(state)
    of_name = {
        "issue": (issue_order, {}),
        "receive": (receive_order, {}),
        "answer": (answer_order, {"text": "已办"}),
        "accept": (accept_order, {"text": "现场核实"}),
    }

    for name in steps:
        step, given = of_name[name]
        refused(step, code="order_state", db=db, order=order, by=zone.top, now=NOW, **given)

    assert order.state == state


@pytest.mark.parametrize("origin", [Origin.MEETING, Origin.INSTRUCTION, Origin.PROBLEM])
def test_a_meeting_an_instruction_or_a_problem_may_give_rise_to_an_order(db, zone, origin):
    order = draft_order(db, data=data(zone, origin=origin), by=zone.chief, now=NOW)

    assert (order.state, order.origin) == (OrderState.DRAFT, origin)


def test_an_order_has_a_matter_a_demand_units_a_person_and_a_due_date_by_its_kind(db, zone):
    result = data(zone, kind=OrderKind.URGENT, unit_ids=[zone.other.id])
    order = draft_order(db, data=result, by=zone.top, now=NOW)
    issue_order(db, order=order, by=zone.top, now=NOW)

    assert (order.matter, order.demand) == (result.matter, result.demand)
    assert (order.unit_id, order.person_id) == (zone.team.id, zone.li.id)
    assert db.scalars(select(OrderUnit.unit_id)).all() == [zone.other.id]
    assert order.due_on == date(2026, 7, 20)  # 3 working days from Wednesday


def test_a_number_that_was_given_is_never_used_again(db, zone, answered):
    accept_order(db, order=answered, text="现场核实", by=zone.chief, now=NOW)
    dropped, following = (make_order(db, zone.team, officer=zone.chief) for _ in range(2))
    drop_order(db, order=dropped, text="已办", by=zone.chief, now=NOW)

    issue_order(db, order=following, by=zone.chief, now=NOW)

    assert [order.number for order in (answered, dropped, following)] == [1, None, 2]


def test_a_draft_names_its_officer(db, zone):
    order = draft_order(db, data=data(zone, officer_id=zone.top.id), by=zone.chief, now=NOW)

    assert order.officer_id == zone.top.id
