"""The audit trail over the API: for auditors' tokens, as much of it as the page shows."""

import pytest

from crm.base.audit import record
from crm.leads.rules import Secrecy
from crm.people.rules import Duty, Role, Scope
from tests.api.conftest import program_of
from tests.conftest import NOW
from tests.factories import arranged, make_company, make_contact, make_lead, make_person, make_unit

pytestmark = pytest.mark.slow_on_postgresql
LIST = "/audit-entries"


@pytest.fixture
def entries(app):
    """An auditor, an admin, and what a recruiter has done."""
    with arranged(app) as db:
        make_person(db, "heng", role=Role.AUDITOR, duty=Duty.STAFF)
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
        li = make_person(db, "liwei", name="李伟")
        secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "青松", "tracker": li}
        lead = make_lead(db, "绝密画布项目", **secret)
        company = make_company(db, "云海新材料有限公司")
        make_lead(db, "正极材料项目", company=company, tracker=li)
        contact = make_contact(db, company, phone="13800135678")
        unit = make_unit(db, "招商局", code="ZSJ")
        given = {"by": li, "at": NOW}
        record(db, "lead.changed", lead, **given, after={"note": "画布的话"})
        record(db, "contact.changed", contact, **given, after={"phone": "13800135678"})
        record(db, "posting.added", li, **given, after={"unit_id": unit.id, "person_id": li.id})


def rows(program, query=""):
    return program.get(f"{LIST}{query}").json["items"]


def test_who_did_what_is_read_with_people_units_and_numbers_as_everywhere(app, entries):
    program = program_of(app, "root", Scope.AUDIT)

    [posting] = rows(program, "?action=posting.added")
    [contact] = rows(program, "?subject=contact")

    assert (posting["by"]["username"], posting["subject_name"]) == ("liwei", "李伟")
    assert posting["after"] == {"unit_id": "ZSJ", "person_id": "liwei"}
    assert (posting["before"], posting["is_hidden"]) == (None, False)
    assert contact["after"] == {"phone": "138****5678"}


def test_of_records_an_auditor_reads_that_something_was_done_and_no_word(app, entries):
    auditor, admin = (program_of(app, name, Scope.AUDIT) for name in ("heng", "root"))

    shown = auditor.get(LIST)
    [lead] = [row for row in shown.json["items"] if row["action"] == "lead.changed"]

    assert (lead["is_hidden"], lead["after"], lead["subject_name"]) == (True, None, "青松")
    for text in (shown.text, admin.get(LIST).text):
        assert "画布" not in text
        assert "13800135678" not in text


def test_the_trail_is_narrowed_and_read_in_parts(app, entries):
    program = program_of(app, "heng", Scope.AUDIT)
    whole = rows(program, "?by=liwei")

    first = program.get(f"{LIST}?by=liwei&limit=2").json
    second = program.get(f"{LIST}?by=liwei&limit=2&cursor={first['next']}").json

    assert [*first["items"], *second["items"]] == whole
    assert [row["action"] for row in whole] == [
        "posting.added",
        "contact.changed",
        "lead.changed",
    ]
    contact = whole[1]
    assert rows(program, f"?subject=contact&subject_id={contact['subject_id']}") == [contact]
    assert rows(program, "?by=liwei&last=2026-07-01") == []
    assert rows(program, "?by=liwei&first=2026-07-15") == whole
    assert program.get(f"{LIST}?by=nobody").json["code"] == "unknown_username"


def test_no_other_scope_and_nobody_else_opens_it(app, entries):
    by_scope = program_of(app, "heng", Scope.READ, Scope.WRITE).get(LIST)
    by_role = program_of(app, "liwei", *Scope).get(LIST)
    elsewhere = program_of(app, "root", Scope.AUDIT).get("/leads")

    assert (by_scope.status_code, by_scope.json["code"]) == (403, "scope")
    assert (by_role.status_code, by_role.json["code"]) == (403, "role")
    assert (elsewhere.status_code, elsewhere.json["code"]) == (403, "scope")
