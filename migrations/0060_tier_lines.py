"""The lines of the tiers by currency are rows that an admin edits."""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def _codes(name: str, *codes: str) -> sa.Column[str]:
    enum = sa.Enum(*codes, name=name, native_enum=False, create_constraint=True, length=24)
    return sa.Column(name, enum, nullable=False)


def upgrade() -> None:
    """Apply the change; `crm init` adds the lines as shipped, by which sizes went so far."""
    op.create_table(
        "tier_line",
        sa.Column("id", sa.Integer(), nullable=False),
        _codes("tier", "any", "yi1", "yi5", "yi10", "yi20", "yi50", "yi100"),
        _codes("currency", "CNY", "USD", "EUR", "HKD", "JPY"),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("threshold", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("tier <> 'any'", name=op.f("ck_tier_line_of_a_size")),
        sa.CheckConstraint("threshold > 0", name=op.f("ck_tier_line_threshold_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tier_line")),
        sa.UniqueConstraint(
            "tier", "currency", "from_on", name=op.f("uq_tier_line_tier_currency_from_on")
        ),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("tier_line")
