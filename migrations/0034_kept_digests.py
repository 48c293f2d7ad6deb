"""A digest is kept in full beside its mail, which shows the shortened form."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "kept_digest",
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dedupe_key"],
            ["message.dedupe_key"],
            name=op.f("fk_kept_digest_dedupe_key_message"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("dedupe_key", name=op.f("pk_kept_digest")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("kept_digest")
