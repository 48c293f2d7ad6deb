"""What people chose of their mails; until when a mail is of use, and how one unsubscribes."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KINDS = (
    "weekly-digest",
    "monthly-digest",
    "nudge",
    "settled-figures",
    "morning-brief",
    "ten-day-supervision",
    "reminder",
    "supervision-order",
)


def upgrade() -> None:
    """Apply the change."""
    op.add_column("message", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("unsubscribe_url", sa.String(), nullable=True))
    op.create_table(
        "mail_choice",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("by_mail", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_mail_choice_person_id")
        ),
        sa.PrimaryKeyConstraint("person_id", "kind", name=op.f("pk_mail_choice")),
    )
    op.create_table(
        "quiet_time",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("begins", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.CheckConstraint("begins <> ends", name=op.f("ck_quiet_time_has_length")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_quiet_time_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_quiet_time")),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("quiet_time")
    op.drop_table("mail_choice")
    with op.batch_alter_table("message") as batch:
        batch.drop_column("unsubscribe_url")
        batch.drop_column("expires_at")
