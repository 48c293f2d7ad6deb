"""An admin names who acts on a problem where nobody is left."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

NAMED = "named"
SO_FAR = (
    *("raised", "taken", "passed_on", "referred", "assigned", "progress", "solved"),
    *("returned", "closed", "shelved", "resumed", "withdrawn", "noted"),
)


@contextmanager
def rebuilding(table: str) -> Iterator[BatchOperations]:
    """Alter a table, to which others may refer.

    SQLite makes the table anew, and with foreign keys on it drops none that has rows referred to:
    so it is empty meanwhile, and the keys are checked at the end.
    """
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        op.execute("PRAGMA defer_foreign_keys = ON")
        op.execute(f"CREATE TABLE kept AS SELECT * FROM {table}")  # noqa: S608 - its own name
        op.execute(f"DELETE FROM {table}")  # noqa: S608 - as above
    with op.batch_alter_table(table) as batch:
        yield batch
    if is_sqlite:
        inspector = sa.inspect(op.get_bind())
        kept = {each["name"] for each in inspector.get_columns("kept")}
        names = [each["name"] for each in inspector.get_columns(table)]
        columns = ", ".join(name for name in names if name in kept)
        op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept")  # noqa: S608 - as above
        op.execute("DROP TABLE kept")


def _allow(*kinds: str) -> None:
    name, listed = op.f("ck_problem_entry_kind"), ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("problem_entry") as batch:
        batch.drop_constraint(name, type_="check")
        batch.create_check_constraint(name, f"kind IN ({listed})")


def upgrade() -> None:
    """Apply the change."""
    with rebuilding("problem") as batch:
        batch.add_column(sa.Column("named_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f("fk_problem_named_id"), "person", ["named_id"], ["id"])
    _allow(*SO_FAR, NAMED)


def downgrade() -> None:
    """Undo the change; who was named goes with it."""
    entry = sa.table("problem_entry", sa.column("kind", sa.String))
    op.execute(sa.delete(entry).where(entry.c.kind == NAMED))
    _allow(*SO_FAR)
    with rebuilding("problem") as batch:
        batch.drop_constraint(op.f("fk_problem_named_id"), type_="foreignkey")
        batch.drop_column("named_id")
