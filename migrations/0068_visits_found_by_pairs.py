"""Visits are found by pairs of characters in their words, as leads are.

Pairs alone: of long texts an index of single characters, too, would be twice as large.
"""

import sqlalchemy as sa
from alembic import op

from crm.base.grams import GramIndex
from crm.visits.search_index import NAMED, VISITS

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

ROWS = 1000  # in one execution
FILLED = (
    (VISITS, "visit", "ref, city, note, met, minutes, next_step"),
    (NAMED, "visit_company", "name"),
)


def upgrade() -> None:
    """Apply the change."""
    for index, table, columns in FILLED:
        if op.get_context().dialect.name == "postgresql":
            rows = "rowid integer PRIMARY KEY, grams tsvector NOT NULL"
            op.execute(f"CREATE TABLE {index.name} ({rows})")
            op.execute(f"CREATE INDEX ix_{index.name}_grams ON {index.name} USING gin (grams)")
        else:
            op.execute(
                f"CREATE VIRTUAL TABLE {index.name} USING fts5(grams, detail=column, columnsize=0)"
            )
        _fill(index, table, columns)


def downgrade() -> None:
    """Undo the change."""
    for index, _, _ in FILLED:
        op.execute(f"DROP TABLE {index.name}")


def _fill(index: GramIndex, table: str, columns: str) -> None:
    """Index what is there, some rows at a time."""
    connection = op.get_bind()
    query = sa.text(
        f"SELECT id, {columns} FROM {table} WHERE id > :last ORDER BY id LIMIT {ROWS}"  # noqa: S608 - names of our own
    )
    last = 0
    while found := connection.execute(query, {"last": last}).all():
        values = [{"rowid": row[0], "grams": index.tokens_of(row[1:])} for row in found]
        connection.execute(sa.insert(index.table), values)
        last = found[-1][0]
