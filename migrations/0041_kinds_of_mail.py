"""Kinds of mail are checked by the application alone: a new kind rebuilds no outbox.

SQLite rebuilds a table to change a CHECK. To drop the outbox would delete the digests kept with
its messages, so that they are put aside meanwhile.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
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
    "hand-over",
    "stay-lapsed",
    "problem",
)
TABLES = ("message", "mail_choice")


def upgrade() -> None:
    """Apply the change."""
    _put_aside()
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(op.f(f"ck_{table}_kind"), type_="check")
    _put_back()


def downgrade() -> None:
    """Undo the change: messages of later kinds go with it."""
    for table in TABLES:
        own = sa.table(table, sa.column("kind", sa.String))
        op.execute(sa.delete(own).where(own.c.kind.not_in(SO_FAR)))

    _put_aside()
    kinds = ", ".join(f"'{kind}'" for kind in SO_FAR)
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.create_check_constraint(op.f(f"ck_{table}_kind"), f"kind IN ({kinds})")
    _put_back()


def _put_aside() -> None:
    if _is_sqlite():
        op.execute("CREATE TABLE kept_aside AS SELECT dedupe_key, document FROM kept_digest")


def _put_back() -> None:
    if _is_sqlite():
        op.execute("DELETE FROM kept_digest")
        op.execute("INSERT INTO kept_digest (dedupe_key, document) SELECT * FROM kept_aside")
        op.execute("DROP TABLE kept_aside")


def _is_sqlite() -> bool:
    return op.get_context().dialect.name == "sqlite"
