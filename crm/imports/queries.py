"""Whose imports are shown: to nobody but the person who made them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer, joinedload

from crm.base.names import folded
from crm.base.value_class import value_class
from crm.imports.models import ImportFile, ImportMade, ImportRun
from crm.imports.rules import AT_WORK, KEPT_FOR, NOT_KEPT, UNDO_WITHIN
from crm.people.models import Person
from crm.people.queries import at_work

MOST_PEOPLE = 20  # who might be meant by a name


@value_class
class LikelyPeople:
    """A name of a table, and who may be meant by it: user names and names."""

    name: str
    people: Sequence[tuple[str, str]]


def my_run(db: Session, run_id: int, person_id: int) -> ImportRun | None:
    """The import of that person."""
    query = select(ImportRun).where(ImportRun.id == run_id, ImportRun.made_by_id == person_id)
    return db.scalar(query)


def has_file(db: Session, run: ImportRun) -> bool:
    """Whether its file is still kept."""
    query = select(ImportFile.content.is_not(None)).where(ImportFile.run_id == run.id)
    return bool(db.scalar(query))


def people_of(run: ImportRun) -> Select[int]:
    """The ids of the people whom the import made or changed."""
    return select(ImportMade.subject_id).where(
        ImportMade.run_id == run.id, ImportMade.subject == Person.__tablename__
    )


def made_by(db: Session, run: ImportRun) -> Person | None:
    """Who asked for the import; None of a command."""
    return db.get_one(Person, run.made_by_id) if run.made_by_id else None


def my_runs(db: Session, person_id: int, now: datetime) -> Sequence[ImportRun]:
    """The person's imports of the last weeks, the latest first, without their files."""
    query = (
        select(ImportRun)
        .where(ImportRun.made_by_id == person_id, ImportRun.made_at > now - KEPT_FOR)
        .options(defer(ImportRun.settings))
        .order_by(ImportRun.id.desc())
    )
    return db.scalars(query.limit(20)).all()


def failing_runs(db: Session, now: datetime) -> Sequence[ImportRun]:
    """The imports that failed since they last got further, or were given up in the last days."""
    is_given_up = ImportRun.state.in_(NOT_KEPT) & (ImportRun.made_at > now - UNDO_WITHIN)
    query = select(ImportRun).where(
        ImportRun.failure.is_not(None), ImportRun.state.in_(AT_WORK) | is_given_up
    )
    loaded = (joinedload(ImportRun.made_by), defer(ImportRun.settings))
    return db.scalars(query.options(*loaded).order_by(ImportRun.id)).all()


def likely_people(db: Session, names: Mapping[str, str], on: date) -> list[LikelyPeople]:
    """For each name those who bear it, else those who bear its surname or the rest of it.

    `names` by folded name.
    """
    if not names:
        return []
    query = select(Person.username, Person.name).where(at_work(on)).order_by(Person.pinyin)
    people = [(username, name, folded(name)) for username, name in db.execute(query)]
    found = []
    for plain, name in names.items():
        likely = [row[:2] for row in people if row[2] == plain]
        likely = likely or [row[:2] for row in people if _is_alike(row[2], plain)]
        found.append(LikelyPeople(name, likely[:MOST_PEOPLE]))
    return found


def _is_alike(name: str, other: str) -> bool:
    return name[:1] == other[:1] or name[1:] == other[1:]
