"""Targets of a year, and leaders' comments on a month."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def word(name: str, *codes: str) -> sa.Enum:
    """A column of one code."""
    return sa.Enum(*codes, name=name, native_enum=False, create_constraint=True, length=24)


METRIC = word("metric", "signed", "started", "completed", "money")
TIER = word("tier", "any", "yi1", "yi5", "yi10", "yi20", "yi50", "yi100")
MEASURE = word("measure", "count", "amount")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "target",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("metric", METRIC, nullable=False),
        sa.Column("tier", TIER, nullable=False),
        sa.Column("measure", MEASURE, nullable=False),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(measure = 'count') = (count IS NOT NULL)", name=op.f("ck_target_count_where_counted")
        ),
        sa.CheckConstraint(
            "(measure = 'amount') = (amount IS NOT NULL)", name=op.f("ck_target_amount_where_added")
        ),
        sa.CheckConstraint("count > 0", name=op.f("ck_target_count_positive")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_target_amount_positive")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_target_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target")),
        sa.UniqueConstraint(
            "year",
            "unit_id",
            "metric",
            "tier",
            "measure",
            name=op.f("uq_target_year_unit_id_metric_tier_measure"),
        ),
    )
    op.create_table(
        "monthly_comment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_monthly_comment_by_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_monthly_comment_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monthly_comment")),
    )
    op.create_index(op.f("ix_monthly_comment_month_id"), "monthly_comment", ["month", "id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index(op.f("ix_monthly_comment_month_id"), "monthly_comment")
    op.drop_table("monthly_comment")
    op.drop_table("target")
