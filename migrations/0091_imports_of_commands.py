"""Imports of commands, which are nobody's, come in several transactions, too."""

import sqlalchemy as sa
from alembic import op

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None

RUN = "import_run"
BATCH = "INTEGER CONSTRAINT fk_import_run_batch_id REFERENCES visit_batch (id)"


def allow_nobody(*, nullable: bool) -> None:
    """Say whether an import may be nobody's.

    SQLite makes the table anew, and with foreign keys on it drops none that has rows referred to:
    so it is empty meanwhile, and the keys are checked at the end. The batch is added as 0089 did,
    which drops it again.
    """
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column(RUN, "made_by_id", nullable=nullable)
        return

    columns = ", ".join(each["name"] for each in sa.inspect(op.get_bind()).get_columns(RUN))
    op.execute("PRAGMA defer_foreign_keys = ON")
    op.execute("CREATE TABLE import_run_kept AS SELECT * FROM import_run")
    op.execute("DELETE FROM import_run")
    with op.batch_alter_table(RUN) as batch:
        batch.alter_column("made_by_id", nullable=nullable)
        batch.drop_column("batch_id")
    op.execute(f"ALTER TABLE import_run ADD COLUMN batch_id {BATCH}")
    op.execute(f"INSERT INTO import_run ({columns}) SELECT {columns} FROM import_run_kept")  # noqa: S608 - its own columns
    op.execute("DROP TABLE import_run_kept")


def upgrade() -> None:
    """Apply the change."""
    allow_nobody(nullable=True)


def downgrade() -> None:
    """Undo the change; what is noted of imports by commands goes."""
    of_commands = "SELECT id FROM import_run WHERE made_by_id IS NULL"
    op.execute(f"DELETE FROM import_made WHERE run_id IN ({of_commands})")  # noqa: S608 - as above
    op.execute("DELETE FROM import_run WHERE made_by_id IS NULL")
    allow_nobody(nullable=False)
