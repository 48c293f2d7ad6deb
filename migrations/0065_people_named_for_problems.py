"""An admin names who acts on a problem where nobody is left."""

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

NAMED = "named"
SO_FAR = (
    *("raised", "taken", "passed_on", "referred", "assigned", "progress", "solved"),
    *("returned", "closed", "shelved", "resumed", "withdrawn", "noted"),
)


def _allow(*kinds: str) -> None:
    name, listed = op.f("ck_problem_entry_kind"), ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("problem_entry") as batch:
        batch.drop_constraint(name, type_="check")
        batch.create_check_constraint(name, f"kind IN ({listed})")


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("problem") as batch:
        batch.add_column(sa.Column("named_id", sa.Integer(), nullable=True))
        batch.create_foreign_key(op.f("fk_problem_named_id"), "person", ["named_id"], ["id"])
    _allow(*SO_FAR, NAMED)


def downgrade() -> None:
    """Undo the change; who was named goes with it."""
    entry = sa.table("problem_entry", sa.column("kind", sa.String))
    op.execute(sa.delete(entry).where(entry.c.kind == NAMED))
    _allow(*SO_FAR)
    with op.batch_alter_table("problem") as batch:
        batch.drop_constraint(op.f("fk_problem_named_id"), type_="foreignkey")
        batch.drop_column("named_id")
