"""Who may enter visits for whom."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "entry_grant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("agent_id", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("granted_by_id", sa.Integer(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("owner_id <> agent_id", name=op.f("ck_entry_grant_for_another")),
        sa.CheckConstraint(
            "to_on IS NULL OR to_on >= from_on", name=op.f("ck_entry_grant_ends_after_it_begins")
        ),
        sa.CheckConstraint(
            "ended_by_id IS NULL OR ended_at IS NOT NULL",
            name=op.f("ck_entry_grant_ended_has_moment"),
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{each}_id"], ["person.id"], name=op.f(f"fk_entry_grant_{each}_id_person")
            )
            for each in ("owner", "agent", "granted_by", "ended_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry_grant")),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_entry_grant_open",
        "entry_grant",
        ["owner_id", "agent_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index(op.f("ix_entry_grant_agent_id"), "entry_grant", ["agent_id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("entry_grant")
