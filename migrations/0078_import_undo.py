"""What an import changed, and why a row of it stays."""

import sqlalchemy as sa
from alembic import op

revision = "0078"
down_revision = "0076"
branch_labels = None
depends_on = None

MADE = "import_made"


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table(MADE) as batch:
        yes, no = sa.text("true"), sa.text("false")
        batch.add_column(sa.Column("is_new", sa.Boolean(), nullable=False, server_default=yes))
        batch.add_column(sa.Column("before", sa.String(), nullable=True))
        batch.add_column(sa.Column("taken_back", sa.Boolean(), nullable=False, server_default=no))
        batch.add_column(sa.Column("kept_why", sa.String(), nullable=True))


def downgrade() -> None:
    """Undo the change."""
    with op.batch_alter_table(MADE) as batch:
        for name in ("kept_why", "taken_back", "before", "is_new"):
            batch.drop_column(name)
