"""What people wrote that names a contact: shown to whoever erases, who decides each (PIPL)."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import Session

from crm.base.value_class import value_class
from crm.people.permissions import Viewer
from crm.personal_data.places import Places
from crm.personal_data.rules import text_without
from crm.personal_data.scopes import sight
from crm.personal_data.text_columns import SENTENCES, Sentences

AROUND = 14  # characters of the sentence before and after the name


@value_class
class FreeText:
    """A text of a row that names the contact, and the record on whose page it stands."""

    record: type[Any]
    record_id: int
    ref: str
    table: str
    column: str
    row_id: int
    excerpt: str

    @property
    def key(self) -> str:
        """What a form names it by."""
        return f"{self.table}.{self.column}.{self.row_id}"


@value_class
class FreeTexts:
    """Those that the viewer may read, and the others, which are replaced all the same or left."""

    shown: Sequence[FreeText]
    hidden: Sequence[FreeText]


def free_texts(db: Session, places: Places, viewer: Viewer, on: date) -> FreeTexts:
    """The texts about the contact's company that have the name, and any that have a number."""
    found = [text for declared in SENTENCES for text in _found(db, declared, places)]
    seen = _seen(db, found, viewer, on)
    is_seen = [text.record_id in seen[text.record] for text in found]
    pairs = list(zip(found, is_seen, strict=True))
    return FreeTexts([text for text, is_ in pairs if is_], [text for text, is_ in pairs if not is_])


def replace_in_texts(
    db: Session, places: Places, keys: Collection[str]
) -> set[tuple[type[Any], int]]:
    """Put the pseudonym into these texts; which records they belong to."""
    changed = set()
    for declared in SENTENCES:
        for text in _found(db, declared, places):
            if text.key not in keys:
                continue
            row = db.get_one(declared.table, text.row_id)
            value = getattr(row, text.column)
            setattr(row, text.column, text_without(value, places.data))
            changed.add((text.record, text.record_id))
    return changed


def _found(db: Session, declared: Sentences, places: Places) -> Iterator[FreeText]:
    table, data = declared.table, places.data
    columns = [getattr(table, name) for name in declared.columns]
    record_id = getattr(table, declared.of_record)
    about = places.about.rows_of(declared.record, record_id, columns)
    named = _contains(columns, data.names) & about
    record = declared.record
    ref = getattr(record, "ref", None)
    query = select(table.id, record.id, *([] if ref is None else [ref]), *columns)
    if table is not record:
        query = query.join(record, record.id == record_id)
    for row in db.execute(query.where(named | _contains(columns, data.reach)).order_by(table.id)):
        texts = row[-len(columns) :]
        for name, text in zip(declared.columns, texts, strict=True):
            if excerpt := _excerpt(text or "", data.words):
                yield FreeText(
                    record,
                    row[1],
                    "" if ref is None else row[2],
                    table.__tablename__,
                    name,
                    row[0],
                    excerpt,
                )


def _contains(columns: Sequence[Any], words: Collection[str]) -> ColumnElement[bool]:
    found = [column.contains(word, autoescape=True) for column in columns for word in sorted(words)]
    return or_(false(), *found)


def _excerpt(text: str, words: Collection[str]) -> str:
    """The beginning of where the text has one of the words; empty where it has none."""
    places = [(text.index(word), len(word)) for word in words if word in text]
    if not places:
        return ""
    begin, length = min(places)
    first, last = max(0, begin - AROUND), begin + length + AROUND
    cut = text[first:last].replace("\n", " ")
    return f"{'…' if first else ''}{cut}{'…' if last < len(text) else ''}"


def _seen(
    db: Session, found: Sequence[FreeText], viewer: Viewer, on: date
) -> dict[type[Any], frozenset[int]]:
    """By kind of record, the ids of those that the viewer may read."""
    seen = {}
    for record in {text.record: None for text in found}:
        ids = {text.record_id for text in found if text.record is record}
        query = select(record.id).where(record.id.in_(ids), sight(record, viewer, on))
        seen[record] = frozenset(db.scalars(query))
    return seen
