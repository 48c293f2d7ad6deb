"""Messages go out over channels, too: tables of channels, and the outbox names them."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None

OUTBOX, DIGESTS = "message", "kept_digest"


@contextmanager
def rebuilding_outbox() -> Iterator[BatchOperations]:
    """Alter the outbox, to which the kept digests refer.

    SQLite makes the table anew, and with foreign keys on it drops none that has rows referred to:
    so both are empty meanwhile, and the keys are checked at the end.
    """
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        op.execute("PRAGMA defer_foreign_keys = ON")
        for table in (DIGESTS, OUTBOX):
            op.execute(f"CREATE TABLE saved_{table} AS SELECT * FROM {table}")  # noqa: S608 - its own names
            op.execute(f"DELETE FROM {table}")  # noqa: S608 - as above
    with op.batch_alter_table(OUTBOX) as batch:
        yield batch
    if is_sqlite:
        for table in (OUTBOX, DIGESTS):
            columns = ", ".join(_columns_of(table) & _columns_of(f"saved_{table}"))
            op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM saved_{table}")  # noqa: S608 - as above
            op.execute(f"DROP TABLE saved_{table}")


def _columns_of(table: str) -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _reference(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{to}")
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name)


def _code(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=24), nullable=False)


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "channel",
        sa.Column("id", sa.Integer(), nullable=False),
        _code("kind"),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=True),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("takes_people", sa.Boolean(), nullable=False),
        _reference("channel", "unit_id", "unit"),
        _key("channel", "id"),
        sa.UniqueConstraint("name", name=op.f("uq_channel_name")),
    )
    op.create_table(
        "channel_host",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        _key("channel_host", "id"),
        sa.UniqueConstraint("host", name=op.f("uq_channel_host_host")),
    )
    op.create_table(
        "channel_binding",
        sa.Column("channel_id", sa.Integer(), nullable=False),
        _code("kind"),
        _reference("channel_binding", "channel_id", "channel"),
        _key("channel_binding", "channel_id", "kind"),
    )
    op.create_table(
        "channel_choice",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        _code("kind"),
        _reference("channel_choice", "person_id", "person"),
        _reference("channel_choice", "channel_id", "channel"),
        _key("channel_choice", "person_id", "channel_id", "kind"),
    )
    op.create_table(
        "channel_address",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        _reference("channel_address", "person_id", "person"),
        _reference("channel_address", "channel_id", "channel"),
        _key("channel_address", "person_id", "channel_id"),
    )
    with rebuilding_outbox() as batch:
        batch.alter_column("person_id", existing_type=sa.Integer(), nullable=True)
        for column, to in (("channel_id", "channel"), ("about_id", OUTBOX)):
            batch.add_column(sa.Column(column, sa.Integer(), nullable=True))
            batch.create_foreign_key(op.f(f"fk_{OUTBOX}_{column}_{to}"), to, [column], ["id"])
        batch.create_index(op.f(f"ix_{OUTBOX}_channel_id_state"), ["channel_id", "state"])


def downgrade() -> None:
    """Undo the change; what went over channels is forgotten."""
    op.execute(f"DELETE FROM {OUTBOX} WHERE person_id IS NULL")  # noqa: S608 - its own name
    with rebuilding_outbox() as batch:
        batch.drop_index(op.f(f"ix_{OUTBOX}_channel_id_state"))
        for column, to in (("channel_id", "channel"), ("about_id", OUTBOX)):
            batch.drop_constraint(op.f(f"fk_{OUTBOX}_{column}_{to}"), type_="foreignkey")
            batch.drop_column(column)
        batch.alter_column("person_id", existing_type=sa.Integer(), nullable=False)
    for table in (
        *("channel_address", "channel_choice", "channel_binding"),
        *("channel_host", "channel"),
    ):
        op.drop_table(table)
