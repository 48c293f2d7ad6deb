"""The files that stand as evidence of a claim."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

TABLE = "claim_file"
IS_CURRENT = sa.text("superseded_by_id IS NULL")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by_id", sa.Integer(), nullable=False),
        sa.Column("superseded_by_id", sa.Integer(), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{target}.id"], name=op.f(f"fk_{TABLE}_{column}_{target}")
            )
            for column, target in (
                ("record_id", "claim"),
                ("file_id", "stored_file"),
                ("added_by_id", "person"),
                ("superseded_by_id", TABLE),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )
    op.create_index(op.f(f"ix_{TABLE}_record_id"), TABLE, ["record_id"])
    op.create_index(
        f"uq_{TABLE}_current",
        TABLE,
        ["record_id", "file_id"],
        unique=True,
        sqlite_where=IS_CURRENT,
        postgresql_where=IS_CURRENT,
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(f"uq_{TABLE}_current", TABLE)
    op.drop_index(op.f(f"ix_{TABLE}_record_id"), TABLE)
    op.drop_table(TABLE)
