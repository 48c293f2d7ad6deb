"""Reasons of rejections and corrections get columns, so that a purge of the trail keeps them."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

REASON = {
    "sqlite": "json_extract(audit_entry.after, '$.reason')",
    "postgresql": "CAST(audit_entry.after AS json) ->> 'reason'",
}


def upgrade() -> None:
    """Apply the change; the reasons so far come from the trail."""
    reason = REASON[op.get_bind().dialect.name]
    op.add_column("visit", sa.Column("verdict_reason", sa.String(), nullable=True))
    op.execute(
        f"UPDATE visit SET verdict_reason = (SELECT {reason} FROM audit_entry"  # noqa: S608 - no input
        " WHERE subject = 'visit' AND subject_id = visit.id AND action = 'visit.rejected'"
        " ORDER BY audit_entry.id DESC LIMIT 1) WHERE verdict = 'rejected'"
    )

    op.add_column("correction", sa.Column("reason", sa.String(), nullable=True))
    op.execute(
        "UPDATE correction SET reason = why WHERE EXISTS (SELECT 1 FROM audit_entry"
        " WHERE subject = 'correction' AND subject_id = correction.id"
        " AND action = 'correction.explained')"
    )
    op.execute(
        f"UPDATE correction SET reason = (SELECT {reason} FROM audit_entry"  # noqa: S608 - no input
        " WHERE audit_entry.id = correction.entry_id) WHERE reason IS NULL"
    )
    with op.batch_alter_table("correction") as correction:
        correction.drop_constraint(op.f("fk_correction_entry_id"), type_="foreignkey")
        correction.drop_column("entry_id")


def downgrade() -> None:
    """Take it back: corrections no longer name the entry that they came from."""
    with op.batch_alter_table("correction") as correction:
        correction.add_column(sa.Column("entry_id", sa.Integer(), nullable=True))
        correction.create_foreign_key(
            op.f("fk_correction_entry_id"), "audit_entry", ["entry_id"], ["id"]
        )
    op.drop_column("correction", "reason")
    op.drop_column("visit", "verdict_reason")
