"""Buttons, service, waiting lists and mails of supervision orders agree, whoever looks (REGIME 5).

Every state is met with several ways in which people may stand to an order. For each person the
SQL conditions, the predicates, the service and the mails must say the same.
"""

from datetime import date
from types import SimpleNamespace

import pytest
from sqlalchemy import event, select

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.people.permissions import viewer
from crm.supervision.assignees import assignees, possible_assignees, waiting_for, waits_of
from crm.supervision.models import Order, OrderUnit
from crm.supervision.notifications import readers_of, receivers
from crm.supervision.permissions import (
    actor_conditions,
    conditions_of,
    may_see,
    may_take,
    require_step,
    situation_of,
    steps_of,
)
from crm.supervision.rules import CLOSED, EntryKind, OrderState
from crm.supervision.service import take_step
from crm.supervision.workflow import (
    ORDER_WORKFLOW,
    STEP_OF_ENTRY,
    STEP_OF_WAIT,
    Actor,
    Step,
    Wait,
)
from tests.conftest import NOW
from tests.factories import make_order, make_posting

ON = civil_date(NOW)
DUE = date(2026, 7, 30)
PEOPLE = ("top", "leader", "chief", "head", "builder", "li", "wang", "admin", "reader")
NOT_BY_SERVICE = {Step.ESCALATE, Step.URGE}  # the clock's, and whoever urges takes the telephone

# who is what to the order; `gone` are closed accounts
ARRANGEMENTS = {
    "the usual": {"officer": "chief", "issuer": "chief", "person": "li"},
    "of one's own unit": {
        "officer": "head",
        "issuer": "head",
        "person": "li",
        "asker": "head",
        "answerer": "head",
    },
    "of one's own unit without a person": {
        "officer": "head",
        "issuer": "head",
        "asker": "head",
        "answerer": "head",
    },
    "issued from above": {"officer": "head", "issuer": "top", "asker": "head"},
    "without an officer": {"issuer": "chief", "person": "li", "gone": ["chief"]},
    "the officer has left": {"officer": "chief", "issuer": "chief", "gone": ["chief"]},
    "the officer answered": {
        "officer": "chief",
        "issuer": "chief",
        "person": "li",
        "asker": "chief",
        "answerer": "chief",
    },
    "a delegate asked and answered for the officer": {
        "officer": "chief",
        "issuer": "chief",
        "person": "li",
        "asker": "head",
        "answerer": "head",
        "chair": "chief",
    },
    "about who oversees": {"officer": "chief", "issuer": "chief", "person": "head"},
    "about the officer": {"officer": "chief", "issuer": "top", "person": "chief"},
    "nobody is left in the unit": {
        "officer": "chief",
        "issuer": "chief",
        "person": "li",
        "gone": ["li", "head"],
    },
    "nobody is left above": {
        "officer": "chief",
        "issuer": "chief",
        "person": "li",
        "gone": ["chief", "top", "leader"],
    },
    "an admin about themselves": {"drafter": "admin", "issuer": "chief", "person": "admin"},
    "led by the top": {"unit": "zone", "officer": "top", "issuer": "top", "person": "leader"},
}
DEFAULTS = {
    "officer": None,
    "issuer": None,
    "person": None,
    "drafter": None,
    "asker": "li",
    "answerer": "li",
    "chair": None,
}
ISSUED = {"number_year": 2026, "code_word": "开督", "due_on": DUE}
ASKED = {"asked_due_on": date(2026, 8, 20)}
OVERDUE = {"due_on": date(2026, 7, 10), "level": 1}
# the state and columns of an order, and what happened last
SITUATIONS = {
    "draft": (OrderState.DRAFT, {}, EntryKind.DRAFTED),
    "dropped": (OrderState.DROPPED, {}, EntryKind.DROPPED),
    "issued": (OrderState.ISSUED, ISSUED, EntryKind.ISSUED),
    "asked": (OrderState.ISSUED, ISSUED | ASKED, EntryKind.EXTENSION_ASKED),
    "received": (OrderState.RECEIVED, ISSUED, EntryKind.RECEIVED),
    "overdue": (OrderState.RECEIVED, ISSUED | OVERDUE, EntryKind.ESCALATED),
    "answered": (OrderState.ANSWERED, ISSUED, EntryKind.ANSWERED),
    "returned": (OrderState.RETURNED, ISSUED, EntryKind.RETURNED),
    "accepted": (OrderState.ACCEPTED, ISSUED | {"basis": "核实"}, EntryKind.ACCEPTED),
}


# each has SQL of its own, which two of them run on PostgreSQL as well
ON_BOTH = ("the usual", "nobody is left above")
PARAMS = [
    name if name in ON_BOTH else pytest.param(name, marks=pytest.mark.slow_on_postgresql)
    for name in ARRANGEMENTS
]
# where the buttons differ most; make test-slow tries the service in all arrangements
DIFFERENT = {
    "the usual",
    "a delegate asked and answered for the officer",
    "about the officer",
    "nobody is left above",
}
LOOKED_AT = [
    name if name in DIFFERENT else pytest.param(name, marks=pytest.mark.slow)
    for name in ARRANGEMENTS
]


