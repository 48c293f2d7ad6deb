"""An installation moves from SQLite to PostgreSQL row by row, and the file stays as it was."""

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from crm.backup.making import back_up
from crm.backup.moving import mark_of, move
from crm.backup.restoring import restore
from crm.backup.schema import upgrade
from crm.base.audit import record
from crm.base.audit_trail import first_break, trail
from crm.base.errors import Refused
from crm.files.store import FolderStore
from crm.imports.models import ImportRun
from crm.imports.rules import RunState
from crm.jobs.health import is_migrated
from crm.leads.models import Lead
from crm.people.models import Person, Unit
from crm.transactions import transaction
from tests.backup.test_backup import counts, engine_of
from tests.conftest import NOW
from tests.databases import empty_database, migrated_database, sessions_of
from tests.factories import make_lead, make_person, make_regime, make_unit, make_visit

IMPORT = {
    "kind": "visits",
    "made_at": NOW,
    "file_name": "拜访.xlsx",
    "settings": "{}",
    "state": RunState.PREVIEW,
}
OLDER = "0070"  # a migration some time ago


@pytest.fixture
def source(tmp_path):
    """SQLite with rows of all types: instants, dates, money, Booleans, sets, bytes."""
    with migrated_database("sqlite", tmp_path) as url:
        sessions = sessions_of(url)
        with transaction(sessions) as db:
            person = make_person(db, "liwei", unit=make_unit(db))
            record(db, "person.added", person, by=None, at=NOW, after={"name": "李伟"})
            make_regime(db)
            bytes_with_all = bytes(range(256))
            db.add(ImportRun(**IMPORT, made_by_id=person.id, content=bytes_with_all))
            make_visit(db, leader=person, note="第一行\\t制表符\n第二行", leads=[make_lead(db)])
        yield sessions.kw["bind"]
        sessions.kw["bind"].dispose()


@pytest.fixture
def target(tmp_path):
    with empty_database("postgresql", tmp_path) as url:
        engine = engine_of(url)
        yield engine
        engine.dispose()


def test_the_server_has_what_the_file_has_and_goes_on_from_there(source, target):
    before = counts(source)

    moved = move(source, target, now=NOW)

    assert counts(target) == before == {name: moved[name] for name in before}
    assert mark_of(source).exists()
    with Session(source) as old, Session(target) as new:
        assert trail(new) == trail(old)
        assert new.scalar(select(Lead.title)) == old.scalar(select(Lead.title))
    with Session(target) as db:
        assert first_break(db) is None
        assert db.scalar(text("SELECT count(*) FROM pg_stats WHERE tablename = 'visit'"))
    with Session(target) as db:
        assert make_person(db, "new").id > db.scalar(select(func.min(Person.id)))
    with pytest.raises(Refused, match="database_not_empty"):
        move(source, target, now=NOW)


@pytest.mark.slow
def test_a_backup_of_an_older_version_is_brought_up_to_date(tmp_path):
    with empty_database("sqlite", tmp_path) as url, engine_of(url).begin() as connection:
        upgrade(connection, OLDER)
        connection.execute(
            text(
                "INSERT INTO unit (code, name, kind, position, inspects, coordinates)"
                " VALUES ('b1', '招商一局', 'bureau', 1, 0, 0)"
            )
        )
    path, new = tmp_path / "older.backup", tmp_path / "new.sqlite3"
    back_up(engine_of(url), None, path, now=NOW)

    restore(engine_of(f"sqlite:///{new}"), FolderStore(tmp_path), path, replaces=False, now=NOW)

    with Session(engine_of(f"sqlite:///{new}")) as db:
        assert is_migrated(db)
        assert db.scalars(select(Unit.name)).all() == ["招商一局"]
