"""Companies, contacts and leads that became one, with what is needed to take it back."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

SUBJECTS = ("company", "contact", "lead")
STANDS = sa.text("undone_at IS NULL")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "merge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "subject",
            sa.Enum(
                *SUBJECTS, name="subject", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("survivor_id", sa.Integer(), nullable=False),
        sa.Column("merged_id", sa.Integer(), nullable=False),
        sa.Column("merged_ref", sa.String(), nullable=True),
        sa.Column("merged_name", sa.String(), nullable=False),
        sa.Column("journal", sa.Text(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_by_id", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merged_by_id"], ["person.id"], name=op.f("fk_merge_merged_by_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["undone_by_id"], ["person.id"], name=op.f("fk_merge_undone_by_id_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merge")),
    )
    op.create_index(
        "uq_merge_standing",
        "merge",
        ["subject", "merged_id"],
        unique=True,
        sqlite_where=STANDS,
        postgresql_where=STANDS,
    )
    op.create_index(op.f("ix_merge_subject_survivor_id"), "merge", ["subject", "survivor_id"])
    op.create_index(op.f("ix_merge_merged_ref"), "merge", ["merged_ref"])


def downgrade() -> None:
    """Undo the change; what was merged stays so."""
    op.drop_table("merge")