@pytest.fixture(params=PARAMS)
def cases(db, zone, request):
    """An order in each state, with the people of one arrangement."""
    parties = ARRANGEMENTS[request.param]
    named = DEFAULTS | {name: parties[name] for name in parties if name in DEFAULTS}
    people = SimpleNamespace(
        **{name: username and getattr(zone, username) for name, username in named.items()}
    )
    for username in parties.get("gone", ()):
        getattr(zone, username).disabled_at = NOW

    unit = getattr(zone, parties.get("unit", "team"))
    numbered = enumerate(SITUATIONS.values(), start=1)
    return [_case(db, zone, unit, people, *situation) for situation in numbered]


def _case(db, zone, unit, people, *situation):
    number, (state, columns, kind) = situation
    values = dict(columns)
    if columns:
        values |= {"number": number, "issued_at": NOW, "issued_by_id": people.issuer.id}
    if "asked_due_on" in columns:
        values |= {"asked_by_id": people.asker.id, "asked_for_id": people.chair and people.chair.id}
    if "level" in columns:
        values["reached_unit_id"] = unit.parent_id or unit.id
    if state in (OrderState.ANSWERED, OrderState.RETURNED, OrderState.ACCEPTED):
        values |= {"answered_at": NOW, "answered_by_id": people.answerer.id}
        values["answered_for_id"] = people.chair and people.chair.id

    order = make_order(
        db,
        unit,
        state=state,
        officer=people.officer,
        person_id=people.person and people.person.id,
        drafted_by_id=people.drafter and people.drafter.id,
        **values,
    )
    db.add(OrderUnit(order_id=order.id, unit_id=zone.other.id))
    db.flush()
    entry = SimpleNamespace(kind=kind, at=NOW, by_id=_by_id(order, kind))

    return SimpleNamespace(order=order, entry=entry)


def _by_id(order, kind):
    columns = {
        EntryKind.DRAFTED: order.drafted_by_id,
        EntryKind.ISSUED: order.issued_by_id,
        EntryKind.EXTENSION_ASKED: order.asked_by_id,
        EntryKind.ANSWERED: order.answered_by_id,
    }
    return columns.get(kind)


@pytest.fixture
def seen(db, zone, cases):
    """Each viewer of an open account with each case, and how a failure names the two."""
    people = [getattr(zone, name) for name in PEOPLE]
    viewers = [viewer(db, person, ON) for person in people if person.disabled_at is None]
    return [(me, case, (me.person.username, case.entry.kind)) for case in cases for me in viewers]


@pytest.fixture
def waits(db, seen):
    """For what each case waits for each viewer."""
    found = {name: set() for _, _, name in seen}
    kinds = {case.order.id: case.entry.kind for _, case, _ in seen}
    for me in {me.person_id: me for me, _, _ in seen}.values():
        for one in waiting_for(db, me, NOW):
            found[me.person.username, kinds[one.order.id]].add(one.wait)
    return found


def ask(db, order, conditions):
    """Of SQL conditions by name, those that hold for the order."""
    labelled = [condition.label(f"mark_{n}") for n, condition in enumerate(conditions.values())]
    marks = db.execute(select(*labelled).where(Order.id == order.id)).one()
    return {name for name, mark in zip(conditions, marks, strict=True) if mark}


def accepts(db, order, step, person, *, has_button):
    """Whether the service takes the step; it is undone in any case."""
    given = {"order": order, "step": step, "by": person, "now": NOW}
    try:
        if step is Step.CHANGE or not has_button:
            require_step(db, **given)  # the check with which the service begins
        else:
            with db.begin_nested() as savepoint:
                take_step(db, **given, text="已办", new_due_on=date(2026, 9, 1))
                savepoint.rollback()
    except Refused as refusal:
        return refusal.code == "nobody_receives"  # the page says so in place of the button
    return True


def test_sql_and_predicate_agree_on_who_somebody_is(db, seen):
    for me, case, name in seen:
        found = ask(db, case.order, actor_conditions(me, ON))

        assert found == situation_of(db, me, case.order, ON).actors, name


