"""What people, companies and leads are found and sorted by: folded names and whole pinyin."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

from crm.base.names import folded, person_pinyin, person_search_text, search_text

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = ("person", "company", "lead")
ADDED = (("person", "pinyin"), ("company", "folded"))
SPELLED: tuple[tuple[str, str, dict[str, Callable[[str], str]]], ...] = (
    ("person", "name", {"pinyin": person_pinyin, "search": person_search_text}),
    ("company", "name", {"folded": folded, "search": search_text}),
    ("lead", "title", {"search": search_text}),
)


def upgrade() -> None:
    """Apply the change; a column is renamed in place, as other tables point to these."""
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN initials TO search")
    for table, column in ADDED:
        op.add_column(
            table, sa.Column(column, sa.String(), nullable=False, server_default=sa.text("''"))
        )
    op.create_index(op.f("ix_company_folded"), "company", ["folded"])
    connection = op.get_bind()
    for table, named, columns in SPELLED:
        rows = connection.execute(sa.text(f"SELECT id, {named} FROM {table}")).all()  # noqa: S608
        values = [
            {"row_id": row_id} | {column: spell(name) for column, spell in columns.items()}
            for row_id, name in rows
        ]
        if values:
            settings = ", ".join(f"{column} = :{column}" for column in columns)
            query = sa.text(f"UPDATE {table} SET {settings} WHERE id = :row_id")  # noqa: S608
            connection.execute(query, values)


def downgrade() -> None:
    """Take it back; the search text serves where initials were searched."""
    op.drop_index(op.f("ix_company_folded"), "company")
    for table, column in ADDED:
        op.drop_column(table, column)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN search TO initials")
