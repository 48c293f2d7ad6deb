"""Text that people entered is escaped in the HTML of every mail."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from crm.digests.nudges import send_nudges
from crm.leads.rules import LeadRoleKind, Stage
from crm.people.rules import Duty, Role, UnitKind
from crm.visits.rules import Channel, Kind, Status
from tests.digests.conftest import AUGUST, MONDAY, MONTH, WEEK
from tests.digests.making import make_digests
from tests.factories import (
    DEPUTY,
    RECRUITER,
    make_followup,
    make_lead,
    make_milestone,
    make_person,
    make_role,
    make_rule,
    make_unit,
    make_visit,
)

pytestmark = pytest.mark.slow_on_postgresql  # what a mail shows, not what it reads


MARK = '<b id="evil">&'
NOON = datetime(2026, 7, 30, 4, tzinfo=UTC)  # nobody can reach the month's quota any more


@pytest.fixture
def marked(db):
    """A zone in which every text that people enter tries to be HTML."""
    make_rule(db, DEPUTY, name=f"{MARK}规则")
    make_rule(db, RECRUITER, name=f"{MARK}驻城")
    top = make_unit(db, f"{MARK}区", kind=UnitKind.ZONE)
    unit = make_unit(db, f"{MARK}局", parent=top)
    boss = make_person(
        db, "boss", role=Role.SUPERVISOR, duty=Duty.DEPUTY, unit=top, name=f"{MARK}长"
    )
    liwei = make_person(db, "liwei", unit=unit, name=f"{MARK}李威")
    lead = make_lead(db, f"{MARK}项目", unit=unit, yi=Decimal(20), entered_on=date(2026, 7, 7))
    make_role(db, lead, LeadRoleKind.TRACKER, person=liwei)
    for kind in (Stage.SIGNED, "land"):
        make_milestone(db, lead, kind, date(2026, 7, 8))
    make_followup(db, lead, liwei, date(2026, 7, 10), what=f"{MARK}回访")
    text = {"city": f"{MARK}市", "minutes": f"{MARK}纪要", "leads": [lead]}
    for leader in (liwei, boss):
        make_visit(db, leader, date(2026, 7, 8), **text)
        make_visit(db, leader, date(2026, 7, 9), channel=Channel.VIDEO, **text)
        make_visit(db, leader, date(2026, 7, 14), status=Status.PLANNED, **text)
        make_visit(db, leader, date(2026, 7, 31), status=Status.PLANNED, **text)
        make_visit(
            db,
            leader,
            date(2026, 7, 13),
            days=3,
            kind=Kind.RESIDENCY,
            status=Status.PLANNED,
            **text,
        )
    return boss, liwei


def assert_is_text(messages):
    for message in messages:
        assert MARK in message.body_text
        assert "<b id" not in message.body_html
        assert "&lt;b id=" in message.body_html


@pytest.mark.parametrize("reader", [0, 1])
def test_a_weekly_digest_shows_what_was_entered_as_text(db, site, marked, mail_of, reader):
    make_digests(db, period=WEEK, at=MONDAY, late=True, mail=True, site=site)

    assert_is_text(mail_of(marked[reader]))


@pytest.mark.parametrize("reader", [0, 1])
def test_a_monthly_digest_shows_what_was_entered_as_text(db, site, marked, mail_of, reader):
    make_digests(db, period=MONTH, at=AUGUST, late=True, mail=True, site=site)

    assert_is_text(mail_of(marked[reader]))


@pytest.mark.parametrize("reader", [0, 1])
def test_a_nudge_shows_what_was_entered_as_text(db, site, marked, mail_of, reader):
    send_nudges(db, at=NOON, late=True, site=site)

    assert mail_of(marked[reader])
    assert_is_text(mail_of(marked[reader]))
