"""Tables whose rows may be hidden: no SELECT finds those, whoever writes it and however.

The condition is added where SQL is compiled, to each table that a statement selects from. What is
inserted, updated or deleted is the plain table.
"""

from copy import copy
from typing import Any

from sqlalchemy import Engine, Table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, sessionmaker

SEES_HIDDEN = "sees_hidden_rows"  # of a dialect
# A row is of a batch or of none. At most one batch is hidden: to compare with it is all that a
# statement does, once it has looked it up in an index that is empty most of the time.
_SEEN = (
    "(SELECT * FROM {table} WHERE {table}.batch_id {differs}"
    " coalesce((SELECT id FROM {table}_batch WHERE NOT is_published), 0))"
)
_DIFFERS = {"sqlite": "IS NOT"}  # whose older versions know no other word


class BatchedTable(Table):
    """A table of rows with a `batch_id`: hidden until their batch is published."""

    inherit_cache = True


@compiles(BatchedTable)
def _name_or_seen_rows(table: BatchedTable, compiler: Any, **how: Any) -> str:
    """The table as a statement names it; those of its rows that are seen, where it selects them."""
    name: str = compiler.visit_table(table, **how)
    is_selected = how.get("asfrom") and not how.get("iscrud")
    if not is_selected or getattr(compiler.dialect, SEES_HIDDEN, False):
        return name

    seen = _SEEN.format(table=name, differs=_DIFFERS.get(compiler.dialect.name, "IS DISTINCT FROM"))
    alias = how.get("enclosing_alias")
    is_aliased = alias is not None and alias.element is table
    return seen if is_aliased else f"{seen} AS {name}"


def seeing_hidden(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    """Sessions of the same database that find hidden rows, too, for whoever brings those."""
    engine: Engine = sessions.kw["bind"]
    with engine.connect():  # the first connection tells the dialect what its server can do
        dialect = copy(engine.dialect)
    setattr(dialect, SEES_HIDDEN, True)
    own = Engine(engine.pool, dialect, engine.url, hide_parameters=engine.hide_parameters)
    return sessionmaker(class_=sessions.class_, **sessions.kw | {"bind": own})
