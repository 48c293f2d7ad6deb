"""Which tables are read for what a process remembers beyond a change of everyday work."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import event

from crm.base import updated_reads
from crm.base.db import Base
from crm.base.remembered import VISITS, LongMemory, Memory
from crm.base.updated_reads import EVERYDAY
from crm.extensions import db as database_of_app
from tests.trail import BEGUN_BY, BESIDE

# What is brought up to date by the visits that changed rests on no other everyday work.
UPDATED_BY_VISITS = EVERYDAY - {"visit"}


def tables_of(subjects: Collection[str]) -> set[str]:
    """The tables whose rows change by an entry with such a subject, and by no other."""
    told = BESIDE | {table: {subject: ""} for table, subject in BEGUN_BY.items()}
    return {*subjects} | {table for table, by in told.items() if not by.keys() - subjects}


FORBIDDEN = {left: tables_of(left) for left in (EVERYDAY, VISITS, UPDATED_BY_VISITS)}


@contextmanager
def tables_read_for_long(app) -> Iterator[Mapping[frozenset[str], set[str]]]:
    """Collect the tables of the statements for such values, by the subjects that leave them."""
    tables: defaultdict[frozenset[str], set[str]] = defaultdict(set)
    reading: list[frozenset[str]] = []

    @contextmanager
    def reading_for(memory, key, head):
        with Memory.reading(memory, key, head):
            reading.append(memory.left)
            try:
                yield
            finally:
                reading.pop()

    class Spied(updated_reads.UpdatedMemory):
        """Whatever is read between a search and what is kept then."""

        def find(self, key):
            reading.append(UPDATED_BY_VISITS)
            return super().find(key)

        def keep(self, key, kept):
            reading.pop()
            super().keep(key, kept)

    def note(_connection, _cursor, statement, *_rest):
        names = Base.metadata.tables.keys() & set(re.findall(r"\w+", statement))
        for left in reading:
            tables[left].update(names)

    with app.app_context():
        engine = database_of_app.engine
    event.listen(engine, "before_cursor_execute", note)
    updated_reads.forget_updated_reads()
    memory, LongMemory.reading, updated_reads.UpdatedMemory = (
        updated_reads.UpdatedMemory,
        reading_for,
        Spied,
    )
    try:
        yield tables
    finally:
        updated_reads.UpdatedMemory = memory
        del LongMemory.reading
        updated_reads.forget_updated_reads()
        event.remove(engine, "before_cursor_execute", note)
