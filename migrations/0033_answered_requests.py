"""Requests that changed something, by the key under which they may be sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "answered_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("messages", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_answered_request_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answered_request")),
        sa.UniqueConstraint("person_id", "key", name=op.f("uq_answered_request_person_id_key")),
    )
    op.create_index(op.f("ix_answered_request_made_at"), "answered_request", ["made_at"])


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f("ix_answered_request_made_at"), "answered_request")
    op.drop_table("answered_request")
