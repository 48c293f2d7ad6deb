"""Amounts of a lead are rows by kind, with the rate of the day of signing; a table of rates."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

KINDS = ("total", "fixed_assets", "registered_capital", "foreign_capital")
CURRENCIES = ("CNY", "USD", "EUR", "HKD", "JPY")
TOTAL = (
    "SELECT a.{column} FROM lead_amount a"
    " WHERE a.lead_id = {lead} AND a.kind = 'total' AND a.replaced_at IS NULL"
)

# `lead.amount` and `lead.currency` are copies of the total that holds: lists sort and sum by them.
# The database makes the copy, and refuses any other value.
# On SQLite a migration that makes `lead` again (batch mode) first drops these triggers, then makes
# them again.
SQLITE_COPY = """CREATE TRIGGER lead_amount_{event} AFTER {event} ON lead_amount
BEGIN UPDATE lead SET amount = ({amount}), currency = ({currency}) WHERE id IN ({leads}); END"""
SQLITE_GUARD = """CREATE TRIGGER lead_total_{event} BEFORE {event}{columns} ON lead
WHEN NEW.amount IS NOT ({amount}) OR NEW.currency IS NOT ({currency})
BEGIN SELECT RAISE(ABORT, 'lead_total'); END"""
SQLITE_EVENTS = {
    "insert": "NEW.lead_id",
    "update": "OLD.lead_id, NEW.lead_id",
    "delete": "OLD.lead_id",
}
POSTGRESQL_COPY = """CREATE FUNCTION lead_amount_copy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE lead SET amount = ({amount}), currency = ({currency})
WHERE id IN (OLD.lead_id, NEW.lead_id); RETURN NULL; END $$"""
POSTGRESQL_GUARD = """CREATE FUNCTION lead_total_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.amount IS DISTINCT FROM ({amount}) OR NEW.currency IS DISTINCT FROM ({currency})
THEN RAISE EXCEPTION 'lead_total'; END IF; RETURN NEW; END $$"""


def upgrade() -> None:
    """Apply the change: the present amount becomes the total, without a rate."""
    _make_tables()
    op.execute(
        "INSERT INTO lead_amount"
        " (lead_id, kind, amount, currency, stated_on, entered_at, entered_by_id)"
        " SELECT id, 'total', amount, currency, entered_on, entered_at, entered_by_id"
        " FROM lead WHERE amount IS NOT NULL ORDER BY id"
    )
    if op.get_bind().dialect.name == "postgresql":
        _guard_on_postgresql()
    else:
        _guard_on_sqlite()


def _make_tables() -> None:
    op.create_table(
        "lead_amount",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "currency",
            sa.Enum(
                *CURRENCIES, name="currency", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("rate", sa.BigInteger(), nullable=True),
        sa.Column("rate_on", sa.Date(), nullable=True),
        sa.Column("stated_on", sa.Date(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_lead_amount_not_negative")),
        sa.CheckConstraint("rate > 0", name=op.f("ck_lead_amount_rate_positive")),
        sa.CheckConstraint(
            "(rate IS NULL) = (rate_on IS NULL)", name=op.f("ck_lead_amount_rate_has_date")
        ),
        sa.CheckConstraint(
            "currency <> 'CNY' OR rate IS NULL", name=op.f("ck_lead_amount_yuan_has_no_rate")
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_lead_amount_lead_id")),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["person.id"], name=op.f("fk_lead_amount_entered_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_amount")),
    )
    op.create_index(op.f("ix_lead_amount_lead_id"), "lead_amount", ["lead_id"])
    holds = sa.text("replaced_at IS NULL")
    op.create_index(
        op.f("uq_lead_amount_held"),
        "lead_amount",
        ["lead_id", "kind"],
        unique=True,
        sqlite_where=holds,
        postgresql_where=holds,
    )
    op.create_table(
        "exchange_rate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column(
            "currency",
            sa.Enum(
                *CURRENCIES, name="currency", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("rate", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("rate > 0", name=op.f("ck_exchange_rate_rate_positive")),
        sa.CheckConstraint("currency <> 'CNY'", name=op.f("ck_exchange_rate_foreign")),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["person.id"], name=op.f("fk_exchange_rate_entered_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_rate")),
        sa.UniqueConstraint("currency", "on", name=op.f("uq_exchange_rate_currency_on")),
    )


def _total(lead: str) -> dict[str, str]:
    return {name: TOTAL.format(column=name, lead=lead) for name in ("amount", "currency")}


def _guard_on_sqlite() -> None:
    for event, leads in SQLITE_EVENTS.items():
        op.execute(SQLITE_COPY.format(event=event, leads=leads, **_total("lead.id")))
    for event, columns in (("insert", ""), ("update", " OF amount, currency")):
        op.execute(SQLITE_GUARD.format(event=event, columns=columns, **_total("NEW.id")))


def _guard_on_postgresql() -> None:
    op.execute(POSTGRESQL_COPY.format(**_total("lead.id")))
    op.execute(POSTGRESQL_GUARD.format(**_total("NEW.id")))
    op.execute(
        "CREATE TRIGGER lead_amount_copy AFTER INSERT OR UPDATE OR DELETE ON lead_amount"
        " FOR EACH ROW EXECUTE FUNCTION lead_amount_copy()"
    )
    op.execute(
        "CREATE TRIGGER lead_total_keep BEFORE INSERT OR UPDATE OF amount, currency ON lead"
        " FOR EACH ROW EXECUTE FUNCTION lead_total_keep()"
    )


def downgrade() -> None:
    """Undo the change: the total stays with its lead, the other amounts and the rates are lost."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER lead_total_keep ON lead")
        op.execute("DROP TRIGGER lead_amount_copy ON lead_amount")
        op.execute("DROP FUNCTION lead_total_keep")
        op.execute("DROP FUNCTION lead_amount_copy")
    else:
        for event in ("insert", "update"):
            op.execute(f"DROP TRIGGER lead_total_{event}")
        for event in SQLITE_EVENTS:
            op.execute(f"DROP TRIGGER lead_amount_{event}")
    op.drop_table("exchange_rate")
    op.drop_table("lead_amount")
