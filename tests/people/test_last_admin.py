"""The last admin who can sign in cannot be lost, by whatever way."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from crm.base.audit_chain import entries_made
from crm.base.errors import Refused
from crm.base.sheets import SheetRefused
from crm.imports import service, undoing
from crm.imports.rules import PEOPLE
from crm.people.accounts import disable_person
from crm.people.imports import import_people
from crm.people.models import Person
from crm.people.postings import leave
from crm.people.rules import Role
from crm.people.service import change_person, give_password, set_password
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_person, make_unit

AS_TEMPORARY = {"password_hash": "x", "is_password_temporary": True, "password_changed_at": NOW}
WITHOUT_SIGN_IN = [
    {"password_hash": None},
    AS_TEMPORARY,
    AS_TEMPORARY | {"password_changed_at": NOW - timedelta(days=8)},
    {"password_hash": "x", "disabled_at": NOW},
    {"password_hash": "x", "disabled_at": NOW + timedelta(days=9)},
    {"password_hash": "x", "role": Role.LEADER},
]


def demote(db, last, by):
    known = {"name": last.name, "email": None, "phone": None}
    change_person(db, person=last, role=Role.LEADER, **known, by=by, now=NOW)


def disable(db, last, by):
    disable_person(db, person=last, at=NOW, by=by, now=NOW)


def let_leave(db, last, by):
    day = NOW.date() + timedelta(days=30)
    leave(db, person=last, last_on=day, at_once=False, by=by, now=NOW)


def make_temporary(db, last, by):
    give_password(db, person=last, password_hash="y", by=by, now=NOW)


WAYS = [demote, disable, let_leave, make_temporary]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("other", WITHOUT_SIGN_IN)
def test_the_last_admin_who_can_sign_in_stays(db, way, other):
    last = make_person(db, "last", role=Role.ADMIN, password_hash="x")
    by = make_person(db, "other", **{"role": Role.ADMIN} | other)

    with pytest.raises(Refused) as refused:
        way(db, last, by)

    assert refused.value.code == "last_admin"


@pytest.mark.parametrize("way", WAYS)
def test_an_admin_goes_where_another_can_sign_in(db, way):
    one = make_person(db, role=Role.ADMIN, password_hash="x")
    make_person(db, role=Role.ADMIN, password_hash="x")

    way(db, one, None if way is not make_temporary else make_person(db))


def test_an_admin_without_a_password_gets_one_from_an_admin_who_is_to_leave(db):
    leaving = make_person(
        db, role=Role.ADMIN, password_hash="x", disabled_at=NOW + timedelta(days=9)
    )
    heir = make_person(db, role=Role.ADMIN)

    make_temporary(db, heir, leaving)

    assert heir.is_password_temporary


def test_a_file_that_takes_the_role_away_is_refused_at_its_line(db):
    make_unit(db, "招商局", code="ip")
    make_person(db, "last", name="甲", duty=None, role=Role.ADMIN, password_hash="x", email=None)
    make_person(db, "other", role=Role.ADMIN)
    head = "username,name,email,phone,unit,duty,role,from,to\n"

    with pytest.raises(SheetRefused) as refused:
        import_people(db, content=f"{head}last,甲,,,,,leader,,\n".encode(), by=None, now=NOW)

    assert [(each.line, each.why.code) for each in refused.value.problems] == [(2, "last_admin")]


def test_a_file_that_takes_the_role_from_all_admins_is_refused_at_the_last_of_them(db):
    make_unit(db, "招商局", code="ip")
    for name in ("one", "two"):
        given = {"name": name, "duty": None, "email": None, "password_hash": "x"}
        make_person(db, name, role=Role.ADMIN, **given)
    head = "username,name,email,phone,unit,duty,role,from,to\n"
    rows = "one,one,,,,,leader,,\ntwo,two,,,,,leader,,\n"

    with pytest.raises(SheetRefused) as refused:
        import_people(db, content=f"{head}{rows}".encode(), by=None, now=NOW)

    assert [(each.line, each.why.code) for each in refused.value.problems] == [(3, "last_admin")]


def test_two_admins_who_demote_each_other_at_once_leave_one(sessions):
    with transaction(sessions) as db:
        names = [make_person(db, role=Role.ADMIN, password_hash="x").username for _ in range(2)]
    barrier = Barrier(2, timeout=30)

    def demote_once(name):
        barrier.wait()
        with transaction(sessions) as db:
            demote(db, db.scalars(select(Person).filter_by(username=name)).one(), None)

    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(demote_once, name) for name in names]

    outcomes = [type(each.exception()).__name__ for each in running]
    assert sorted(outcomes) == ["NoneType", "Refused"]
    with sessions() as db:
        assert db.scalar(select(func.count()).where(Person.role == Role.ADMIN)) == 1


def test_a_password_from_the_command_line_makes_an_admin_who_can_sign_in(db):
    one = make_person(db, role=Role.ADMIN, password_hash="x")
    other = make_person(db, role=Role.ADMIN)
    set_password(db, person=other, password_hash="y", by=None, now=NOW)

    demote(db, one, None)

    assert one.role is Role.LEADER


@pytest.mark.parametrize("way", [demote, disable, let_leave])
def test_where_all_sign_in_at_a_provider_the_last_open_admin_stays(db, way):
    """With 统一认证 alone nobody has a password here."""
    one, last = (make_person(db, role=Role.ADMIN) for _ in range(2))

    way(db, one, None)

    with pytest.raises(Refused) as refused:
        way(db, last, None)
    assert refused.value.code == "last_admin"


@pytest.mark.parametrize("known", [True, False])
def test_an_import_that_made_the_last_admin_who_can_sign_in_is_not_taken_back(db, known):
    make_unit(db, "招商局", code="ip")
    root = make_person(db, "root", role=Role.ADMIN)
    if known:
        make_person(db, "heir", name="甲", duty=None, email=None, password_hash="x")
    before = entries_made(db)
    file = b"username,name,email,phone,unit,duty,role,from,to\nheir,\xe7\x94\xb2,,,,,admin,,\n"
    result = import_people(db, content=file, by=root, now=NOW)
    run = service.note_file(
        db, kind=PEOPLE, file_name="", result=result, before=before, by=root, now=NOW
    )
    heir = db.scalars(select(Person).where(Person.username == "heir")).one()
    if not known:  # of one that was known, that would be a change of their own
        set_password(db, person=heir, password_hash="x", by=None, now=NOW)

    undoing.undo(db, run=run, by=root, now=NOW)

    [kept] = undoing.kept_rows(db, run, 9)
    assert (kept.subject_id, json.loads(kept.kept_why)[0]) == (heir.id, "last_admin")
    assert (heir.role, heir.disabled_at, heir.password_hash) == (Role.ADMIN, None, "x")
