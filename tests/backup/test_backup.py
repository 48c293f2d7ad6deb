"""A backup is restored whole, on either database, or not at all."""

import random
import stat
from datetime import timedelta
from threading import Event, Thread

import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.orm import Session

from crm.backup import restoring, schema
from crm.backup.making import back_up
from crm.backup.restoring import MAY_HAVE_ARRIVED, check_backup, restore
from crm.base.audit import record
from crm.base.audit_trail import first_break, trail
from crm.base.db import Base, engine_options
from crm.base.errors import Refused
from crm.base.mail_kinds import MessageKind
from crm.base.outbox import Message, State
from crm.files.service import attach, keep_file
from crm.files.store import FolderStore
from crm.jobs import health, lease, ledger
from crm.jobs.models import DeliveryHold
from crm.leads.models import LeadFile
from crm.people.models import Person
from crm.people.rules import Role
from crm.transactions import transaction
from tests.conftest import NOW
from tests.databases import migrated_database
from tests.factories import make_lead, make_person, make_unit
from tests.files import samples
from tests.outbox import put

LATER = NOW + timedelta(days=3)


def engine_of(url):
    options = engine_options(url)
    return create_engine(options.pop("url"), **options)


def counts(engine):
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
        }


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "files")


@pytest.fixture
def zone(sessions, store):
    """A lead with an amount and an attachment, messages in each state, a trail with entries."""
    file = keep_file(store, name="合同.pdf", content=samples.pdf())
    with transaction(sessions) as db:
        ledger.install(db, clock_from=NOW, now=NOW)
        lease.acquire(db, "old:1:abc")
        db.add(DeliveryHold(id=1, held_at=NOW, why="更换服务器"))
        person = make_person(db, "liwei", role=Role.ADMIN, unit=make_unit(db))
        record(db, "person.added", person, by=None, at=NOW, after={"name": "李伟"})
        attach(db, LeadFile, make_lead(db).id, file=file, by=person, now=NOW)
        for number, state in enumerate((State.PENDING, State.SENDING, State.AMBIGUOUS, State.SENT)):
            put(
                db,
                kind=MessageKind.WEEKLY,
                dedupe_key=f"weekly:{number}",
                person=person,
                subject="周报",
                text="正文",
                html="<p>正文</p>",
                at=NOW,
                state=state,
            )
    return sessions


@pytest.fixture
def made(zone, store, tmp_path):
    path = tmp_path / "zone.backup"
    back_up(zone.kw["bind"], store, path, now=NOW)
    return path


@pytest.fixture
def target(empty_database_url):
    engine = engine_of(empty_database_url)
    yield engine
    engine.dispose()


def test_a_restored_copy_has_every_row_file_and_entry_and_mails_nothing(
    zone, made, target, tmp_path
):
    other, before = FolderStore(tmp_path / "other"), counts(zone.kw["bind"])

    manifest = restore(target, other, made, replaces=False, now=LATER)

    own = {"audit_entry": before["audit_entry"] + 1, "audit_link": before["audit_link"] + 1}
    assert counts(target) == before | own | {"delivery_hold": 1, "lease": 0}
    assert set(other.digests()) == set(manifest.files) != set()
    with Session(target) as db:
        assert first_break(db) is None
    with Session(target) as db:
        assert trail(db).position == manifest.trail.position + 1
        assert "的备份恢复" in health.why_held(db)
        assert "备份时已暂停：更换服务器" in health.why_held(db)
        assert db.execute(select(Message.state, Message.note).order_by(Message.id)).all() == [
            (State.PENDING, None),
            (State.HELD, MAY_HAVE_ARRIVED),
            (State.HELD, MAY_HAVE_ARRIVED),
            (State.SENT, None),
        ]
        largest = db.scalar(select(func.max(Person.id)))
        assert make_person(db, "new").id > largest


def test_a_backup_is_one_file_for_its_owner_alone(made, zone, store):
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert [path.name for path in made.parent.iterdir() if ".part" in path.name] == []
    with pytest.raises(Refused, match="backup_exists"):
        back_up(zone.kw["bind"], store, made, now=NOW)


