"""Visits by video, phone or mail are a kind of their own: `remote` (REGIME 3)."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MET = ("outreach", "reception", "residency")  # in person only; an event also online
SO_FAR = (*MET, "event")
REMOTE = "remote"
ONLINE = frozenset({"video", "phone", "email", "online_event"})
ONLINE_OF = dict.fromkeys(MET, ONLINE) | {"event": ONLINE - {"online_event"}}
FITS = (
    "kind IN ('outreach', 'reception', 'residency') AND channel = 'in_person'"
    " OR kind = 'event' AND channel IN ('in_person', 'online_event')"
    " OR kind = 'remote' AND channel <> 'in_person'"
)

visit = sa.table("visit", sa.column("kind", sa.String), sa.column("channel", sa.String))
rule = sa.table(
    "rule",
    sa.column("id", sa.Integer),
    sa.column("kinds", sa.String),
    sa.column("channels", sa.String),
)


@contextmanager
def rebuilding() -> Iterator[BatchOperations]:
    """Alter the table of visits, to which others refer.

    SQLite makes the table anew, and with foreign keys on it drops none that has rows referred to:
    so it is empty meanwhile, and the keys are checked at the end.
    """
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        op.execute("PRAGMA defer_foreign_keys = ON")
        op.execute("CREATE TABLE visit_kept AS SELECT * FROM visit")
        op.execute("DELETE FROM visit")
    with op.batch_alter_table("visit") as batch:
        yield batch
    if is_sqlite:
        columns = ", ".join(each["name"] for each in sa.inspect(op.get_bind()).get_columns("visit"))
        op.execute(f"INSERT INTO visit ({columns}) SELECT {columns} FROM visit_kept")  # noqa: S608 - its own columns
        op.execute("DROP TABLE visit_kept")


def allow_kinds(*kinds: str) -> None:
    """Say which kinds of visit there may be."""
    told = ", ".join(f"'{each}'" for each in kinds)
    with rebuilding() as batch:
        batch.drop_constraint(op.f("ck_visit_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_visit_kind"), f"kind IN ({told})")


def upgrade() -> None:
    """Apply the change; figures that are frozen stay, and no correction is made."""
    allow_kinds(*SO_FAR, REMOTE)
    for kind, channels in ONLINE_OF.items():
        is_remote = sa.and_(visit.c.kind == kind, visit.c.channel.in_(channels))
        op.execute(sa.update(visit).where(is_remote).values(kind=REMOTE))
    with rebuilding() as batch:
        batch.create_check_constraint(op.f("ck_visit_channel_fits_kind"), FITS)
    for row in op.get_bind().execute(sa.select(rule)).all():
        kinds, channels = set(row.kinds.split(";")), set(row.channels.split(";"))
        if any(ONLINE_OF.get(kind, frozenset()) & channels for kind in kinds):
            count(row.id, kinds | {REMOTE})


def downgrade() -> None:
    """Take it back: what was remote is an outreach by that channel, or counts as one."""
    with rebuilding() as batch:
        batch.drop_constraint(op.f("ck_visit_channel_fits_kind"), type_="check")
    op.execute(sa.update(visit).where(visit.c.kind == REMOTE).values(kind="outreach"))
    allow_kinds(*SO_FAR)
    for row in op.get_bind().execute(sa.select(rule)).all():
        kinds = set(row.kinds.split(";"))
        if REMOTE in kinds:
            count(row.id, kinds - {REMOTE} or {"outreach"})


def count(rule_id: int, kinds: set[str]) -> None:
    """Set the kinds that a version of a rule counts, sorted as they are kept."""
    told = ";".join(sorted(kinds))
    op.execute(sa.update(rule).where(rule.c.id == rule_id).values(kinds=told))
