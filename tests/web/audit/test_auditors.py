"""An auditor reads the trail, and of records and figures nothing."""

import pytest
from sqlalchemy import select, text

from crm.base.audit import record
from crm.base.audit_entries import AuditEntry
from crm.base.audit_trail import seal_day
from crm.people.models import Absence
from crm.people.rules import Duty, Role
from tests.conftest import NOW
from tests.databases import unguarded
from tests.factories import arranged, make_absence, make_lead, make_person, make_visit, sign_in

LIST = "/admin/audit"
HIDDEN = "内容不在您的知悉范围内"


@pytest.fixture
def auditor(app):
    with arranged(app) as db:
        make_person(db, "heng", name="衡鉴清", role=Role.AUDITOR, duty=Duty.STAFF)
        li = make_person(db, "liwei", name="李伟")
        lead = make_lead(db, "储存项目", tracker=li)
        visit, absence = make_visit(db, li, leads=[]), make_absence(db, li, NOW.date(), NOW.date())
        given = {"by": li, "at": NOW}
        record(db, "lead.changed", lead, **given, after={"note": "线索的话"})
        record(db, "visit.changed", visit, **given, after={"minutes": "洽谈的话"})
        record(db, "absence.approved", absence, **given, after={"reason": "请假的话"})
        record(
            db, "person.changed", li, **given, before={"email": "a@x.cn"}, after={"email": "b@x.cn"}
        )
    return sign_in(app, "heng")


def test_an_auditor_reads_who_did_what_and_of_records_no_word(auditor):
    page = auditor.get(LIST).text

    assert "李伟" in page
    assert "a@x.cn → b@x.cn" in page
    assert page.count(HIDDEN) == 3
    assert "的话" not in page
    assert "/visits/" not in page


def test_the_start_of_an_auditor_is_what_they_may_open(auditor):
    start = auditor.get("/")
    page = auditor.get(start.location).text

    assert start.location == "/admin"
    assert LIST in page
    assert "/admin/units" not in page
    assert auditor.get("/leads").status_code == 404


def test_an_auditor_sees_an_account_and_no_way_to_change_it(auditor, app):
    with arranged(app) as db:
        db.scalars(select(Absence)).one().reason = "请假的话"

    page = auditor.get("/admin/people/liwei").text

    assert "招商人员" in page
    assert "/admin/people/liwei/" not in page
    assert "的话" not in page
    assert auditor.get("/admin/people/liwei/edit").status_code == 404


def test_the_export_hides_what_the_page_hides_and_is_noted(auditor, app):
    exported = auditor.get(f"{LIST}/export.csv?who=&action=visit.changed").text

    assert HIDDEN in exported
    assert "李伟" in exported
    assert "的话" not in exported
    with arranged(app) as db:
        noted = select(AuditEntry.after).where(AuditEntry.action == "person.exported")
        assert '"entries": 1' in db.scalars(noted).one()


def test_the_trail_is_verified_on_its_page(auditor, app):
    with arranged(app) as db:
        seal_day(db, on=NOW.date(), at=NOW)

    assert "操作记录完整" in auditor.post(f"{LIST}/verify", follow_redirects=True).text


def test_a_trail_that_is_broken_is_said_to_be(auditor, app):
    with arranged(app) as db, unguarded(db.connection()):
        db.execute(text("UPDATE audit_entry SET after = '{}'"))

    assert "操作记录不完整" in auditor.post(f"{LIST}/verify", follow_redirects=True).text
