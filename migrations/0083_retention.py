"""For how long personal data are kept, and contacts that are kept longer."""

import sqlalchemy as sa
from alembic import op

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None

PERIOD, KEPT = "retention_period", "kept_contact"
KINDS = ("contacts", "sessions", "mails", "imports")


def upgrade() -> None:
    """Apply the change."""
    kind = sa.Enum(*KINDS, name="kind", native_enum=False, create_constraint=True, length=24)
    op.create_table(
        PERIOD,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", kind, nullable=False),
        sa.Column("months", sa.Integer(), nullable=True),
        sa.CheckConstraint("months >= 1", name=op.f(f"ck_{PERIOD}_is_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{PERIOD}")),
        sa.UniqueConstraint("kind", name=op.f(f"uq_{PERIOD}_kind")),
    )
    op.create_table(
        KEPT,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("kept_until", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f(f"fk_{KEPT}_contact_id")),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["person.id"], name=op.f(f"fk_{KEPT}_decided_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{KEPT}")),
        sa.UniqueConstraint("contact_id", name=op.f(f"uq_{KEPT}_contact_id")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table(KEPT)
    op.drop_table(PERIOD)