@pytest.fixture
def inhabited(kind_of_database, tmp_path):
    """Another installation, in which somebody works."""
    (folder := tmp_path / "inhabited").mkdir()
    with migrated_database(kind_of_database, folder) as url:
        engine = engine_of(url)
        with Session(engine) as db, db.begin():
            make_person(db, "wangfang")
        engine.dispose()
        yield engine
        engine.dispose()


def people(engine):
    with Session(engine) as db:
        names = db.scalars(select(Person.username)).all()
    engine.dispose()
    return names


def test_people_are_overwritten_only_on_request_and_as_a_whole(made, inhabited, store, monkeypatch):
    def breaks_off(*_):
        raise OSError("power")

    with pytest.raises(Refused, match="database_not_empty"):
        restore(inhabited, store, made, replaces=False, now=LATER)
    monkeypatch.setattr(restoring, "_hold_what_may_have_gone", breaks_off)
    with pytest.raises(OSError, match="power"):
        restore(inhabited, store, made, replaces=True, now=LATER)
    after_the_break = people(inhabited)
    monkeypatch.undo()

    restore(inhabited, store, made, replaces=True, now=LATER)

    assert after_the_break == ["wangfang"]
    assert people(inhabited) == ["liwei"]


def test_what_is_in_use_is_not_overwritten(made, inhabited, store):
    other = engine_of(inhabited.url.render_as_string(hide_password=False))
    with other.connect() as connection:
        connection.execute(text("SELECT 1"))
        with pytest.raises(Refused, match="database_in_use"):
            restore(inhabited, store, made, replaces=True, now=LATER)
    with Session(other) as db, db.begin():
        lease.acquire(db, "new:1:abc")
    other.dispose()

    with pytest.raises(Refused, match="database_in_use"):
        restore(inhabited, store, made, replaces=True, now=LATER)


@pytest.mark.parametrize(
    ("tables", "code"),
    [
        (("CREATE TABLE orders (id integer)",), "database_foreign"),
        (
            (
                "CREATE TABLE alembic_version (version_num varchar(32))",
                "INSERT INTO alembic_version VALUES ('9999')",
            ),
            "database_newer",
        ),
    ],
)
def test_another_programs_or_a_newer_database_is_left_alone(made, target, store, tables, code):
    with target.begin() as connection:
        for statement in tables:
            connection.execute(text(statement))
    target.dispose()

    with pytest.raises(Refused, match=code):
        restore(target, store, made, replaces=True, now=LATER)


def test_a_backup_of_a_newer_program_is_refused(made, target, store, monkeypatch):
    monkeypatch.setattr(schema, "is_known", lambda _: False)

    with pytest.raises(Refused, match="backup_newer"):
        restore(target, store, made, replaces=False, now=LATER)


def test_a_backup_under_load_is_of_one_moment(zone, store, tmp_path):
    stopped = Event()

    def write():
        number = 0
        while not stopped.is_set():
            number += 1
            with transaction(zone) as db:
                person = make_person(db, f"writer{number}")
                record(db, "person.added", person, by=None, at=NOW, after={"name": "李伟"})

    writer = Thread(target=write)
    writer.start()
    try:
        manifests = [
            back_up(zone.kw["bind"], store, tmp_path / f"{number}.backup", now=NOW).manifest
            for number in range(3)
        ]
    finally:
        stopped.set()
        writer.join()

    for manifest in manifests:  # a person and the entry of it are written together
        attached = 1
        assert manifest.tables["audit_entry"].rows == manifest.tables["person"].rows + attached
        assert manifest.trail.position == manifest.tables["audit_link"].rows


def test_a_damaged_or_cut_backup_is_refused(made, tmp_path):
    whole, chance, path = made.read_bytes(), random.Random(7), tmp_path / "damaged.backup"
    manifest, flips, cuts = check_backup(made), [], []

    for _ in range(150):
        flipped = bytearray(whole)
        flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        flips.append(contents(path))
    for _ in range(20):
        path.write_bytes(whole[: chance.randrange(len(whole))])
        cuts.append(contents(path))

    # a flip in a date of the zip's directory changes nothing of what is restored
    assert [found for found in flips if found not in (None, manifest)] == []
    assert flips.count(None) > 75
    assert set(cuts) == {None}


def contents(path):
    """What is in a backup; nothing where it is refused."""
    try:
        return check_backup(path)
    except Refused:
        return None
