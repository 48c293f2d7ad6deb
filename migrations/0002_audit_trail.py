"""The audit trail: where an entry comes from, chained, sealed, and append-only in the database."""

import json
from datetime import UTC, datetime
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SQLITE_NOW = "(strftime('%Y-%m-%d %H:%M:%f000', 'now'))"
HASHED = ("id", "at", "by_id", "action", "subject", "subject_id", "before", "after", "stored_at")

POSTGRESQL_FUNCTIONS = {
    "audit_refuse": "RAISE EXCEPTION 'the audit trail is append-only';",
    "audit_entry_keep": (
        "IF OLD.stored_at >= clock_timestamp() - interval '183 days' "
        "THEN RAISE EXCEPTION 'the audit trail is append-only'; END IF; RETURN OLD;"
    ),
    "audit_link_keep": (
        "IF EXISTS (SELECT 1 FROM audit_entry WHERE id = OLD.entry_id) "
        "THEN RAISE EXCEPTION 'the audit trail is append-only'; END IF; RETURN OLD;"
    ),
}
POSTGRESQL_TRIGGERS = (
    ("audit_entry", "UPDATE", "ROW", "audit_refuse"),
    ("audit_entry", "DELETE", "ROW", "audit_entry_keep"),
    ("audit_entry", "TRUNCATE", "STATEMENT", "audit_refuse"),
    ("audit_link", "UPDATE", "ROW", "audit_refuse"),
    ("audit_link", "DELETE", "ROW", "audit_link_keep"),
    ("audit_link", "TRUNCATE", "STATEMENT", "audit_refuse"),
    ("audit_seal", "UPDATE", "ROW", "audit_refuse"),
    ("audit_seal", "DELETE", "ROW", "audit_refuse"),
    ("audit_seal", "TRUNCATE", "STATEMENT", "audit_refuse"),
)
# On SQLite an INSERT OR REPLACE deletes without a word to the triggers, so it is refused as well.
# A migration that makes one of these tables again (batch mode) makes its triggers again.
SQLITE_TRIGGERS = (
    ("audit_entry", "UPDATE", "true"),
    (
        "audit_entry",
        "DELETE",
        "OLD.stored_at >= strftime('%Y-%m-%d %H:%M:%f', 'now', '-183 days')",
    ),
    ("audit_entry", "INSERT", "EXISTS (SELECT 1 FROM audit_entry WHERE id = NEW.id)"),
    ("audit_link", "UPDATE", "true"),
    ("audit_link", "DELETE", "EXISTS (SELECT 1 FROM audit_entry WHERE id = OLD.entry_id)"),
    (
        "audit_link",
        "INSERT",
        "EXISTS (SELECT 1 FROM audit_link WHERE position = NEW.position OR entry_id = NEW.entry_id)",
    ),
    ("audit_seal", "UPDATE", "true"),
    ("audit_seal", "DELETE", "true"),
    (
        "audit_seal",
        "INSERT",
        "EXISTS (SELECT 1 FROM audit_seal WHERE id = NEW.id OR sealed_on = NEW.sealed_on)",
    ),
)


def upgrade() -> None:
    """Apply the change."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    now = SQLITE_NOW if is_sqlite else "clock_timestamp()"
    with op.batch_alter_table("audit_entry", recreate="always" if is_sqlite else "never") as batch:
        batch.add_column(sa.Column("address", sa.String(), nullable=True))
        batch.add_column(
            sa.Column(
                "stored_at",
                sa.DateTime(timezone=True),
                nullable=False,
                server_default=sa.text(now),
            )
        )
    op.create_index(op.f("ix_audit_entry_at_id"), "audit_entry", ["at", "id"])
    op.create_index(op.f("ix_audit_entry_by_id_at"), "audit_entry", ["by_id", "at"])
    op.create_table(
        "audit_link",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["audit_entry.id"],
            name=op.f("fk_audit_link_entry_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_link")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_audit_link_entry_id")),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_seal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sealed_on", sa.Date(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("chain_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("sealed_on", name=op.f("uq_audit_seal_sealed_on")),
    )
    _chain_what_is_there()
    _guard(is_sqlite=is_sqlite)


def _chain_what_is_there() -> None:
    """Link the entries made before there was a chain, as the application did at this revision."""
    bind, position, previous = op.get_bind(), 0, ""
    links = sa.table("audit_link", sa.column("position"), sa.column("entry_id"), sa.column("hash"))
    entries = bind.execute(sa.text(f"SELECT {', '.join(HASHED)} FROM audit_entry ORDER BY id"))  # noqa: S608 - names of our own
    for entry in entries.mappings().all():
        position += 1
        told = {name: _text(value) for name, value in entry.items() if value is not None}
        whole = json.dumps([previous, position, told], sort_keys=True)
        previous = sha256(whole.encode()).hexdigest()
        bind.execute(links.insert().values(position=position, entry_id=entry["id"], hash=previous))
    head = sa.table("audit_head", sa.column("id"), sa.column("position"), sa.column("hash"))
    bind.execute(head.insert().values(id=1, position=position, hash=previous))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return str(value)


def _guard(*, is_sqlite: bool) -> None:
    if is_sqlite:
        for table, event, condition in SQLITE_TRIGGERS:
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table} "
                f"WHEN {condition} BEGIN "
                "SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
            )
        return
    for name, body in POSTGRESQL_FUNCTIONS.items():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
        )
    for table, event, level, function in POSTGRESQL_TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table} "
            f"FOR EACH {level} EXECUTE FUNCTION {function}()"
        )


def downgrade() -> None:
    """Take it back."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table, event, *_ in SQLITE_TRIGGERS if is_sqlite else POSTGRESQL_TRIGGERS:
        where = "" if is_sqlite else f" ON {table}"
        op.execute(f"DROP TRIGGER {table}_{event.lower()}{where}")
    if not is_sqlite:
        for name in POSTGRESQL_FUNCTIONS:
            op.execute(f"DROP FUNCTION {name}()")
    for table in ("audit_seal", "audit_head", "audit_link"):
        op.drop_table(table)
    op.drop_index(op.f("ix_audit_entry_by_id_at"), "audit_entry")
    op.drop_index(op.f("ix_audit_entry_at_id"), "audit_entry")
    with op.batch_alter_table("audit_entry") as batch:
        batch.drop_column("stored_at")
        batch.drop_column("address")