def test_sql_and_predicate_agree_on_what_may_be_done(db, seen):
    steps = [row.step for row in ORDER_WORKFLOW if row.by and row.sources]
    for me, case, name in seen:
        actors = actor_conditions(me, ON)
        found = ask(db, case.order, {step: may_take(step, actors, ON) for step in steps})

        assert found == steps_of(db, me, case.order, ON), name


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("cases", LOOKED_AT, indirect=True)
def test_the_service_accepts_what_has_a_button_and_nothing_else(db, seen):
    for me, case, name in seen:
        order = case.order
        possible = [row.step for row in ORDER_WORKFLOW if order.state in row.sources]
        is_seen = may_see(db, me, order.id, ON)
        if not is_seen:  # then each step is refused alike, before it is looked at
            possible = possible[:1]
        buttons = steps_of(db, me, order, ON) - NOT_BY_SERVICE if is_seen else set()

        accepted = {
            step
            for step in possible
            if step not in NOT_BY_SERVICE
            and accepts(db, order, step, me.person, has_button=step in buttons)
        }

        assert accepted == buttons, name


@pytest.mark.slow_on_postgresql
def test_what_waits_for_somebody_can_be_done_by_them(db, seen, waits):
    for me, case, name in seen:
        awaited = {STEP_OF_WAIT[wait] for wait in waits[name]}

        assert awaited <= steps_of(db, me, case.order, ON), name


def test_the_list_of_a_person_and_the_people_of_an_order_agree(db, seen, cases, waits):
    possible = possible_assignees(db, NOW)
    expected = {
        (person.username, case.entry.kind, row.step)
        for case in cases
        for row in ORDER_WORKFLOW.awaited(case.order.state, conditions_of(case.order, ON))
        for person in assignees(db, case.order, row.step, NOW)
    }

    found = {(*name, STEP_OF_WAIT[wait]) for name, some in waits.items() for wait in some}

    assert found == expected
    assert {me.person_id for me, _, name in seen if waits[name]} <= possible


@pytest.mark.slow_on_postgresql
def test_an_open_order_always_waits_for_somebody(cases, waits):
    waited_for = {kind for (_, kind), some in waits.items() if some}

    assert waited_for == {case.entry.kind for case in cases if case.order.state not in CLOSED}


@pytest.mark.slow_on_postgresql
def test_a_step_is_told_to_those_for_whom_the_order_then_waits_and_whom_the_table_names(
    db, seen, cases, waits
):
    readers = {
        (person.username, case.entry.kind)
        for case in cases
        for person in readers_of(db, case.order, case.entry)
    }

    for me, case, name in seen:
        tells = set(ORDER_WORKFLOW.of(STEP_OF_ENTRY[case.entry.kind]).tells)
        is_awaited = any(
            not tells.isdisjoint(ORDER_WORKFLOW.of(STEP_OF_WAIT[wait]).waits_for)
            for wait in waits[name]
        )
        is_named = may_see(db, me, case.order.id, ON) and is_told(db, me, case.order, tells)
        is_expected = (is_awaited or is_named) and me.person_id != case.entry.by_id

        assert (name in readers) == is_expected, name


def is_told(db, me, order, tells):
    """Whether the viewer is one of the actors; of the assisting unit only the builder is."""
    is_builder = Actor.ASSISTING_LINE in tells and me.person.username == "builder"
    return is_builder or not situation_of(db, me, order, ON).actors.isdisjoint(tells)


def test_who_asked_for_an_extension_is_not_asked_to_grant_it(db, zone):
    """The supervisor who drafts, issues, receives and asks, all for their own unit."""
    order = make_order(db, zone.team, officer=zone.head, person_id=zone.li.id)
    for step in (Step.ISSUE, Step.RECEIVE):
        take_step(db, order=order, step=step, by=zone.head, now=NOW)
    later = date(2026, 8, 20)
    take_step(
        *(db,), order=order, step=Step.EXTEND, by=zone.head, now=NOW, text="等", new_due_on=later
    )

    waits = {
        name: waits_of(db, viewer(db, getattr(zone, name), ON), order.id, NOW) for name in PEOPLE
    }

    assert {name for name, found in waits.items() if Wait.EXTENSION in found} == {"chief"}


def test_an_admin_posted_in_the_leading_unit_is_not_of_its_line(db, zone):
    make_posting(db, zone.admin, unit=zone.team, is_primary=False)
    order = make_order(db, zone.team, officer=zone.chief, person_id=zone.li.id)
    take_step(db, order=order, step=Step.ISSUE, by=zone.chief, now=NOW)

    assert waits_of(db, viewer(db, zone.admin, ON), order.id, NOW) == set()
    assert zone.admin not in receivers(db, order, zone.chief, NOW).leading


def test_orders_of_an_officer_who_left_cost_a_fixed_number_of_queries(db, zone):
    def statements():
        counted = []
        listener = lambda *event: counted.append(event[2])  # noqa: E731
        event.listen(db.get_bind(), "before_cursor_execute", listener)
        assert waiting_for(db, viewer(db, zone.chief, ON), NOW)
        event.remove(db.get_bind(), "before_cursor_execute", listener)
        return len(counted)

    make_order(db, zone.team, person_id=zone.li.id)
    of_one = statements()
    for _ in range(5):
        make_order(db, zone.team, person_id=zone.li.id)

    assert statements() == of_one
