"""The page of the audit trail: for admins, filtered, and silent on leads that are not theirs."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import delete, event, select

from crm.base.audit import record
from crm.base.audit_entries import AuditEntry
from crm.extensions import db as database_of_app
from crm.leads.models import Lead
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.rules import Duty, Role
from crm.visits.models import Visit, VisitLead
from crm.web.audit.field_labels import FIELDS
from crm.web.audit.labels import ACTIONS, SUBJECTS
from tests.conftest import NOW
from tests.factories import arranged, make_lead, make_person, make_role, make_visit, sign_in

LIST = "/admin/audit"


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
        li = make_person(db, "liwei", name="李伟")
        secret = make_lead(db, "机密项目", secrecy=Secrecy.RESTRICTED, code_name="春晓", tracker=li)
        plain = make_lead(db, "普通项目", tracker=li)
        visit = make_visit(db, li, leads=[secret])
        for lead in (secret, plain):
            result = {"title": f"{lead.title}二期", "stage": "signed", "lead_ids": [lead.id]}
            record(
                db, "lead.changed", lead, by=li, at=NOW, before={"title": lead.title}, after=result
            )
        text = {"minutes": "机密的谈话", "leader_id": li.id}
        record(db, "visit.changed", visit, by=li, at=NOW + timedelta(days=1), after=text)
    return sign_in(app, "root")


def test_an_admin_reads_who_did_what_in_words(zone):
    page = zone.get(LIST).text

    assert "李伟" in page
    assert "修改线索" in page
    assert "普通项目 → 普通项目二期" in page
    assert "— → 签约" in page


def test_what_tells_of_a_restricted_lead_is_for_those_named_on_it(zone, app):
    page = zone.get(LIST).text

    assert "机密" not in page
    assert "春晓" in page
    assert page.count("内容不在您的知悉范围内") == 2

    with arranged(app) as db:
        root = make_person(db, "named", role=Role.ADMIN, duty=Duty.STAFF)
        lead = db.scalars(select(Lead).filter_by(code_name="春晓")).one()
        make_role(db, lead, LeadRoleKind.TASK_FORCE_MEMBER, person=root)
    assert "机密的谈话" in sign_in(app, "named").get(LIST).text


def test_a_visit_that_once_told_of_a_restricted_lead_stays_silent(zone, app):
    with arranged(app) as db:
        visit = db.scalars(select(Visit)).one()
        lead_id = db.scalars(select(Lead.id).filter_by(code_name="春晓")).one()
        record(db, "visit.changed", visit, by=None, at=NOW, before={"lead_ids": [lead_id]})
        db.execute(delete(VisitLead))

    assert "机密" not in zone.get(LIST).text


def test_an_entry_that_names_an_earlier_lead_is_for_who_may_see_both(zone, app):
    with arranged(app) as db:
        secret = db.scalars(select(Lead).filter_by(code_name="春晓")).one()
        plain, later = make_lead(db, "一期工程"), make_lead(db, "二期工程")
        for earlier, source in ((secret, "不可见的来源"), (plain, "可见的来源")):
            after = {"earlier_lead_id": earlier.id, "source": source}
            record(db, "lead.changed", later, by=None, at=NOW, after=after)

    page = zone.get(LIST).text

    assert "不可见的来源" not in page
    assert "前期项目" in page
    assert "一期工程" in page


def test_a_subject_that_nobody_has_thought_of_is_hidden(zone, app):
    with arranged(app) as db:
        entry = {"at": NOW, "action": "new.thing", "subject": "new", "subject_id": 1}
        db.add(AuditEntry(**entry, after='{"minutes": "谁也没想到"}'))

    assert "谁也没想到" not in zone.get(LIST).text


@pytest.mark.parametrize(
    ("query", "shown", "missing"),
    [
        ("action=visit.changed", "修改拜访", "普通项目"),
        ("subject=lead", "普通项目", "修改拜访</td>"),
        ("from=2026-07-16", "修改拜访</td>", "普通项目"),
        ("to=2026-07-15", "普通项目", "修改拜访</td>"),
        ("who=1000000", "未找到符合条件的操作记录", "普通项目"),
        ("subject=lead&id=1000000", "未找到符合条件的操作记录", "普通项目"),
        ("from=x&to=y&who=z&at=n_1_2", "普通项目", "未找到符合条件的操作记录"),
        ("at=n_2026-07-15T00:00_2", "普通项目", "未找到符合条件的操作记录"),
    ],
)
def test_the_list_is_narrowed(zone, query, shown, missing):
    page = zone.get(f"{LIST}?{query}").text

    assert shown in page
    assert missing not in page


def test_older_entries_are_a_page_away_and_the_newer_ones_back(zone, app):
    with arranged(app) as db:
        person = make_person(db, "many")
        for number in range(35):
            record(db, "person.changed", person, by=person, at=NOW, after={"name": f"n{number:02}"})

    first = zone.get(f"{LIST}?action=person.changed").text
    older = zone.get(first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")).text
    back = zone.get(older.split('rel="prev" href="')[1].split('"')[0].replace("&amp;", "&")).text

    assert ("n34" in first, "n04" in first) == (True, False)
    assert ("n04" in older, "n05" in older) == (True, False)
    assert "n34" in back


def test_whose_entries_are_listed_is_searched_for_without_script(zone, app):
    with arranged(app) as db:
        make_person(db, name="已离任", disabled_at=NOW)

    page = zone.get(f"{LIST}?find-who=李伟").text

    assert "已选中查到的唯一结果" in page
    assert "普通项目" in page
    assert "未找到符合条件的操作记录" in zone.get(f"{LIST}?find-who=已离任").text


def test_others_do_not_know_of_the_page(zone, app):
    assert sign_in(app, "liwei").get(LIST).status_code == 404


def test_a_request_leaves_its_address_in_what_it_does(app, zone):
    zone.post("/logout")

    with arranged(app) as db:
        entry = db.scalars(select(AuditEntry).filter_by(action="session.ended")).one()
        assert entry.address == "127.0.0.1"


def test_who_is_not_signed_in_is_led_to_the_door(client):
    assert client.get(LIST).status_code == 302


def test_a_page_of_many_entries_costs_as_much_as_one_of_few(zone, app, database):
    def cost():
        with counting(database_of_app, app) as sent:
            zone.get(f"{LIST}?subject=visit")
        return len(sent)

    few = cost()
    with arranged(app) as db:
        li = make_person(db, "wang")
        for _ in range(20):
            visit = make_visit(db, li, leads=[make_lead(db)])
            record(db, "visit.done", visit, by=li, at=NOW, after={"leader_id": li.id})

    assert cost() == few <= 13  # one of them for what is withheld


@contextmanager
def counting(database, app):
    """The queries that the application sends."""
    sent = []
    with app.app_context():
        engine = database.engine

    def note(_connection, _cursor, statement, *_rest):
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def test_each_word_is_said_once():
    assert len(set(ACTIONS.values())) == len(ACTIONS)
    assert len(set(SUBJECTS.values())) == len(SUBJECTS)
    assert all(FIELDS.values())
