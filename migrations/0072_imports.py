"""Imports of tables, and what each made."""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None

RUN, MADE = "import_run", "import_made"
STATES = (
    *("sheet", "columns", "checking", "preview"),
    *("importing", "done", "undoing", "undone"),
)
COUNTS = ("total", "position", "added", "changed", "unchanged", "refused")


def upgrade() -> None:
    """Apply the change."""
    states = sa.Enum(*STATES, name="state", native_enum=False, create_constraint=True, length=24)
    op.create_table(
        RUN,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("settings", sa.String(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=True),
        sa.Column("state", states, nullable=False),
        sa.Column("only_usable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        *(
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
            for name in COUNTS
        ),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["person.id"], name=op.f(f"fk_{RUN}_made_by_id_person")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f(f"fk_{RUN}_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{RUN}")),
    )
    op.create_index(op.f(f"ix_{RUN}_made_by_id_made_at"), RUN, ["made_by_id", "made_at"])
    op.create_index(op.f(f"ix_{RUN}_state"), RUN, ["state"])
    op.create_table(
        MADE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], [f"{RUN}.id"], name=op.f(f"fk_{MADE}_run_id_{RUN}")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{MADE}")),
    )
    op.create_index(op.f(f"ix_{MADE}_run_id_id"), MADE, ["run_id", "id"])
    op.create_index(op.f(f"ix_{MADE}_subject_subject_id"), MADE, ["subject", "subject_id"])


def downgrade() -> None:
    """Undo the change."""
    op.drop_table(MADE)
    op.drop_table(RUN)
