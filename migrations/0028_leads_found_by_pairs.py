"""Leads and companies are found by pairs of characters: FTS5 on SQLite, GIN on PostgreSQL.

A later migration, which adds the normal form of names, fills the index.
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

NAMES = ("lead_gram", "company_gram")


def upgrade() -> None:
    """Apply the change."""
    for name in NAMES:
        if op.get_context().dialect.name == "postgresql":
            op.execute(f"CREATE TABLE {name} (rowid integer PRIMARY KEY, grams tsvector NOT NULL)")
            op.execute(f"CREATE INDEX ix_{name}_grams ON {name} USING gin (grams)")
        else:
            op.execute(
                f"CREATE VIRTUAL TABLE {name} USING fts5(grams, detail=column, columnsize=0)"
            )


def downgrade() -> None:
    """Undo the change."""
    for name in NAMES:
        op.execute(f"DROP TABLE {name}")
