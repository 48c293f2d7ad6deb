"""Changes of many leads, with what each was before."""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

TABLE = "bulk_change"
KINDS = ("tracker", "unit", "stage", "industry", "followup")


def upgrade() -> None:
    """Apply the change."""
    kinds = sa.Enum(*KINDS, name="kind", native_enum=False, create_constraint=True, length=24)
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", kinds, nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("journal", sa.String(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["person.id"], name=op.f(f"fk_{TABLE}_made_by_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("key", name=op.f(f"uq_{TABLE}_key")),
    )
    op.create_index(op.f(f"ix_{TABLE}_made_by_id_made_at"), TABLE, ["made_by_id", "made_at"])


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f(f"ix_{TABLE}_made_by_id_made_at"), TABLE)
    op.drop_table(TABLE)
