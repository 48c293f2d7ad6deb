"""What was signed, and until when a lead is parked.

Signings so far say nothing of their agreement: they stay signings, shown as 「未注明」.
"""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    # The check stands at its column: so SQLite need not make the table again.
    op.execute(
        "ALTER TABLE milestone ADD COLUMN agreement VARCHAR(24) CONSTRAINT ck_milestone_agreement "
        "CHECK (agreement IN ('formal', 'framework', 'intent'))"
    )
    op.execute("ALTER TABLE milestone ADD COLUMN look_again_on DATE")


def downgrade() -> None:
    """Undo the change."""
    op.drop_column("milestone", "look_again_on")
    op.drop_column("milestone", "agreement")
