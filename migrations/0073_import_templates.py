"""What a unit chose for its tables."""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None

TEMPLATE, NAME = "import_template", "import_name"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        TEMPLATE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("settings", sa.String(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f(f"fk_{TEMPLATE}_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TEMPLATE}")),
        sa.UniqueConstraint(
            *("unit_id", "kind", "signature"),
            name=op.f(f"uq_{TEMPLATE}_unit_id_kind_signature"),
        ),
    )
    op.create_table(
        NAME,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f(f"fk_{NAME}_person_id_person")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f(f"fk_{NAME}_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{NAME}")),
        sa.UniqueConstraint("unit_id", "name", name=op.f(f"uq_{NAME}_unit_id_name")),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table(NAME)
    op.drop_table(TEMPLATE)
