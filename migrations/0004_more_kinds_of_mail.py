"""Mails of the morning, of ten days, of reminders and of supervision orders."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SO_FAR = ("weekly-digest", "monthly-digest", "nudge", "settled-figures")
NEW = ("morning-brief", "ten-day-supervision", "reminder", "supervision-order")


def allow_messages(*kinds: str) -> None:
    """Say which kinds of message there may be."""
    told = ", ".join(f"'{each}'" for each in kinds)
    with op.batch_alter_table("message") as batch:
        batch.drop_constraint(op.f("ck_message_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_message_kind"), f"kind IN ({told})")


def upgrade() -> None:
    """Apply the change."""
    allow_messages(*SO_FAR, *NEW)


def downgrade() -> None:
    """Take it back: the mails of these kinds go with it."""
    told = ", ".join(f"'{each}'" for each in NEW)
    op.execute(f"DELETE FROM message WHERE kind IN ({told})")  # noqa: S608 - our own constants
    allow_messages(*SO_FAR)
