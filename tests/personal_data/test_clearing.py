"""What is over its period goes by itself, in batches that may break off, and is told."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.base.outbox import Message, MessageKind, State
from crm.imports.models import ImportFile, ImportMade, ImportRun
from crm.imports.rules import RunState
from crm.jobs.models import JobRun
from crm.jobs.runner import Runner, SlotOutcome
from crm.jobs.timetable import JOBS, JobName
from crm.people.models import LoginSession
from crm.people.rules import Role
from crm.personal_data import clearing
from crm.personal_data.retention import set_retention
from crm.personal_data.retention_rules import Kept
from crm.transactions import transaction
from tests.factories import make_company, make_contact, make_person
from tests.jobs.work import SITE, at, install

DUE = at("2026-07-01T03:00")
OLD, YOUNG = datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 6, 20, tzinfo=UTC)
RETENTION = [job for job in JOBS if job.name is JobName.RETENTION]
LEFT = (
    select(LoginSession.begun_at),
    select(Message.body_text).where(Message.kind == MessageKind.NUDGE),
    select(ImportFile.content),
    select(ImportMade.before),
)


@pytest.fixture
def zone(sessions):
    """Of everything one that is over and one that is not, and a contact nobody needs."""
    install(sessions, "2026-06-15T12:00")
    with transaction(sessions) as db:
        admin = make_person(db, "root", role=Role.ADMIN)
        make_contact(db, make_company(db), "张工").created_at = OLD
        for number, when in enumerate((OLD, YOUNG)):
            _rows_of(db, admin, number, when)
    return sessions


def _rows_of(db, person, number, when):
    ended = {"begun_at": when, "seen_at": when, "ended_at": when}
    db.add(LoginSession(token_hash=f"t{number}", person_id=person.id, **ended))
    db.add(_mail(person, number, when))
    run = ImportRun(
        kind="leads",
        made_by_id=person.id,
        made_at=when,
        file_name="线索.xlsx",
        content=b"x",
        settings="{}",
        state=RunState.DONE,
    )
    db.add(run)
    db.flush()
    made = {"subject": "lead", "subject_id": 1, "entry_id": 1, "before": "{}"}
    db.add(ImportMade(run_id=run.id, **made))


def _mail(person, number, when):
    return Message(
        dedupe_key=f"k{number}",
        kind=MessageKind.NUDGE,
        person_id=person.id,
        recipient="root@crm.test",
        subject="提醒",
        body_text="张工来电",
        body_html="",
        message_id=f"<{number}>",
        made_at=when,
        due_at=when,
        sent_at=when,
        state=State.SENT,
        attempts=1,
    )


def run(sessions, now=DUE):
    return Runner(sessions, SITE, RETENTION).run_due(lambda: now)[JobName.RETENTION]


def left(sessions):
    with sessions() as db:
        return [[str(value) for value in db.scalars(query) if value] for query in LEFT]


def test_what_is_over_goes_and_the_rest_stays_and_the_trail_says_how_much(zone):
    made = run(zone).made

    assert left(zone) == [[str(YOUNG)], ["张工来电"], [str(b"x")], ["{}"]]
    assert made == {
        "cleared_sessions": 1,
        "cleared_mails": 1,
        "cleared_imports": 1,
        "contacts": 1,
        "mails": 1,
    }
    with zone() as db:
        told = select(AuditEntry.after).where(AuditEntry.action == "retention.cleared")
        assert [json.loads(after)["rows"] for after in db.scalars(told)] == [1, 1, 1]
        mail = select(Message.subject).where(Message.kind == MessageKind.RETENTION)
        assert db.scalars(mail).all() == ["1 位联系人超过保存期限，请确认是否删除"]


def test_a_kind_without_a_period_is_kept(zone):
    with transaction(zone) as db:
        set_retention(db, dict.fromkeys(Kept), by=make_person(db, role=Role.ADMIN), now=OLD)
    before = left(zone)

    assert not run(zone).made
    assert left(zone) == before


def test_a_run_that_breaks_off_goes_on_and_a_second_one_finds_nothing(zone, monkeypatch):
    monkeypatch.setattr(clearing, "ROWS", 1)
    with transaction(zone) as db:
        person = make_person(db, "li")
        for number in range(2, 5):
            db.add(_mail(person, number, OLD))
    answers = iter([True, True, True, False])

    broken = Runner(zone, SITE, RETENTION)
    broken.run_due(lambda: DUE, may_go_on=lambda: next(answers))
    between = left(zone)
    run(zone)
    again = run(zone, DUE + timedelta(hours=1))

    assert between != left(zone)
    assert left(zone)[1] == ["张工来电"]
    assert not again.outcomes
    with zone() as db:
        made = json.loads(
            db.scalars(select(JobRun.made).where(JobRun.job == JobName.RETENTION)).one()
        )
        assert made["cleared_mails"] == 4
        reminded = Message.kind == MessageKind.RETENTION
        assert db.scalar(select(func.count()).where(reminded)) == 1


def test_two_clocks_at_once_clear_each_row_once_and_neither_fails(zone, monkeypatch):
    monkeypatch.setattr(clearing, "ROWS", 1)
    with transaction(zone) as db:
        person = make_person(db, "li")
        db.add_all(_mail(person, number, OLD) for number in range(2, 8))
    both_are_there = Barrier(2)

    def one_of_them():
        both_are_there.wait(timeout=60)
        return run(zone)

    with ThreadPoolExecutor(2) as pool:
        runs = [each.result(timeout=300) for each in [pool.submit(one_of_them) for _ in range(2)]]

    outcomes = runs[0].outcomes + runs[1].outcomes
    assert set(outcomes) <= {SlotOutcome.DONE, SlotOutcome.TAKEN}, outcomes
    assert left(zone) == [[str(YOUNG)], ["张工来电"], [str(b"x")], ["{}"]]
    with zone() as db:
        told = select(AuditEntry.after).where(AuditEntry.action == "retention.cleared")
        assert [json.loads(after)["rows"] for after in db.scalars(told)] == [1] * 9
        stored = db.scalars(select(JobRun.made).where(JobRun.job == JobName.RETENTION)).one()
        assert json.loads(stored)["cleared_mails"] == 7
        reminded = Message.kind == MessageKind.RETENTION
        assert db.scalar(select(func.count()).where(reminded)) == 1
