"""Offers of units to assist with a lead are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

REFERENCES = {"lead_id": "lead", "unit_id": "unit", "offered_by_id": "person", "asked_id": "person"}


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "assistance_offer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_id", sa.Integer(), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_assistance_offer_{column}")
            )
            for column, table in REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assistance_offer")),
    )
    for column in ("lead_id", "asked_id"):
        op.create_index(op.f(f"ix_assistance_offer_{column}"), "assistance_offer", [column])


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("assistance_offer")
