"""Stored files, and the files attached to leads."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

KINDS = ("pdf", "ofd", "jpeg", "png", "docx", "xlsx", "wps", "et")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "stored_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("size > 0", name=op.f("ck_stored_file_not_empty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_file")),
        sa.UniqueConstraint("sha256", name=op.f("uq_stored_file_sha256")),
    )
    op.create_table(
        "lead_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by_id", sa.Integer(), nullable=False),
        sa.Column("superseded_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id"], ["lead.id"], name=op.f("fk_lead_file_record_id_lead")
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["stored_file.id"], name=op.f("fk_lead_file_file_id_stored_file")
        ),
        sa.ForeignKeyConstraint(
            ["added_by_id"], ["person.id"], name=op.f("fk_lead_file_added_by_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["superseded_by_id"],
            ["lead_file.id"],
            name=op.f("fk_lead_file_superseded_by_id_lead_file"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_file")),
    )
    op.create_index(op.f("ix_lead_file_record_id"), "lead_file", ["record_id"])
    is_current = sa.text("superseded_by_id IS NULL")
    op.create_index(
        "uq_lead_file_current",
        "lead_file",
        ["record_id", "file_id"],
        unique=True,
        sqlite_where=is_current,
        postgresql_where=is_current,
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_index("uq_lead_file_current", "lead_file")
    op.drop_index(op.f("ix_lead_file_record_id"), "lead_file")
    op.drop_table("lead_file")
    op.drop_table("stored_file")
