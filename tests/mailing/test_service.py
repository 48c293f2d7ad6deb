"""Mails follow their reader's settings; changes of settings are in the audit trail."""

import json
from dataclasses import replace
from datetime import time, timedelta

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.errors import Refused
from crm.base.outbox import Message, MessageKind, State
from crm.digests.nudges import send_nudges
from crm.digests.settlement_notice import _digest_made_at
from crm.mailing.queries import is_mailed, mailed_kinds, people_in_quiet_hours, quiet_hours
from crm.mailing.rules import IN_APP_ONLY, OPTIONAL, QuietHours
from crm.mailing.service import choose, unsubscribe
from tests.conftest import NOW
from tests.digests.conftest import AUGUST, MONTH, make_zone
from tests.digests.making import make_digests
from tests.factories import make_person

ALL = frozenset(OPTIONAL)
NIGHT = QuietHours(time(22), time(7, 30))


@pytest.fixture
def me(db):
    return make_person(db, "liwei")


def decide(db, person, *off, quiet=None):
    choose(db, person=person, by_mail=ALL - set(off), quiet=quiet, now=NOW)


def entries(db):
    query = select(AuditEntry).where(AuditEntry.action == "person.mails_chosen")
    return db.scalars(query.order_by(AuditEntry.id)).all()


def monthly(db, site, person):
    """The monthly digest that the person got."""
    make_digests(db, period=MONTH, at=AUGUST, late=False, mail=True, site=site)
    return db.scalars(select(Message).where(Message.person_id == person.id)).one()


def test_without_a_choice_every_kind_is_mailed(db, me):
    assert mailed_kinds(db, me.id) == ALL
    assert is_mailed(db, me.id, MessageKind.NUDGE)


def test_a_choice_is_kept_and_may_be_taken_back(db, me):
    decide(db, me, MessageKind.WEEKLY, quiet=NIGHT)
    first = mailed_kinds(db, me.id), quiet_hours(db, me.id)

    decide(db, me)

    assert first == (ALL - {MessageKind.WEEKLY}, NIGHT)
    assert (mailed_kinds(db, me.id), quiet_hours(db, me.id)) == (ALL, None)


def test_a_change_is_in_the_audit_trail_and_no_change_is_not(db, me):
    decide(db, me, MessageKind.WEEKLY, quiet=NIGHT)

    decide(db, me, MessageKind.WEEKLY, quiet=NIGHT)

    [entry] = entries(db)
    assert (entry.subject_id, entry.by_id) == (me.id, me.id)
    assert json.loads(entry.after)["quiet"] == "22:00–07:30"
    assert MessageKind.WEEKLY.value not in json.loads(entry.after)["by_mail"]


@pytest.mark.parametrize(
    ("quiet", "code"),
    [
        (QuietHours(time(8), time(8)), "quiet_without_length"),
        (QuietHours(time(8), time(22, 1)), "quiet_too_long"),
    ],
)
def test_quiet_hours_leave_a_time_to_write(db, me, quiet, code):
    with pytest.raises(Refused, match=code):
        decide(db, me, quiet=quiet)


def test_who_unsubscribes_by_the_link_gets_no_more_of_that_kind(db, me):
    unsubscribe(db, person=me, kind=MessageKind.MONTHLY, now=NOW)
    unsubscribe(db, person=me, kind=MessageKind.MONTHLY, now=NOW)

    assert mailed_kinds(db, me.id) == ALL - {MessageKind.MONTHLY}
    [entry] = entries(db)
    assert entry.by_id is None  # whoever held the link


def test_mails_about_ones_duty_refuse_to_be_unsubscribed(db, me):
    with pytest.raises(Refused, match="mail_is_fixed"):
        unsubscribe(db, person=me, kind=MessageKind.NUDGE, now=NOW)


def test_what_is_not_mailed_lies_in_the_mailbox_with_the_reason(db, site):
    zone = make_zone(db)
    decide(db, zone.recruiter, MessageKind.MONTHLY)

    message = monthly(db, site, zone.recruiter)

    assert (message.state, message.note) == (State.SENT, IN_APP_ONLY)
    assert message.sent_at == message.made_at
    assert zone.recruiter.id in _digest_made_at(
        db, MONTH
    )  # and so they hear what settled figures say


def test_an_optional_mail_has_its_link_in_both_bodies_and_its_row(db, site):
    zone = make_zone(db)

    message = monthly(db, replace(site, secret="a secret"), zone.recruiter)

    assert message.unsubscribe_url.startswith("https://crm.test/unsubscribe/")
    assert message.unsubscribe_url in message.body_text
    assert message.unsubscribe_url in message.body_html


def test_a_mail_about_ones_duty_has_no_link_to_unsubscribe(db, site):
    zone = make_zone(db)

    end_of_august = AUGUST + timedelta(days=24)
    send_nudges(db, at=end_of_august, late=False, site=replace(site, secret="a secret"))

    found = db.scalars(select(Message)).all()
    assert found
    assert {message.unsubscribe_url for message in found} == {None}
    assert not [each for each in found if "unsubscribe" in each.body_html + each.body_text]
    assert zone


@pytest.mark.parametrize(
    ("begins", "ends", "rests"),
    [
        (time(9), time(11), True),  # it is 10:00
        (time(10), time(11), True),
        (time(9), time(10), False),
        (time(22), time(10, 1), True),
        (time(22), time(10), False),
        (time(11), time(9), False),
    ],
)
def test_the_database_finds_the_people_in_quiet_hours(db, me, begins, ends, rests):
    decide(db, me)
    if begins < ends or QuietHours(begins, ends).hours <= 14:
        decide(db, me, quiet=QuietHours(begins, ends))

    assert (me.id in db.scalars(people_in_quiet_hours(NOW)).all()) is rests
