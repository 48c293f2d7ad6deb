"""What the database alone refuses is told as such, and what was typed may be sent once more."""

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from crm.base.audit_entries import AuditEntry
from crm.people.models import Person, Unit
from crm.people.rules import Duty, Role
from crm.people.service import hash_password
from tests.conflicts import meanwhile, person_called
from tests.factories import arranged, make_person, make_unit, sign_in

PASSWORD = "a long enough password"
NEW = {"username": "wang", "name": "王<工>", "role": "recruiter", "phone": "0513-1234"}
SAID = "他人同时修改了相关内容，本次未保存。"


@pytest.fixture
def unit(app):
    """A unit without people, in a zone that has an admin."""
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
        return make_unit(db, "招商局")


@pytest.fixture
def at_roots(app, unit):
    return sign_in(app, "root")


def count(app, table, *conditions):
    with arranged(app) as db:
        return db.scalar(select(func.count()).select_from(table).where(*conditions))


def test_of_two_equal_rows_the_second_is_told_and_half_of_it_is_not_kept(app, at_roots):
    with meanwhile(person_called("wang")):
        answer = at_roots.post("/admin/people/new", data=NEW)

    assert answer.status_code == 409
    assert SAID in answer.text
    assert count(app, Person) == 1
    assert count(app, AuditEntry, AuditEntry.action == "person.added") == 0


def test_what_was_typed_may_be_sent_once_more(at_roots):
    with meanwhile(person_called("wang")):
        page = at_roots.post("/admin/people/new", data=NEW).text

    assert "再次提交</button>" in page
    assert '<input type="hidden" name="name" value="王&lt;工&gt;">' in page
    assert '<input type="hidden" name="phone" value="0513-1234">' in page


def test_sent_once_more_the_form_says_at_its_field_what_stands_against_it(app, at_roots):
    with arranged(app) as db:
        db.execute(person_called("wang"))

    page = at_roots.post("/admin/people/new", data=NEW)

    assert page.status_code == 422
    assert "账号 wang 已存在。" in page.text


def test_a_row_that_is_gone_meanwhile_is_told_so(app, at_roots, unit):
    result = {"name": "投资促进局", "kind": "bureau", "parent_id": "", "position": "1"}

    with meanwhile(delete(Unit).where(Unit.id == unit.id)):
        answer = at_roots.post(f"/admin/units/{unit.id}", data=result)

    assert answer.status_code == 409
    assert SAID in answer.text


def test_a_password_is_typed_anew(app, at_roots):
    new = "another one entirely"
    with arranged(app) as db:
        root = db.scalars(select(Person)).one()
        root.password_hash = hash_password("root", PASSWORD)

    with meanwhile(person_called("root")):
        result = {"old": PASSWORD, "password": new, "again": new}
        answer = at_roots.post("/me/password", data=result)

    assert answer.status_code == 409
    assert new not in answer.text
    assert "再次提交</button>" not in answer.text


def test_what_breaks_a_rule_of_the_tables_is_a_fault_and_no_conflict(app, at_roots):
    app.testing = True

    with meanwhile(update(Person).values(role="nonsense")), pytest.raises(IntegrityError):
        at_roots.post("/admin/people/new", data=NEW)
