"""The profiles of signing in: chosen and changed by an admin, applied wherever it matters."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from crm.people.models import Person
from crm.people.rules import Role
from crm.people.service import hash_password, set_password
from crm.people.sign_in_models import SignInProfile
from crm.people.sign_in_profiles import plant_profiles
from tests.conftest import NOW
from tests.factories import arranged, make_person, sign_in

OLD = "the-Old-password-1"


@pytest.fixture
def root(app):
    with arranged(app) as db:
        plant_profiles(db, now=NOW)
        make_person(db, "root", role=Role.ADMIN, password_hash="x")
    return sign_in(app, "root")


def choose(app, root, **values):
    """Let 等保三级 hold, without its second factors."""
    with arranged(app) as db:
        profile = db.scalars(select(SignInProfile).filter_by(code="mlps3")).one()
        for name, value in ({"second_factor_roles": frozenset()} | values).items():
            setattr(profile, name, value)
    root.post("/admin/sign-in/mlps3/choose")


def lina(app, at=NOW):
    with arranged(app) as db:
        person = make_person(db, "lina")
        hashed = hash_password("lina", OLD)
        set_password(db, person=person, password_hash=hashed, by=None, now=at)
    return sign_in(app, "lina")


def change(client, password, old=OLD):
    form = {"old": old, "password": password, "again": password}
    return client.post("/me/password", data=form)


def test_an_admin_chooses_a_profile_and_changes_its_values(root):
    form = {"shortest": "12", "character_kinds": "4", "bars_common": "y", "history": "6"}
    form |= {"idle_minutes": "15", "expires_days": "", "second_factor_roles": ["admin", "leader"]}

    chosen = root.post("/admin/sign-in/mlps3/choose", follow_redirects=True).text
    changed = root.post("/admin/sign-in/modern", data=form, follow_redirects=True).text

    assert "登录策略已启用" in chosen
    # the admin has no second factor, and is led to it by the profile just chosen
    assert "您的岗位须开启两步验证" in changed
    assert root.get("/admin/sign-in").location == "/me/two-step"


def test_values_out_of_bounds_are_refused_at_their_fields(root):
    form = {"shortest": "3", "character_kinds": "9", "history": "x", "idle_minutes": "1"}

    page = root.post("/admin/sign-in/modern", data=form)

    assert page.status_code == 422
    assert "请填写 8 至 64 之间的整数。" in page.text
    assert "请填写 10 至 20160 之间的整数。" in page.text


def test_values_are_saved_and_told_in_the_trail(root):
    form = {"shortest": "12", "character_kinds": "3", "history": "2", "idle_minutes": "60"}

    page = root.post(
        "/admin/sign-in/modern",
        data=form | {"expires_days": "180", "second_factor_roles": ["leader"]},
        follow_redirects=True,
    ).text

    assert "至少 12 个字符，含 3 种字符" in page
    assert "领导须使用" in page
    trail = root.get("/admin/audit").text
    assert "10 → 12" in trail
    assert "— → 领导" in trail


def test_a_session_ends_by_the_minutes_of_the_profile(app, root):
    client = lina(app)
    choose(app, root, idle_minutes=30)

    with time_machine.travel(NOW + timedelta(minutes=29), tick=False):
        inside = client.get("/").status_code
    with time_machine.travel(NOW + timedelta(minutes=60), tick=False):
        outside = client.get("/")

    assert inside == 200
    assert outside.location.startswith("/login")


def test_an_old_password_is_changed_before_anything_else(app, root):
    client = lina(app, at=NOW - timedelta(days=90))
    assert client.get("/visits").status_code == 200
    choose(app, root, expires_days=90)

    assert client.get("/visits").location == "/me"
    assert "密码已使用超过 90 天" in client.get("/me").text
    assert change(client, "Another-password-2").status_code == 302
    assert client.get("/visits").status_code == 200


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("alllowercaseletters", "密码须包含大写字母、小写字母、数字、其他字符中的 3 种。"),
        ("Zhaoshang@2026", "密码过于常见"),
        (OLD, "新密码不能与当前密码相同。"),
    ],
)
def test_what_the_profile_refuses_is_told_at_the_field(app, root, password, sentence):
    client = lina(app)
    choose(app, root)

    answer = change(client, password)

    assert answer.status_code == 422
    assert sentence in answer.text


def test_former_passwords_come_back_only_after_so_many_others(app, root):
    client = lina(app)
    choose(app, root, history=2)
    change(client, "The-next-password-2")

    refused = change(client, OLD, "The-next-password-2")
    change(client, "The-third-password-3", "The-next-password-2")
    taken = change(client, OLD, "The-third-password-3")

    assert "不能使用最近 2 次用过的密码。" in refused.text
    assert taken.status_code == 302
    with arranged(app) as db:
        assert db.scalars(select(Person).filter_by(username="lina")).one().password_hash
