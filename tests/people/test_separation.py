"""三员分立: three people administer, and none of the three is lost while they do."""

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.errors import Refused
from crm.people.accounts import disable_person
from crm.people.admin_duties import separation_of
from crm.people.models import Person
from crm.people.rules import Role
from crm.people.separation import separate_duties, unite_duties
from crm.people.service import add_person, change_person, give_password
from tests.conftest import NOW
from tests.factories import make_person

THREE = (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR)


def give_role(db, person, role, by=None):
    known = {"name": person.name, "email": person.email, "phone": person.phone}
    change_person(db, person=person, **known, role=role, by=by, now=NOW)


@pytest.fixture
def admin(db):
    return make_person(db, "root", role=Role.ADMIN, password_hash="x")


@pytest.fixture
def three(db, admin):
    """By role, the three who administer."""
    people = {role: make_person(db, role=role, password_hash="x") for role in THREE}
    separate_duties(db, by=admin, now=NOW)
    db.flush()
    # one of each: the former admin goes
    disable_person(db, person=admin, at=NOW, by=None, now=NOW)
    return people


@pytest.mark.parametrize(
    ("lacking", "words"), [("security_admin", "安全管理"), ("auditor", "审计")]
)
def test_it_begins_only_once_somebody_who_can_sign_in_holds_each(db, admin, lacking, words):
    for role in THREE[1:]:
        make_person(db, role=role, password_hash=None if role == lacking else "x")

    with pytest.raises(Refused) as refused:
        separate_duties(db, by=admin, now=NOW)

    assert refused.value.code == "duty_without_holder"
    assert refused.value.facts["duties"] == words
    assert admin.role is Role.ADMIN


def test_every_admin_keeps_the_system_and_no_more(db, admin):
    closed = make_person(db, role=Role.ADMIN, disabled_at=NOW)
    for role in THREE[1:]:
        make_person(db, role=role, password_hash="x")

    separate_duties(db, by=admin, now=NOW)

    assert {admin.role, closed.role} == {Role.SYSTEM_ADMIN}
    assert db.scalars(select(Person.id).where(Person.role == Role.ADMIN)).all() == []


@pytest.mark.parametrize("role", THREE)
def test_the_last_of_each_stays(db, three, role):
    last = three[role]
    ways = (
        lambda: give_role(db, last, Role.READER),
        lambda: disable_person(db, person=last, at=NOW, by=None, now=NOW),
        lambda: give_password(db, person=last, password_hash="y", by=make_person(db), now=NOW),
    )

    for way in ways:
        with pytest.raises(Refused) as refused:
            way()
        assert refused.value.code == "last_admin"


def test_nobody_becomes_an_admin_of_everything(db, three):
    with pytest.raises(Refused) as added:
        add_person(db, username="new", name="新", role=Role.ADMIN, by=None, now=NOW)
    with pytest.raises(Refused) as changed:
        give_role(db, three[Role.AUDITOR], Role.ADMIN)

    assert {added.value.code, changed.value.code} == {"separated"}


def test_of_two_duties_a_person_holds_one(db, three):
    other = make_person(db, role=Role.AUDITOR, password_hash="x")

    give_role(db, other, Role.SECURITY_ADMIN)

    assert other.role is Role.SECURITY_ADMIN


def test_the_security_admin_ends_it_with_a_reason_that_is_kept(db, three):
    security = three[Role.SECURITY_ADMIN]
    for by, why, code in (
        (three[Role.SYSTEM_ADMIN], "人员不足", "not_yours"),
        (three[Role.AUDITOR], "人员不足", "not_yours"),
        (security, " ", "required"),
    ):
        with pytest.raises(Refused) as refused:
            unite_duties(db, why=why, by=by, now=NOW)
        assert refused.value.code == code

    unite_duties(db, why="人员不足", by=security, now=NOW)

    assert separation_of(db) is None
    kept = select(AuditEntry.after).where(AuditEntry.action == "duties.united")
    assert "人员不足" in db.scalars(kept).one()
    give_role(db, three[Role.AUDITOR], Role.ADMIN, by=security)


def test_without_it_whoever_administers_accounts_or_the_system_last_stays(db):
    last = make_person(db, role=Role.SECURITY_ADMIN, password_hash="x")
    make_person(db, role=Role.SYSTEM_ADMIN, password_hash="x")

    with pytest.raises(Refused) as refused:
        give_role(db, last, Role.SYSTEM_ADMIN)

    assert refused.value.facts["duty"] == "安全管理"
