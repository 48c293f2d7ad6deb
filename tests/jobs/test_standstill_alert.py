"""When the clock stands still the admins get one mail, whatever else has stopped."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from crm.base.mail import Site
from crm.base.outbox import Message, MessageKind, State
from crm.jobs import lease
from crm.jobs.standstill_alert import StandstillWatch
from crm.people.rules import Role
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_person
from tests.jobs.mail import post_office, write
from tests.jobs.mail_settings import MAILBOX_ONLY
from tests.jobs.work import install

SITE = Site(base_url="https://crm.test", mail_from="crm@crm.test")


@pytest.fixture
def zone(sessions):
    install(sessions, "2026-07-15T09:00")
    with transaction(sessions) as db:
        make_person(db, "root", role=Role.ADMIN)
        make_person(db, "li")
    return sessions


def ticked(sessions, ago):
    with transaction(sessions) as db:
        lease.acquire(db, "a node", lasts=lease.LASTS - ago)


def looks(sessions, times):
    """What two processes of pages mail, looking that often."""
    with post_office() as office:
        mails = replace(MAILBOX_ONLY, url=office.url)
        watches = [StandstillWatch(sessions, SITE, mails, now=lambda: NOW) for _ in range(2)]
        for _ in range(times):
            for watch in watches:
                watch.look()
    return office.recipients


def test_each_standstill_is_mailed_once_to_the_admins_alone(zone):
    ticked(zone, timedelta(minutes=6))
    first = looks(zone, 3)
    ticked(zone, timedelta(0))
    while_it_ticks = looks(zone, 1)
    ticked(zone, timedelta(minutes=7))
    second = looks(zone, 2)

    assert (first, while_it_ticks, second) == (["root@crm.test"], [], ["root@crm.test"])
    with zone() as db:
        found = db.execute(select(Message.state, Message.subject)).all()
    assert {state for state, _ in found} == {State.SENT}
    assert "定时任务已停止" in found[0].subject


def test_without_a_mail_server_it_lies_in_the_mailbox_at_once_and_what_else_waits_waits_on(zone):
    write(zone, "wang")
    ticked(zone, timedelta(minutes=6))

    StandstillWatch(zone, SITE, MAILBOX_ONLY, now=lambda: NOW).look()

    with zone() as db:
        states = dict(db.execute(select(Message.kind, Message.state)).all())
    assert states == {MessageKind.STANDSTILL: State.SENT, MessageKind.WEEKLY: State.PENDING}


def test_a_clock_that_ticks_is_no_cause_for_alarm(zone):
    ticked(zone, timedelta(minutes=4))

    assert looks(zone, 1) == []
