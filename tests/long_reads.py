"""Which tables are read for what a process remembers beyond a change of everyday work."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from crm.base.db import Base
from crm.base.remembered import LongMemory, Memory
from crm.base.updated_reads import EVERYDAY
from crm.extensions import db as database_of_app
from tests.trail import BEGUN_BY, BESIDE

# Those whose rows change by an entry about everyday work.
EVERYDAY_TABLES = EVERYDAY | {
    table
    for table, subjects in (BESIDE | {table: {by: ""} for table, by in BEGUN_BY.items()}).items()
    if not EVERYDAY.isdisjoint(subjects)
}


@contextmanager
def tables_read_for_long(app) -> Iterator[set[str]]:
    """Collect the tables of the statements that give a value of `remembered_long`."""
    tables: set[str] = set()
    depth = 0

    @contextmanager
    def reading(memory, key, head):
        nonlocal depth
        with Memory.reading(memory, key, head):
            depth += 1
            try:
                yield
            finally:
                depth -= 1

    def note(_connection, _cursor, statement, *_rest):
        if depth:
            tables.update(Base.metadata.tables.keys() & set(re.findall(r"\w+", statement)))

    with app.app_context():
        engine = database_of_app.engine
    event.listen(engine, "before_cursor_execute", note)
    LongMemory.reading = reading
    try:
        yield tables
    finally:
        del LongMemory.reading
        event.remove(engine, "before_cursor_execute", note)
