"""A claim to money names its receipt; each receipt is recognised once."""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

INDEXES = {
    "uq_claim_receipt_recognised": "state = 'recognised' AND kind = 'money'",
    "uq_claim_receipt_undecided": "state IN ('claimed', 'returned') AND kind = 'money'",
}


def upgrade() -> None:
    """Apply the change; before it money could not be claimed."""
    with op.batch_alter_table("claim") as claim:
        claim.add_column(sa.Column("receipt_id", sa.Integer(), nullable=True))
        claim.create_foreign_key(
            op.f("fk_claim_receipt_id_receipt"), "receipt", ["receipt_id"], ["id"]
        )
        claim.create_check_constraint(
            op.f("ck_claim_money_has_receipt"), "(kind = 'money') = (receipt_id IS NOT NULL)"
        )
    for name, sql in INDEXES.items():
        where = sa.text(sql)
        op.create_index(
            *(name, "claim", ["receipt_id"]),
            unique=True,
            sqlite_where=where,
            postgresql_where=where,
        )


def downgrade() -> None:
    """Undo the change: claims to money are lost with it."""
    op.execute(
        "DELETE FROM claim_entry WHERE claim_id IN (SELECT id FROM claim WHERE kind = 'money')"
    )
    op.execute(
        "DELETE FROM claim_file WHERE record_id IN (SELECT id FROM claim WHERE kind = 'money')"
    )
    op.execute("DELETE FROM claim WHERE kind = 'money'")
    for name in INDEXES:
        op.drop_index(name, "claim")
    with op.batch_alter_table("claim") as claim:
        claim.drop_constraint(op.f("ck_claim_money_has_receipt"), type_="check")
        claim.drop_constraint(op.f("fk_claim_receipt_id_receipt"), type_="foreignkey")
        claim.drop_column("receipt_id")
