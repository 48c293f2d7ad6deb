"""`crm user`: accounts and their passwords."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.base import clock
from crm.base.outbox import Message, MessageKind
from crm.followups.models import Followup
from crm.people.models import LoginSession, Person, Posting, Unit
from crm.people.rules import Duty, Role
from crm.people.service import verify
from tests.factories import make_followup, make_lead, make_person, make_unit

PASSWORD = "long enough a word"


@pytest.fixture
def rows(sessions):
    """All rows of a table."""
    with sessions.begin() as db:
        make_unit(db, "招商局", code="ip")
        make_person(db, "qian")

    def rows(table):
        with sessions() as db:
            return db.scalars(select(table).order_by(table.id)).all()

    return rows


def test_an_account_has_role_and_posting(crm, rows):
    words = ["--name", "赵某", "--role", "leader", "--unit", "招商局", "--duty", "分管负责同志"]

    done = crm("user", "add", "Zhao", *words, "--email", "z@crm.test")

    person, posting = rows(Person)[-1], rows(Posting)[-1]
    assert done.exit_code == 0
    assert (person.username, person.role, person.email) == ("zhao", Role.LEADER, "z@crm.test")
    assert person.password_hash is None
    assert (posting.duty, posting.from_on, posting.to_on) == (
        Duty.DEPUTY,
        date(2026, 7, 15),
        None,
    )


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["qian", "--name", "钱某", "--role", "reader"], 1, "账号 qian 已存在。"),
        (["zhao li", "--name", "赵某", "--role", "reader"], 1, "不能作为账号"),
        (["zhao", "--name", "赵某", "--role", "reader", "--email", "z"], 1, "不是邮箱地址"),
        (["zhao", "--name", "赵", "--role", "reader", "--email", "李@z.cn"], 1, "@ 前面只能"),
        (["zhao", "--name", "赵某", "--role", "king"], 2, "reader（简报读者）"),
        (["zhao", "--name", "赵某", "--role", "reader", "--unit", "ip"], 2, "--duty"),
        (
            ["zhao", "--name", "赵某", "--role", "reader", "--unit", "xx", "--duty", "staff"],
            1,
            "未找到单位“xx”",
        ),
    ],
)
def test_an_account_is_refused_with_the_reason(crm, rows, words, code, expected):
    done = crm("user", "add", *words)

    assert done.exit_code == code
    assert expected in done.stderr
    assert [person.username for person in rows(Person)] == ["qian"]


def test_a_password_comes_from_standard_input(crm, rows):
    done = crm("user", "passwd", "Qian", "--password-stdin", input=f"{PASSWORD}\n")

    assert done.exit_code == 0
    assert verify(rows(Person)[0], PASSWORD, now=clock.now())
    assert rows(LoginSession) == []


def test_a_password_is_asked_for_twice(crm, rows):
    done = crm("user", "passwd", "qian", input=f"{PASSWORD}\n{PASSWORD}\n")

    assert done.exit_code == 0
    assert PASSWORD not in done.output
    assert verify(rows(Person)[0], PASSWORD, now=clock.now())


@pytest.mark.parametrize(
    ("username", "password", "expected"),
    [
        ("nobody", PASSWORD, "未找到账号为“nobody”的人员。"),
        ("qian", "short", "密码至少 10 个字符。"),
        ("qian", "", "密码至少 10 个字符。"),
    ],
)
def test_a_password_is_refused_with_the_reason(crm, rows, username, password, expected):
    done = crm("user", "passwd", username, "--password-stdin", input=password)

    assert done.exit_code == 1
    assert expected in done.stderr
    assert rows(Person)[0].password_hash is None


def test_an_account_is_disabled(crm, rows):
    done = crm("user", "disable", "Qian")

    assert done.exit_code == 0
    assert rows(Person)[0].disabled_at is not None


def test_the_last_admin_is_not_disabled(crm, rows):
    crm("user", "add", "root", "--name", "根", "--role", "admin")

    refused = crm("user", "disable", "root")

    assert refused.exit_code == 1
    assert "最后一位" in refused.stderr
    assert rows(Person)[-1].disabled_at is None


def test_what_is_open_in_a_disabled_persons_name_falls_to_the_supervisor(crm, rows, sessions):
    with sessions.begin() as db:
        unit = db.scalars(select(Unit)).first()
        chief = make_person(db, "chief", role=Role.SUPERVISOR, unit=unit)
        leaver = make_person(db, "leaver", unit=unit)
        step = make_followup(db, make_lead(db), leaver, date(2026, 7, 20)).id

    crm("user", "disable", "leaver")

    with sessions() as db:
        assert db.get_one(Followup, step).person_id == chief.id
        result = select(Message.person_id).where(Message.kind == MessageKind.HANDOVER)
        assert db.scalars(result).all() == [chief.id]


def test_the_help_shows_roles_and_duties_as_they_are_typed(crm):
    result = crm("user", "add", "--help").output

    assert "recruiter|supervisor|leader|admin|reader" in result
    assert "principal|deputy|recruiter|staff" in result
