"""The files attached to problems."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

RECORDS = {"problem_file": "problem"}
IS_CURRENT = sa.text("superseded_by_id IS NULL")


def upgrade() -> None:
    """Apply the change."""
    for table, record in RECORDS.items():
        op.create_table(
            table,
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("record_id", sa.Integer(), nullable=False),
            sa.Column("file_id", sa.Integer(), nullable=False),
            sa.Column("name", sa.String(), nullable=False),
            sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("added_by_id", sa.Integer(), nullable=False),
            sa.Column("superseded_by_id", sa.Integer(), nullable=True),
            *(
                sa.ForeignKeyConstraint(
                    [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}")
                )
                for column, target in (
                    ("record_id", record),
                    ("file_id", "stored_file"),
                    ("added_by_id", "person"),
                    ("superseded_by_id", table),
                )
            ),
            sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        )
        op.create_index(op.f(f"ix_{table}_record_id"), table, ["record_id"])
        op.create_index(
            f"uq_{table}_current",
            table,
            ["record_id", "file_id"],
            unique=True,
            sqlite_where=IS_CURRENT,
            postgresql_where=IS_CURRENT,
        )


def downgrade() -> None:
    """Undo the change."""
    for table in reversed(RECORDS):
        op.drop_index(f"uq_{table}_current", table)
        op.drop_index(op.f(f"ix_{table}_record_id"), table)
        op.drop_table(table)
