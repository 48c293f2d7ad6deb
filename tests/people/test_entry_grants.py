"""Who may enter visits for whom: granted, ended, and never by a reader (REGIME 2)."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.people import accounts, service
from crm.people.entry_grants import (
    GrantData,
    day_grants,
    end_grant,
    entered_for,
    grant_entry,
    grants_of,
    in_force,
)
from crm.people.models import EntryGrant
from crm.people.rules import Role, may_enter_for
from tests.conftest import NOW
from tests.factories import make_grant, make_person

TODAY = date(2026, 7, 15)
DAY = timedelta(days=1)
MIDNIGHT = at_civil(TODAY + DAY)


@pytest.fixture
def owner(db):
    return make_person(db, "owner", role=Role.LEADER)


@pytest.fixture
def agent(db):
    return make_person(db, "agent")


@pytest.fixture
def admin(db):
    return make_person(db, "admin", role=Role.ADMIN)


def grant_data(agent, **given):
    return GrantData(agent_id=agent.id, **{"from_on": TODAY} | given)


def refusal(call, *args, **given):
    with pytest.raises(Refused) as refused:
        call(*args, **given)
    return refused.value.code


@pytest.mark.parametrize(
    ("case", "holds"),
    [
        ({}, True),
        ({"from_on": TODAY}, True),
        ({"from_on": TODAY + DAY}, False),
        ({"to_on": TODAY}, True),
        ({"to_on": TODAY - DAY}, False),
        ({"ended_at": NOW}, False),
        ({"owner_closed_at": NOW}, False),
        ({"agent_closed_at": NOW}, False),
        ({"owner_closed_at": MIDNIGHT}, True),
        ({"agent_closed_at": MIDNIGHT}, True),
        ({"role": Role.SUPERVISOR}, True),
        ({"role": Role.READER}, False),
    ],
)
def test_the_rule_and_the_condition_say_the_same(db, case, holds):
    case = dict(case)
    owner = make_person(db, "owner", disabled_at=case.pop("owner_closed_at", None))
    closed_at, role = case.pop("agent_closed_at", None), case.pop("role", Role.RECRUITER)
    agent = make_person(db, "agent", disabled_at=closed_at, role=role)
    grant = make_grant(db, owner, agent, **case)

    assert may_enter_for(grant, owner=owner, agent=agent, on=TODAY) is holds
    assert (db.scalar(select(EntryGrant.id).where(in_force(TODAY))) is not None) is holds


def test_its_owner_grants_and_ends_it(db, owner, agent):
    grant = grant_entry(db, owner=owner, data=grant_data(agent), by=owner, now=NOW)
    assert entered_for(db, agent.id, TODAY) == [owner]

    end_grant(db, grant=grant, by=owner, now=NOW)

    assert entered_for(db, agent.id, TODAY) == []
    actions = db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["entry_grant.given", "entry_grant.ended"]


def test_an_admin_grants_and_ends_it_and_both_are_told(db, owner, agent, admin):
    grant = grant_entry(db, owner=owner, data=grant_data(agent), by=admin, now=NOW)
    end_grant(db, grant=grant, by=admin, now=NOW + DAY)

    for person in (owner, agent):
        assert day_grants(db, person.id, TODAY, since=NOW).changed == [grant]
    assert day_grants(db, owner.id, TODAY, since=NOW + 2 * DAY).changed == []


def test_nobody_else_grants_or_ends_it(db, owner, agent):
    code = refusal(grant_entry, db, owner=owner, data=grant_data(agent), by=agent, now=NOW)
    assert code == "not_yours"

    grant = make_grant(db, owner, agent)
    assert refusal(end_grant, db, grant=grant, by=agent, now=NOW) == "not_yours"


def test_a_reader_cannot_hold_it(db, owner):
    reader = make_person(db, "reader", role=Role.READER)

    code = refusal(grant_entry, db, owner=owner, data=grant_data(reader), by=owner, now=NOW)

    assert code == "cannot_enter"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"to_on": TODAY - DAY}, "last_day_before_first"),
        ({"from_on": TODAY - 9 * DAY, "to_on": TODAY - DAY}, "grant_is_over"),
        ({"agent_id": 99999}, "no_such_person"),
    ],
)
def test_what_does_not_hold_together_is_refused(db, owner, agent, given, code):
    data = GrantData(**{"agent_id": agent.id, "from_on": TODAY} | given)

    assert refusal(grant_entry, db, owner=owner, data=data, by=owner, now=NOW) == code


def test_nobody_is_granted_their_own_visits(db, owner):
    code = refusal(grant_entry, db, owner=owner, data=grant_data(owner), by=owner, now=NOW)

    assert code == "grant_to_oneself"


def test_a_second_grant_waits_until_the_first_is_over(db, owner, agent):
    first = make_grant(db, owner, agent)
    code = refusal(grant_entry, db, owner=owner, data=grant_data(agent), by=owner, now=NOW)
    assert code == "grant_there"

    first.to_on = TODAY - DAY
    second = grant_entry(db, owner=owner, data=grant_data(agent), by=owner, now=NOW)

    assert (first.ended_at, list(grants_of(db, owner.id))) == (at_civil(TODAY), [second])


@pytest.mark.parametrize("closed", ["owner", "agent"])
def test_it_ends_with_either_account_and_does_not_come_back(db, owner, agent, admin, closed):
    make_grant(db, owner, agent)
    person = {"owner": owner, "agent": agent}[closed]

    accounts.disable_person(db, person=person, at=NOW, by=admin, now=NOW)
    accounts.enable_person(db, person=person, by=admin, now=NOW)

    assert entered_for(db, agent.id, TODAY) == []
    assert db.scalars(select(EntryGrant)).one().ended_at == NOW


def test_an_account_that_closed_later_does_not_bring_it_back(db, owner, agent, admin):
    make_grant(db, owner, agent)
    accounts.disable_person(db, person=agent, at=MIDNIGHT, by=admin, now=NOW)

    accounts.enable_person(db, person=agent, by=admin, now=MIDNIGHT + DAY)

    assert entered_for(db, agent.id, TODAY + 2 * DAY) == []


def test_it_ends_when_its_holder_becomes_a_reader(db, owner, agent, admin):
    grant = make_grant(db, owner, agent)
    contact = {"name": agent.name, "email": None, "phone": None}

    service.change_person(db, person=agent, role=Role.READER, by=admin, now=NOW, **contact)

    assert grant.ended_at == NOW
