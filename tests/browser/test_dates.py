"""Dates are shown and typed in Chinese, whatever the browser's language."""

import pytest
from playwright.sync_api import expect

from crm.people.service import hash_password, set_password
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_lead, make_person

PASSWORD = "a long enough password"


@pytest.fixture
def form(served, screen):
    """The form of a new follow-up; it is due in a week."""
    with transaction(served.sessions) as db:
        person = make_person(db, "shen", name="沈若川")
        secret = hash_password("shen", PASSWORD)
        set_password(db, person=person, password_hash=secret, by=None, now=NOW)
        lead = make_lead(db, "储存模组项目", tracker=person)
    screen.sign_in("shen", PASSWORD)
    screen.open(f"/followups/new?lead={lead.id}")
    return screen.page


def due(page):
    return page.get_by_role("textbox", name="期限")


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("2026-08-03", "2026-08-03"),
        ("8月3日", "2026-08-03"),
        ("20260803", "2026-08-03"),
        ("5", "2026-07-05"),
    ],
)
def test_a_date_is_read_as_people_write_it(form, typed, sent):
    expect(due(form)).to_have_value("2026年7月22日")

    due(form).fill(typed)
    due(form).blur()

    year, month, day = map(int, sent.split("-"))
    expect(due(form)).to_have_value(f"{year}年{month}月{day}日")
    assert form.locator("input[name=due_on]").input_value() == sent


def test_what_is_no_date_is_said_at_the_field_and_not_sent(form):
    address = form.url
    form.get_by_label("要做什么").or_(form.get_by_label("跟进事项")).fill("寄送政策")

    due(form).fill("2026年2月30日")
    due(form).press("Enter")

    expect(form.get_by_text("请按“2026年11月28日”的格式填写。")).to_be_visible()
    expect(due(form)).to_be_focused()
    assert form.url == address
