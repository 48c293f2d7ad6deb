"""What one person typed and did not save is not shown to the next who signs in at the device."""

import pytest
from playwright.sync_api import expect

from crm.people.service import hash_password, set_password
from crm.transactions import transaction
from tests.browser.conftest import end_session, press_sign_out
from tests.conftest import NOW
from tests.factories import RECRUITER, make_person, make_rule

pytestmark = pytest.mark.parametrize("screen", ["desk"], indirect=True)

PASSWORD = "a long enough password"
TYPED = "谈了用地和用电。"


@pytest.fixture
def typed(served, screen):
    """A visit form in which Shen has typed minutes and not saved them."""
    with transaction(served.sessions) as db:
        make_rule(db, RECRUITER)
        for username, name in (("shen", "沈若川"), ("gu", "顾清")):
            person = make_person(db, username, name=name)
            hashed = hash_password(username, PASSWORD)
            set_password(db, person=person, password_hash=hashed, by=None, now=NOW)
    screen.be("shen")
    type_minutes(screen)
    return screen


def type_minutes(screen):
    screen.open("/visits/new")
    screen.page.get_by_text("会见人、纪要").click()
    minutes(screen).fill(TYPED)


def minutes(screen):
    return screen.page.get_by_label("洽谈纪要")


def test_after_a_sign_out_the_next_person_finds_an_empty_form(typed):
    press_sign_out(typed)
    typed.sign_in("gu", PASSWORD)

    typed.open("/visits/new")

    expect(minutes(typed)).to_have_value("")


def test_after_an_ended_session_the_next_person_finds_an_empty_form(served, typed):
    end_session(served)
    typed.open("/visits/new")
    typed.sign_in("gu", PASSWORD)

    typed.open("/visits/new")

    expect(minutes(typed)).to_have_value("")
    assert TYPED not in typed.page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})")


def test_whoever_signs_in_again_after_an_ended_session_finds_it_again(served, typed):
    end_session(served)
    typed.open("/visits/new")
    typed.sign_in("shen", PASSWORD)

    typed.open("/visits/new")

    expect(minutes(typed)).to_have_value(TYPED)


def test_going_back_shows_the_next_person_nothing(typed):
    press_sign_out(typed)
    typed.sign_in("gu", PASSWORD)

    typed.page.go_back()  # to the door, which leads on
    typed.page.go_back()

    typed.page.wait_for_url("**/visits/new")
    expect(minutes(typed)).to_have_value("")
    expect(typed.page.locator(f"text={TYPED}")).to_have_count(0)


def test_another_tab_of_the_device_does_not_go_on_showing_it(served, typed):
    other = typed.page.context.new_page()
    other.goto(f"{typed.url}/me")
    other.locator("details.menu:visible > summary").last.click()
    other.locator("button:visible", has_text="退出登录").click()

    typed.page.wait_for_url("**/login**")

    typed.sign_in("gu", PASSWORD)
    typed.open("/visits/new")
    expect(minutes(typed)).to_have_value("")
