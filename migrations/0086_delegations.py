"""Who has whose rights for a time."""

import sqlalchemy as sa
from alembic import op

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None

TABLE = "delegation"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("owner_id <> agent_id", name=op.f(f"ck_{TABLE}_to_another")),
        sa.CheckConstraint("to_on >= from_on", name=op.f(f"ck_{TABLE}_ends_after_it_begins")),
        sa.CheckConstraint(
            "ended_by_id IS NULL OR ended_at IS NOT NULL",
            name=op.f(f"ck_{TABLE}_ended_has_moment"),
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{each}_id"], ["person.id"], name=op.f(f"fk_{TABLE}_{each}_id")
            )
            for each in ("owner", "agent", "ended_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        f"uq_{TABLE}_open",
        TABLE,
        ["owner_id", "agent_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index(op.f(f"ix_{TABLE}_agent_id"), TABLE, ["agent_id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table(TABLE)
