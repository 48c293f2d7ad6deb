"""The results of a month, frozen with its figures."""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

METRICS = ("signed", "started", "completed", "operating", "money", "foreign", "valid_leads")
CURRENCIES = ("CNY", "USD", "EUR", "HKD", "JPY")
KEYS = {
    "month_id": "result_month",
    "lead_id": "lead",
    "receipt_id": "receipt",
    "claim_id": "claim",
    "unit_id": "unit",
}


def codes(name: str, values: tuple[str, ...]) -> sa.Enum:
    """A column of codes, with its check."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "result_month",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_month")),
        sa.UniqueConstraint("month", name=op.f("uq_result_month_month")),
    )
    table = "frozen_result"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("month_id", sa.Integer(), nullable=False),
        sa.Column("metric", codes("metric", METRICS), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("receipt_id", sa.Integer(), nullable=True),
        sa.Column("claim_id", sa.Integer(), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", codes("currency", CURRENCIES), nullable=True),
        sa.Column("counted_amount", sa.BigInteger(), nullable=True),
        sa.Column("registered", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("recognised", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(metric IN ('money', 'foreign')) = (receipt_id IS NOT NULL)",
            name=op.f(f"ck_{table}_of_money"),
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}")
            )
            for column, target in KEYS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    for column in ("month_id", "lead_id"):
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    """Undo the change: the figures of frozen months follow the records again."""
    op.drop_table("frozen_result")
    op.drop_table("result_month")
