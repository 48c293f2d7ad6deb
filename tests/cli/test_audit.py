"""`crm audit`: whole or where it breaks; old entries go, others do not."""

from datetime import date

import pytest
from sqlalchemy import select, text

from crm.base.audit import record
from crm.base.audit_entries import AuditEntry
from crm.jobs import ledger
from crm.jobs.models import JobRun
from crm.transactions import transaction
from tests.conftest import NOW
from tests.databases import unguarded
from tests.factories import make_person
from tests.jobs.work import at


@pytest.fixture
def zone(sessions):
    with transaction(sessions) as db:
        ledger.install(db, clock_from=at("2026-07-13T00:00"), now=NOW)
        person = make_person(db, "liwei")
        record(db, "person.added", person, by=None, at=NOW, after={"name": "李伟"})
    return sessions


def test_a_whole_trail_is_said_to_be_whole(crm, zone):
    crm("clock", "run", "--until", "2026-07-14")

    result = crm("audit", "verify")

    assert result.exit_code == 0, result.output
    assert "操作记录完整" in result.stdout
    assert "日封存 2 次" in result.stdout


def test_a_broken_trail_is_told_with_the_entry_and_fails(crm, zone):
    with zone.begin() as db, unguarded(db.connection()):
        db.execute(text("UPDATE audit_entry SET after = replace(after, '李', '张')"))
        entry_id = db.scalar(select(AuditEntry.id))

    result = crm("audit", "verify")

    assert result.exit_code == 1
    assert f"操作记录 {entry_id} 内容被改动过" in result.stderr


def test_each_day_is_sealed_once_at_its_end(crm, zone):
    crm("clock", "run", "--until", "2026-07-14")
    crm("clock", "run", "--until", "2026-07-15")

    with zone() as db:
        runs = db.scalars(select(JobRun).filter_by(job="audit-seal").order_by(JobRun.id)).all()
        seals = db.scalars(select(AuditEntry).filter_by(action="audit.sealed")).all()
    assert [(run.slot, run.due_at) for run in runs] == [
        ("2026-07-12", at("2026-07-13T00:00")),
        ("2026-07-13", at("2026-07-14T00:00")),
        ("2026-07-14", at("2026-07-15T00:00")),
    ]
    assert [run.made for run in runs] == ['{"entries": 1}'] * 3
    assert {seal.address for seal in seals} == {"clock audit-seal"}


def test_what_is_young_is_not_purged(crm, zone):
    crm("clock", "run", "--until", "2026-07-14")

    result = crm("audit", "purge", "--before", date.max.isoformat())

    assert result.exit_code == 1
    assert "至少保存 183 天" in result.stderr


def test_a_purge_without_anything_old_says_so(crm, zone):
    result = crm("audit", "purge", "--before", "2020-01-01")

    assert (result.exit_code, result.stdout) == (0, "暂无可清理的操作记录。\n")


def test_a_command_leaves_its_name_in_what_it_does(crm, zone):
    crm("user", "passwd", "liwei", "--password-stdin", input="long enough for anybody\n")

    with zone() as db:
        entry = db.scalars(select(AuditEntry).filter_by(action="person.password_set")).one()
    assert entry.address == "crm user passwd"
