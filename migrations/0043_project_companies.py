"""A lead has a project company beside its investor, with a credit code of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

COLUMNS = ("project_company", "project_company_code")


def upgrade() -> None:
    """Apply the change."""
    for name in COLUMNS:
        op.add_column("lead", sa.Column(name, sa.String(), nullable=True))


def downgrade() -> None:
    """Undo the change."""
    for name in COLUMNS:
        op.drop_column("lead", name)
