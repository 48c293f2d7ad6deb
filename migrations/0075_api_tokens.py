"""Personal tokens of the API, and the answers that it keeps under a key."""

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

TOKEN, ANSWERED = "api_token", "answered_request"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        TOKEN,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("expires_at > made_at", name=op.f(f"ck_{TOKEN}_ends_after_it_begins")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f(f"fk_{TOKEN}_person_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TOKEN}")),
        sa.UniqueConstraint("token_hash", name=op.f(f"uq_{TOKEN}_token_hash")),
    )
    op.create_index(op.f(f"ix_{TOKEN}_person_id"), TOKEN, ["person_id"])
    op.add_column(ANSWERED, sa.Column("status", sa.Integer(), nullable=True))
    op.add_column(ANSWERED, sa.Column("answer", sa.String(), nullable=True))


def downgrade() -> None:
    """Undo the change."""
    op.drop_column(ANSWERED, "answer")
    op.drop_column(ANSWERED, "status")
    op.drop_index(op.f(f"ix_{TOKEN}_person_id"), TOKEN)
    op.drop_table(TOKEN)
