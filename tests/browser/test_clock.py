"""A due slot is run from its page, in a real browser."""

from datetime import datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from crm.base.outbox import Message
from crm.jobs import ledger
from crm.people.rules import Duty, Role
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import PRINCIPAL, make_person, make_rule, make_unit

PAGE = "/admin/clock/weekly-digest"


@pytest.fixture
def due(served, screen):
    """An admin's screen, where last week's digest has been due since Monday."""
    with transaction(served.sessions) as db:
        make_rule(db, PRINCIPAL)
        make_person(db, "yan", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=make_unit(db))
        make_person(db, "shan", role=Role.ADMIN, duty=Duty.STAFF)
        ledger.install(db, clock_from=datetime(2026, 7, 12, tzinfo=NOW.tzinfo), now=NOW)
    screen.be("shan")
    return screen


def test_a_due_slot_is_run_now_and_tells_what_it_made(served, due):
    page = due.page
    due.open(PAGE)

    page.get_by_role("button", name="立即执行").click()

    expect(page.get_by_text("周报（2026年第28周）完成：")).to_be_visible()
    due.examine()
    expect(page.get_by_role("button", name="立即执行")).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text="2026年第28周")).to_contain_text("已完成")
    with served.sessions() as db:
        assert db.scalars(select(Message.dedupe_key)).one().startswith("weekly-digest:")
