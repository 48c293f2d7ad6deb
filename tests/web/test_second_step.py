"""The second step of signing in: each code opens once, and who must have one sets it up first."""

import re
from datetime import timedelta

import pyotp
import pytest
import time_machine
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.people.rules import Role
from crm.people.second_factor import begin_setup, confirm_setup, factor_state
from crm.people.service import hash_password, set_password
from crm.people.sign_in_models import RecoveryCode, SecondFactor, SignInProfile
from crm.people.sign_in_profiles import plant_profiles
from tests.conftest import NOW
from tests.factories import arranged, make_person, sign_in

PASSWORD = "a long enough password"
HOME, STRANGER = "203.0.113.7", "198.51.100.9"
pytestmark = pytest.mark.slow_on_postgresql


def key_of(app):
    return app.config["SETTINGS"].secret_key


@pytest.fixture
def liwei(app):
    """A person who set up two steps an hour ago; with the secret and the recovery codes."""
    then, key = NOW - timedelta(hours=1), key_of(app)
    with arranged(app) as db:
        person = make_person(db, "liwei", name="李威")
        hashed = hash_password("liwei", PASSWORD)
        set_password(db, person=person, password_hash=hashed, by=None, now=then)
        begin_setup(db, person=person, key=key, now=then)
        secret = factor_state(db, person, key=key).pending
        code = pyotp.TOTP(secret).at(then)
        codes = confirm_setup(db, person=person, code=code, key=key, now=then)
    return person, pyotp.TOTP(secret), codes


def first_step(app, address=STRANGER, client=None):
    client = client or app.test_client()
    form = {"username": "liwei", "password": PASSWORD}
    answer = client.post("/login?next=/visits", data=form, environ_base={"REMOTE_ADDR": address})
    assert answer.location == "/login/code"
    return client


def second_step(client, code):
    return client.post("/login/code", data={"code": code})


def test_the_password_alone_opens_nothing_and_the_code_leads_on(app, liwei):
    client = first_step(app)
    assert client.get("/").location.startswith("/login")

    answer = second_step(client, liwei[1].at(NOW))

    assert answer.location == "/visits"
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 302), (0, 302), (1, 302), (2, 422)])
def test_the_clock_of_the_telephone_may_differ_by_one_step(app, liwei, steps, status):
    code = liwei[1].at(NOW + timedelta(seconds=30 * steps))

    assert second_step(first_step(app), code).status_code == status


def test_a_code_is_taken_once_and_no_earlier_one_after_it(app, liwei):
    used, earlier = liwei[1].at(NOW), liwei[1].at(NOW - timedelta(seconds=30))
    second_step(first_step(app), used)

    again = second_step(first_step(app), used)

    assert (again.status_code, "已使用" in again.text) == (422, True)
    assert second_step(first_step(app), earlier).status_code == 422


def test_codes_are_counted_by_the_account_wherever_they_come_from(app, liwei):
    clients = [first_step(app, f"198.51.100.{n}") for n in range(6)]
    refused = [second_step(client, "000000").status_code for client in clients[:5]]

    answer = second_step(clients[5], liwei[1].at(NOW))

    assert refused == [422] * 5
    assert "尝试次数过多，请 5 分钟后重试。" in answer.text


def test_a_thief_of_the_password_keeps_no_owner_out_of_a_known_browser(app, liwei):
    known = first_step(app, HOME)
    second_step(known, liwei[1].at(NOW))
    known.post("/logout")
    for n in range(6):
        second_step(first_step(app, f"198.51.100.{n}"), "000000")
    first_step(app, HOME, known)

    with time_machine.travel(NOW + timedelta(seconds=30), tick=False):
        assert second_step(known, liwei[1].at(NOW + timedelta(seconds=30))).status_code == 302


def test_a_new_password_ends_a_first_step_that_waits(app, liwei):
    client = first_step(app)
    with arranged(app) as db:
        hashed = hash_password("liwei", "another password")
        set_password(db, person=db.merge(liwei[0]), password_hash=hashed, by=None, now=NOW)

    assert second_step(client, liwei[1].at(NOW)).location == "/login"
    assert client.get("/").location.startswith("/login")


def test_a_recovery_code_opens_once_however_it_is_typed(app, liwei):
    typed = liwei[2][0].upper().replace("-", " ")
    recover = "/login/code/recovery"

    first = first_step(app).post(recover, data={"recovery_code": typed})
    again = first_step(app).post(recover, data={"recovery_code": typed})

    assert (first.status_code, again.status_code) == (302, 422)
    assert "恢复码不正确或已使用。" in again.text


def test_wrong_codes_leave_one_entry_and_the_database_no_secret(app, liwei):
    client = first_step(app)
    for _ in range(3):
        second_step(client, "000000")

    with arranged(app) as db:
        factor = db.scalars(select(SecondFactor)).one()
        hashes = db.scalars(select(RecoveryCode.code_hash)).all()
        wrong = AuditEntry.action.contains("wrong")
        actions = db.scalars(select(AuditEntry.action).where(wrong)).all()

    assert actions == ["person.wrong_code"]
    assert liwei[1].secret not in factor.secret
    assert not {*hashes} & {*liwei[2]}


def test_who_must_have_a_second_step_sets_it_up_before_anything_else(app):
    with arranged(app) as db:
        hashed = hash_password("liwei", PASSWORD)
        make_person(db, "liwei", password_hash=hashed, role=Role.SUPERVISOR)
        plant_profiles(db, now=NOW)
        profile = db.scalars(select(SignInProfile).filter_by(code="modern")).one()
        profile.second_factor_roles = frozenset({Role.SUPERVISOR})
    client = app.test_client()
    client.post("/login", data={"username": "liwei", "password": PASSWORD})

    assert client.get("/visits").location == "/me/two-step"
    client.post("/me/two-step/begin")
    page = client.get("/me/two-step").text
    secret = re.search(r'class="secret-key">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    assert "data:image/svg+xml" in page
    wrong = client.post("/me/two-step/confirm", data={"code": "000000"})
    codes = client.post("/me/two-step/confirm", data={"code": pyotp.TOTP(secret).at(NOW)})

    assert wrong.status_code == 422
    assert len(re.findall(r"<li><code>[a-z2-9-]{19}</code>", codes.text)) == 10
    assert client.get("/visits").status_code == 200
    refused = client.post("/me/two-step/remove", follow_redirects=True)
    assert "您的岗位须使用两步验证，不能停用。" in refused.text


def test_a_browser_that_was_left_open_asks_for_the_password_first(app, liwei):
    client = sign_in(app, "liwei")

    client.post("/me/two-step/remove")
    assert "确认身份" in client.get("/me/two-step").text
    client.post("/me/two-step/password", data={"password": PASSWORD})
    client.post("/me/two-step/remove")

    with arranged(app) as db:
        assert db.scalars(select(SecondFactor)).all() == []


def test_an_admin_resets_another_second_step_and_not_their_own(app, liwei):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN, password_hash="x")
    inside, root = sign_in(app, "liwei"), sign_in(app, "root")

    answer = root.post("/admin/people/liwei/second-factor/reset", follow_redirects=True)
    own = root.post("/admin/people/root/second-factor/reset", follow_redirects=True)

    assert "两步验证已重置" in answer.text
    assert "不能对本人账号进行此操作" in own.text
    assert inside.get("/").location.startswith("/login")
    assert "重置两步验证" in root.get("/admin/audit").text
