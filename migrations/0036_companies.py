"""Companies have aliases and a normal form of their names, by which duplicates are found."""

import sqlalchemy as sa
from alembic import op

from crm.leads.company_names import normal_form
from crm.leads.search_index import rebuild

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

ROWS = 1000  # in one execution
INDEXED = (
    ("company", "normal"),
    ("company", "group_name"),
    ("contact", "name"),
    ("contact", "phone"),
    ("contact", "email"),
    ("lead", "credit_code"),
    ("lead", "group_name"),
)


def upgrade() -> None:
    """Apply the change."""
    op.add_column(
        "company", sa.Column("normal", sa.String(), nullable=False, server_default=sa.text("''"))
    )
    op.create_table(
        "company_alias",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("normal", sa.String(), nullable=False),
        sa.Column("search", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("fk_company_alias_company_id_company")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_alias")),
        sa.UniqueConstraint("company_id", "name", name=op.f("uq_company_alias_company_id_name")),
    )
    for column in ("folded", "normal"):
        op.create_index(op.f(f"ix_company_alias_{column}"), "company_alias", [column])
    for table, column in INDEXED:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])

    _make_index("company_alias_gram")
    _spell_companies()
    rebuild(op.get_bind())


def downgrade() -> None:
    """Undo the change; the pairs of the normal form stay in the index and harm nothing."""
    op.execute("DROP TABLE company_alias_gram")
    for table, column in INDEXED:
        op.drop_index(op.f(f"ix_{table}_{column}"), table)
    op.drop_table("company_alias")
    op.drop_column("company", "normal")


def _make_index(name: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"CREATE TABLE {name} (rowid integer PRIMARY KEY, grams tsvector NOT NULL)")
        op.execute(f"CREATE INDEX ix_{name}_grams ON {name} USING gin (grams)")
    else:
        op.execute(f"CREATE VIRTUAL TABLE {name} USING fts5(grams, detail=column, columnsize=0)")


def _spell_companies() -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT id, name FROM company")).all()
    query = sa.text("UPDATE company SET normal = :normal WHERE id = :row_id")
    for first in range(0, len(rows), ROWS):
        part = rows[first : first + ROWS]
        connection.execute(
            query, [{"row_id": row_id, "normal": normal_form(name)} for row_id, name in part]
        )
