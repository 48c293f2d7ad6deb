"""Guessing is slowed down by whom it means and where it comes from, and keeps no owner out."""

import json
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update
from structlog.testing import capture_logs

from crm.base.audit_entries import AuditEntry
from crm.base.rate_counts import RateCount
from crm.extensions import limiter
from crm.people.login_attempts import network_of
from crm.people.rules import Role
from crm.people.service import hash_password, set_password
from tests.conftest import NOW
from tests.databases import other_app
from tests.factories import arranged, make_person, sign_in

PASSWORD = "a long enough password"
HOME, STRANGER = "203.0.113.7", "198.51.100.9"
GUESS = "wrong"
WRONG, RIGHT, TOO_MANY = 422, 302, 429


@pytest.fixture
def liwei(app):
    with arranged(app) as db:
        person = make_person(db, "liwei", name="李威")
        hashed = hash_password("liwei", PASSWORD)
        set_password(db, person=person, password_hash=hashed, by=None, now=NOW)
    return person


def enter(client, password=GUESS, *, username="liwei", address=STRANGER):
    result = {"username": username, "password": password}
    return client.post("/login", data=result, environ_base={"REMOTE_ADDR": address}).status_code


def guess(app, times, **given):
    return [enter(app.test_client(), **given) for _ in range(times)]


def entries(app):
    with arranged(app) as db:
        failed = AuditEntry.action.in_(["person.wrong_password", "sign_in.unknown_account"])
        return [
            (each.action, each.subject_id, json.loads(each.after), each.address)
            for each in db.scalars(select(AuditEntry).where(failed).order_by(AuditEntry.id))
        ]


@pytest.mark.parametrize("variant", ["LIWEI", " liwei ", "ｌｉｗｅｉ", "li\u200bwei", "Li Wei"])
def test_a_variant_of_a_name_shares_the_tries_of_its_account(app, liwei, variant):
    assert guess(app, 5) + guess(app, 6, username=variant) == [WRONG] * 10 + [TOO_MANY]


def test_an_account_that_is_not_there_answers_as_one_that_is(app, liwei):
    assert guess(app, 11, username="nobody") == guess(app, 11)


def test_an_owner_signs_in_while_a_stranger_guesses(app, liwei):
    guess(app, 11)

    assert enter(app.test_client(), PASSWORD, address=HOME) == RIGHT


def test_a_browser_that_is_known_has_tries_of_its_own_at_the_same_address(app, liwei):
    browser = app.test_client()
    enter(browser, PASSWORD)
    browser.post("/logout")
    guess(app, 11)

    assert enter(browser) == WRONG
    assert enter(browser, PASSWORD) == RIGHT


def test_a_browser_is_known_for_whom_it_signed_in_only(app, liwei):
    with arranged(app) as db:
        other = make_person(db, "other")
        hashed = hash_password("other", PASSWORD)
        set_password(db, person=other, password_hash=hashed, by=None, now=NOW)
    browser = app.test_client()
    enter(browser, PASSWORD, username="other")
    browser.post("/logout")
    guess(app, 10)

    assert enter(browser) == TOO_MANY


def counted(app, key, count):
    with arranged(app) as db:
        db.execute(update(RateCount).where(RateCount.key.startswith(key)).values(count=count))


def test_a_known_browser_at_which_somebody_guesses_is_as_any_other_for_the_hour(app, liwei):
    browser = app.test_client()
    enter(browser, PASSWORD)
    browser.post("/logout")
    guess(app, 11)
    first = enter(browser)
    counted(app, f"browser-tries:{liwei.id}", 60)

    assert (first, enter(browser)) == (WRONG, TOO_MANY)
    assert enter(browser, PASSWORD, address=HOME) == RIGHT


@pytest.mark.parametrize(("key", "count"), [("sprayed-tries", 150), ("address-tries", 60)])
def test_what_a_colleague_tries_at_other_accounts_keeps_no_owner_out(app, liwei, key, count):
    guess(app, 1, username="nobody")
    counted(app, f"{key}:{STRANGER}", count)

    # nor does it tell which accounts there are
    assert guess(app, 1) == guess(app, 1, username="nobody2") == [TOO_MANY]
    with time_machine.travel(NOW + timedelta(seconds=61), tick=False):
        counted(app, f"{key}:{STRANGER}", count)
        assert enter(app.test_client(), PASSWORD) == RIGHT


