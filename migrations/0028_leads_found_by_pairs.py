"""Leads and companies are found by pairs of characters: FTS5 on SQLite, GIN on PostgreSQL."""

from alembic import op

from crm.leads.search_index import NAMES, rebuild

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


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
    rebuild(op.get_bind())


def downgrade() -> None:
    """Undo the change."""
    for name in NAMES:
        op.execute(f"DROP TABLE {name}")
