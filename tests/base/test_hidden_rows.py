"""Rows of a batch that is not published are found by no SELECT, whatever it looks like."""

import re
from pathlib import Path

import pytest
from sqlalchemy import delete, exists, func, insert, select, text, union, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased, joinedload, selectinload

from crm.base.db import Base
from crm.base.hidden_rows import SEES_HIDDEN, BatchedTable, seeing_hidden
from crm.people.models import Person
from crm.problems.models import Problem
from crm.visits.models import Visit, VisitBatch, VisitLead
from crm.visits.search_index import VISITS, rebuild
from tests.factories import make_hidden_batch, make_person, make_visit

CODE = Path(__file__).parents[2] / "crm"
OTHER = aliased(Visit, name="other")
TABLE = Visit.__table__
HIDDEN = "(SELECT * FROM visit WHERE visit.batch_id"
SELECTS = {
    "class": select(Visit),
    "columns": select(Visit.id),
    "table": select(TABLE.c.id),
    "alias": select(OTHER.id),
    "twice": select(Visit.id).join(OTHER, OTHER.id == Visit.id),
    "join": select(VisitLead.lead_id).join(Visit, Visit.id == VisitLead.visit_id),
    "core join": select(func.count()).select_from(VisitLead.__table__.join(TABLE)),
    "exists": select(Person.id).where(exists().where(Visit.leader_id == Person.id)),
    "scalar": select(Person.id, select(func.max(Visit.id)).scalar_subquery()),
    "union": union(select(Visit.id), select(OTHER.id)),
    "cte": select(select(Visit.id).cte().c.id),
    "subquery": select(select(Visit.id).subquery().c.id),
    "of a subquery": select(aliased(Visit, select(Visit).subquery())),
    "lateral": select(Person.id, select(Visit.id).lateral().c.id),
    "held": select(Visit.id).with_for_update(of=Visit),
    "loaded beside": select(Visit).options(joinedload(Visit.leader), selectinload(Visit.leads)),
    "of an update": update(Person).where(Person.id.in_(select(Visit.leader_id))).values(name=""),
    "beside an update": update(Person).where(Person.id == Visit.leader_id).values(name=""),
    "of a delete": delete(Problem).where(Problem.visit_id.in_(select(Visit.id))),
    "of an insert": insert(Person).from_select(["name"], select(Visit.ref)),
    "of its own update": update(Visit).where(Visit.id.in_(select(OTHER.id))).values(city=""),
}


@pytest.fixture
def hidden(db):
    """A visit that is seen, and one of a batch that is not published."""
    batch = make_hidden_batch(db)
    shen = make_person(db, "shen")
    make_visit(db, shen, ref="V-seen")
    db.flush()
    make_visit(db, shen, ref="V-hidden", city="隐匿", batch_id=batch.id)
    db.flush()
    return batch


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=lambda d: d.name)
@pytest.mark.parametrize("statement", SELECTS.values(), ids=SELECTS)
def test_whatever_selects_from_visits_leaves_hidden_ones_out(statement, dialect):
    sql = " ".join(str(statement.compile(dialect=dialect)).split())

    assert HIDDEN in sql
    bare = re.findall(r"(?:FROM|JOIN|,) visit\b(?!\.)", sql.replace(HIDDEN, ""))
    assert bare == []


@pytest.mark.parametrize(
    ("statement", "begin"),
    [
        (update(Visit).where(Visit.id == 1).values(city=""), "UPDATE visit SET"),
        (delete(Visit).where(Visit.id == 1), "DELETE FROM visit WHERE"),
        (insert(Visit).values(ref=""), "INSERT INTO visit ("),
    ],
)
def test_what_is_written_is_the_table_itself(statement, begin):
    sql = str(statement.compile(dialect=sqlite.dialect()))

    assert sql.startswith(begin)
    assert HIDDEN not in sql


def test_a_hidden_row_is_seen_by_the_change_of_one_row(db, hidden):
    before = db.scalars(select(Visit.ref)).all()
    batch_ref = select(Visit).where(Visit.ref == "V-hidden").with_for_update(of=Visit)
    held = db.scalar(batch_ref)

    db.execute(update(VisitBatch).values(is_published=True))

    assert (before, held) == (["V-seen"], None)
    assert sorted(db.scalars(select(Visit.ref))) == ["V-hidden", "V-seen"]
    assert db.scalar(batch_ref).city == "隐匿"


def test_of_two_batches_one_is_hidden(db, hidden):
    with pytest.raises(IntegrityError, match=r"(?i)unique"), db.begin_nested():
        db.execute(insert(VisitBatch).values(is_published=False))


def test_whoever_brings_hidden_rows_sees_them(sessions):
    with sessions.begin() as db:
        batch = make_hidden_batch(db)
        make_visit(db, make_person(db, "shen"), ref="V-hidden", batch_id=batch.id)

    with seeing_hidden(sessions)() as own, sessions() as db:
        assert own.scalars(select(Visit.ref)).all() == ["V-hidden"]
        assert db.scalars(select(Visit.ref)).all() == []
        assert getattr(own.get_bind().dialect, SEES_HIDDEN)
        assert not hasattr(db.get_bind().dialect, SEES_HIDDEN)


def test_the_index_of_words_is_made_anew_of_hidden_rows_too(db, hidden):
    rebuild(db)

    found = db.scalars(VISITS.rows_with(VISITS.tokens_of(["隐匿"]))).all()
    assert found == db.scalars(text("SELECT id FROM visit WHERE ref = 'V-hidden'")).all()


def test_no_words_of_sql_in_the_code_select_from_such_a_table():
    """What is written as text passes the compiler by."""
    names = [
        table.name for table in Base.metadata.tables.values() if isinstance(table, BatchedTable)
    ]
    text_of = re.compile(rf"(?i)\b(?:FROM|JOIN)\s+\"?(?:{'|'.join(names)})\b(?!_)")

    passing = [
        path.name for path in CODE.rglob("*.py") if text_of.search(_strings_of(path.read_text()))
    ]
    assert (names, passing) == (["visit"], [])


def _strings_of(source: str) -> str:
    """The text without comments and docstrings, which tell of visits in words."""
    return re.sub(r'"""[\s\S]*?"""|#.*', "", source)
