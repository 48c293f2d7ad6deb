"""A target of an amount has a currency; one unit may have targets in yuan and in dollars."""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

SAME = ["year", "unit_id", "metric", "tier"]
UNIQUE = "uq_target_year_unit_id_metric_tier_measure"
IS_CURRENCY = "currency IN ('CNY', 'USD', 'EUR', 'HKD', 'JPY')"
HAS_CURRENCY = "(measure = 'amount') = (currency IS NOT NULL)"


def _unique(name: str, columns: list[str], measure: str) -> None:
    where = sa.text(f"measure = '{measure}'")
    op.create_index(
        name, "target", columns, unique=True, sqlite_where=where, postgresql_where=where
    )


def upgrade() -> None:
    """Apply the change: so far foreign money used was in dollars, all else in yuan."""
    op.add_column("target", sa.Column("currency", sa.String(24), nullable=True))
    op.execute(
        "UPDATE target SET currency = CASE metric WHEN 'foreign' THEN 'USD' ELSE 'CNY' END"
        " WHERE measure = 'amount'"
    )
    with op.batch_alter_table("target") as batch:
        batch.drop_constraint(op.f(UNIQUE), type_="unique")
        batch.create_check_constraint(op.f("ck_target_currency"), IS_CURRENCY)
        batch.create_check_constraint(op.f("ck_target_amount_has_currency"), HAS_CURRENCY)
    _unique("uq_target_counted", SAME, "count")
    _unique("uq_target_added", [*SAME, "currency"], "amount")


def downgrade() -> None:
    """Undo the change; what is not in the currency of its metric goes, as it had no column."""
    target = sa.table("target", *map(sa.column, ("metric", "currency")))
    own = sa.case((target.c.metric == "foreign", "USD"), else_="CNY")
    op.execute(sa.delete(target).where(target.c.currency != own))
    op.drop_index("uq_target_added", "target")
    op.drop_index("uq_target_counted", "target")
    with op.batch_alter_table("target") as batch:
        batch.drop_constraint(op.f("ck_target_amount_has_currency"), type_="check")
        batch.drop_constraint(op.f("ck_target_currency"), type_="check")
        batch.create_unique_constraint(op.f(UNIQUE), [*SAME, "measure"])
        batch.drop_column("currency")
