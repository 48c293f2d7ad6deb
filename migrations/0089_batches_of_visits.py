"""Visits of a long table are hidden until all of them are stored."""

import sqlalchemy as sa
from alembic import op

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None

BATCH = "INTEGER CONSTRAINT fk_{table}_batch_id REFERENCES visit_batch (id)"
HIDDEN = "NOT is_published"
INDEXES = (["leader_id", "first_on"], ["first_on", "last_on"])


def name_of(columns: list[str]) -> str:
    """The name of the index of visits."""
    return "_".join(("ix_visit", *columns))


def upgrade() -> None:
    """Apply the change; every visit that is there is seen."""
    op.create_table(
        "visit_batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("is_published", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("id", name="pk_visit_batch"),
    )
    op.create_index(
        "uq_visit_batch_is_published",
        "visit_batch",
        ["is_published"],
        unique=True,
        sqlite_where=sa.text(HIDDEN),
        postgresql_where=sa.text(HIDDEN),
    )
    # as words: a batch would make the table anew on SQLite, and others refer to it
    for table in ("visit", "import_run"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN batch_id {BATCH.format(table=table)}")
    for columns in INDEXES:
        longer = [*columns, "batch_id"]
        op.drop_index(name_of(columns), table_name="visit")
        op.create_index(name_of(longer), "visit", longer)
    op.add_column("import_run", sa.Column("published_at", sa.DateTime(timezone=True)))
    op.add_column(
        "import_run", sa.Column("settled", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_table(
        "import_later",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["import_run.id"], name="fk_import_later_run_id"),
        sa.PrimaryKeyConstraint("run_id", "place", name="pk_import_later"),
    )


def downgrade() -> None:
    """Take it back; visits that are still hidden are seen then."""
    op.drop_table("import_later")
    for column in ("settled", "published_at", "batch_id"):
        op.execute(f"ALTER TABLE import_run DROP COLUMN {column}")
    for columns in INDEXES:
        op.drop_index(name_of([*columns, "batch_id"]), table_name="visit")
        op.create_index(name_of(columns), "visit", columns)
    op.execute("ALTER TABLE visit DROP COLUMN batch_id")
    op.drop_index("uq_visit_batch_is_published", table_name="visit_batch")
    op.drop_table("visit_batch")
