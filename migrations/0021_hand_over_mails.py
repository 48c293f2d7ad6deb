"""Mails that tell what was handed over."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

SO_FAR = (
    "weekly-digest",
    "monthly-digest",
    "nudge",
    "settled-figures",
    "morning-brief",
    "ten-day-supervision",
    "reminder",
    "supervision-order",
    "absence-answer",
    "companion",
)
NEW = "hand-over"
TABLES = ("message", "mail_choice")


def allow_kinds(*kinds: str) -> None:
    """Say which kinds of mail there may be."""
    told = ", ".join(f"'{each}'" for each in kinds)
    for table in TABLES:
        name = op.f(f"ck_{table}_kind")
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, f"kind IN ({told})")


def upgrade() -> None:
    """Apply the change."""
    allow_kinds(*SO_FAR, NEW)


def downgrade() -> None:
    """Take it back: the mails of the kind go with it."""
    for table in TABLES:
        own = sa.table(table, sa.column("kind", sa.String))
        op.execute(sa.delete(own).where(own.c.kind == NEW))
    allow_kinds(*SO_FAR)
