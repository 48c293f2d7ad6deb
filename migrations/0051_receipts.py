"""Money that arrived for projects, its forms, and the files attached to it."""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

CURRENCIES = ("CNY", "USD", "EUR", "HKD", "JPY")
CHECKS = {
    "not_zero": "amount <> 0",
    "negative_reverses": "(amount < 0) = (reverses_id IS NOT NULL)",
    "reversal_has_reason": "(reverses_id IS NULL) = (reason IS NULL)",
    "rate_positive": "rate > 0",
    "dollar_rate_positive": "dollar_rate > 0",
    "yuan_has_no_rate": "currency <> 'CNY' OR rate IS NULL",
    "withdrawn_by_somebody": "(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)",
}


def codes(name: str, values: tuple[str, ...]) -> sa.Enum:
    """A column of codes, with its check."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    """A foreign key, by the naming convention."""
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name)


def upgrade() -> None:
    """Apply the change; `crm init` adds the forms as shipped."""
    op.create_table(
        "receipt_form",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("line", codes("line", ("domestic", "foreign")), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_offered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_form")),
        sa.UniqueConstraint("code", name=op.f("uq_receipt_form_code")),
        sa.UniqueConstraint("name", name=op.f("uq_receipt_form_name")),
    )
    _make_receipts()
    _make_files()


def _make_receipts() -> None:
    op.create_table(
        "receipt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("form_id", sa.Integer(), nullable=False),
        sa.Column("arrived_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", codes("currency", CURRENCIES), nullable=False),
        sa.Column("rate", sa.BigInteger(), nullable=True),
        sa.Column("dollar_rate", sa.BigInteger(), nullable=True),
        sa.Column("counted_amount", sa.BigInteger(), nullable=True),
        sa.Column("payer", sa.String(), nullable=False),
        sa.Column("account_tail", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("reverses_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by_id", sa.Integer(), nullable=True),
        *(sa.CheckConstraint(sql, name=op.f(f"ck_receipt_{name}")) for name, sql in CHECKS.items()),
        key("receipt", "lead_id", "lead"),
        key("receipt", "form_id", "receipt_form"),
        key("receipt", "reverses_id", "receipt"),
        key("receipt", "entered_by_id", "person"),
        key("receipt", "withdrawn_by_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("ref", name=op.f("uq_receipt_ref")),
    )
    op.create_index(op.f("ix_receipt_lead_id_arrived_on"), "receipt", ["lead_id", "arrived_on"])
    op.create_index(op.f("ix_receipt_arrived_on"), "receipt", ["arrived_on"])
    op.create_index(op.f("ix_receipt_reverses_id"), "receipt", ["reverses_id"])


def _make_files() -> None:
    op.create_table(
        "receipt_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by_id", sa.Integer(), nullable=False),
        sa.Column("superseded_by_id", sa.Integer(), nullable=True),
        key("receipt_file", "record_id", "receipt"),
        key("receipt_file", "file_id", "stored_file"),
        key("receipt_file", "added_by_id", "person"),
        key("receipt_file", "superseded_by_id", "receipt_file"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_file")),
    )
    op.create_index(op.f("ix_receipt_file_record_id"), "receipt_file", ["record_id"])
    is_current = sa.text("superseded_by_id IS NULL")
    op.create_index(
        "uq_receipt_file_current",
        "receipt_file",
        ["record_id", "file_id"],
        unique=True,
        sqlite_where=is_current,
        postgresql_where=is_current,
    )


def downgrade() -> None:
    """Undo the change."""
    for table in ("receipt_file", "receipt", "receipt_form"):
        op.drop_table(table)
