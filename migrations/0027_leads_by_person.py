"""An index finds whether a person is named on a lead, which every list and search of leads asks."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

INDEX = "ix_lead_role_lead_id_person_id"


def upgrade() -> None:
    """Apply the change."""
    op.create_index(op.f(INDEX), "lead_role", ["lead_id", "person_id"])


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f(INDEX), "lead_role")