def test_of_such_an_address_each_account_is_guessed_a_few_times_an_hour(app, liwei):
    guess(app, 1)
    counted(app, f"sprayed-tries:{STRANGER}", 150)
    minutes = range(1, 7)

    for minute in minutes:
        with time_machine.travel(NOW + timedelta(minutes=minute), tick=False):
            guess(app, 1)

    with time_machine.travel(NOW + timedelta(minutes=8), tick=False):
        assert enter(app.test_client(), PASSWORD) == TOO_MANY
        assert enter(app.test_client(), PASSWORD, address=HOME) == RIGHT


def test_guesses_from_everywhere_slow_down_unknown_places_alone(app, liwei):
    enter(app.test_client(), PASSWORD, address=HOME)
    with arranged(app) as db:
        key = f"scattered-tries:{liwei.id}"
        db.execute(update(RateCount).where(RateCount.key == key).values(count=100))

    assert guess(app, 2, address="192.0.2.1") == [WRONG, TOO_MANY]
    assert guess(app, 2, address=HOME) == [WRONG, WRONG]
    assert enter(app.test_client(), PASSWORD, address="192.0.2.2") == RIGHT


def test_right_passwords_use_up_nothing(app, liwei):
    answers = [enter(app.test_client(), PASSWORD) for _ in range(12)]

    assert answers == [RIGHT] * 12


def test_tries_come_back_after_a_minute(app, liwei):
    guess(app, 11)

    with time_machine.travel(NOW + timedelta(seconds=61), tick=False):
        assert guess(app, 1) == [WRONG]


def test_processes_share_the_tries(app, database, liwei):
    with other_app(database.url) as other:
        other.config.update(WTF_CSRF_ENABLED=False)
        answers = guess(app, 5) + guess(other, 6)

    assert answers == [WRONG] * 10 + [TOO_MANY]


def test_too_many_tries_are_told_at_the_field_and_the_name_stays(app, liwei):
    guess(app, 10)

    answer = app.test_client().post(
        "/login",
        data={"username": "liwei", "password": "wrong"},
        environ_base={"REMOTE_ADDR": STRANGER},
    )

    assert answer.headers["Retry-After"] == "60"
    assert "尝试次数过多" in answer.text
    assert 'value="liwei"' in answer.text


def test_a_wrong_password_leaves_entries_that_a_flood_does_not_multiply(app, liwei):
    guess(app, 11)
    with time_machine.travel(NOW + timedelta(seconds=61), tick=False):
        guess(app, 11)

    assert entries(app) == [
        ("person.wrong_password", liwei.id, {"failures": 1}, STRANGER),
        ("person.wrong_password", liwei.id, {"failures": 10}, STRANGER),
    ]


def test_a_wrong_password_at_an_unknown_account_says_nothing_that_was_typed(app, liwei):
    with capture_logs() as logs:
        enter(app.test_client(), "my secret", username="my other secret")

    [(action, _, after, address)] = entries(app)
    assert (action, after, address) == ("sign_in.unknown_account", {"failures": 1}, STRANGER)
    assert "secret" not in str(logs)
    assert logs[0] == {
        "event": "wrong_password",
        "person": None,
        "address": STRANGER,
        "failures": 1,
        "log_level": "warning",
    }


def test_an_admin_reads_of_failed_sign_ins(app, liwei):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN)
    guess(app, 1)
    guess(app, 1, username="nobody")

    page = sign_in(app, "root").get("/admin/audit").text

    assert "密码输错" in page
    assert "用不存在的账号登录" in page


def test_the_present_password_is_guessed_ten_times_in_one_session(app, liwei):
    thief, owner = sign_in(app, "liwei"), sign_in(app, "liwei")
    form = {"old": "wrong", "password": "another password", "again": "another password"}

    answers = [thief.post("/me/password", data=form).status_code for _ in range(11)]

    assert answers == [422] * 11
    assert "尝试次数过多" in thief.post("/me/password", data=form).text
    assert owner.post("/me/password", data=form | {"old": PASSWORD}).status_code == 302


def test_unsubscribing_is_limited_by_address(app, liwei):
    limiter.enabled = True
    form = {"List-Unsubscribe": "One-Click"}
    client = app.test_client()

    answers = [client.post(f"/unsubscribe/{n}", data=form).status_code for n in range(31)]

    limiter.enabled = False
    assert answers == [404] * 30 + [429]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.7"),
        ("", ""),
    ],
)
def test_whoever_has_one_address_of_a_network_has_them_all(address, network):
    assert network_of(address) == network
