"""The files of imports in a table of their own, as each part of an import changes its run."""

import sqlalchemy as sa
from alembic import op

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None

RUN, FILE = "import_run", "import_file"
COLUMNS = ("content", "report")
MOVE = (
    "INSERT INTO import_file (run_id, content, report) SELECT id, content, report FROM import_run"
    " WHERE content IS NOT NULL OR report IS NOT NULL"
)
MOVE_BACK = (
    "UPDATE import_run SET content = (SELECT content FROM import_file WHERE run_id = id),"
    " report = (SELECT report FROM import_file WHERE run_id = id)"
)


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        FILE,
        sa.Column("run_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=True) for name in COLUMNS),
        sa.ForeignKeyConstraint(["run_id"], [f"{RUN}.id"], name=op.f(f"fk_{FILE}_run_id_{RUN}")),
        sa.PrimaryKeyConstraint("run_id", name=op.f(f"pk_{FILE}")),
    )
    op.execute(MOVE)
    for name in COLUMNS:
        op.drop_column(RUN, name)


def downgrade() -> None:
    """Undo the change."""
    for name in COLUMNS:
        op.add_column(RUN, sa.Column(name, sa.LargeBinary(), nullable=True))
    op.execute(MOVE_BACK)
    op.drop_table(FILE)
