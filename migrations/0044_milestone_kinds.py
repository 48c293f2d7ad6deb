"""Kinds of milestones become rows, so that a zone adds side milestones of its own.

Codes stay, so no milestone, plan or order of the past changes. Going down, milestones and plans of
kinds that a zone has added go with their kinds.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

STAGES = (
    ("lead", "线索"),
    ("following", "正式跟进"),
    ("negotiating", "在谈"),
    ("signed", "签约"),
    ("registered", "注册"),
    ("approved", "报批完成"),
    ("started", "开工"),
    ("topped_out", "封顶"),
    ("completed", "竣工"),
    ("operating", "投产/开业"),
    ("full_capacity", "达产"),
    ("parked", "搁置"),
    ("lost", "流失"),
)
SIDE = (
    ("screened", "研判"),
    ("framework", "框架协议"),
    ("launched", "项目启动"),
    ("filing", "备案"),
    ("land", "供地"),
    ("permit", "施工许可"),
    ("moved_in", "进场"),
    ("first_money", "首笔到资"),
    ("in_statistics", "入统"),
)
# the table, and its column that names a kind
COLUMNS = (("milestone", "kind"), ("milestone_plan", "kind"), ("supervision_order", "milestone"))
CODES = ", ".join(f"'{code}'" for code, _ in STAGES + SIDE)


@contextmanager
def rebuilding(table: str) -> Iterator[BatchOperations]:
    """Alter a table, to which others may refer.

    SQLite makes the table anew, and with foreign keys on it drops none that has rows referred to:
    so it is empty meanwhile, and the keys are checked at the end.
    """
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        op.execute("PRAGMA defer_foreign_keys = ON")
        op.execute(f"CREATE TABLE kept AS SELECT * FROM {table}")  # noqa: S608 - its own name
        op.execute(f"DELETE FROM {table}")  # noqa: S608 - as above
    with op.batch_alter_table(table) as batch:
        yield batch
    if is_sqlite:
        columns = ", ".join(each["name"] for each in sa.inspect(op.get_bind()).get_columns(table))
        op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept")  # noqa: S608 - as above
        op.execute("DROP TABLE kept")


def upgrade() -> None:
    """Apply the change."""
    kind = op.create_table(
        "milestone_kind",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_used", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone_kind")),
        sa.UniqueConstraint("code", name=op.f("uq_milestone_kind_code")),
        sa.UniqueConstraint("name", name=op.f("uq_milestone_kind_name")),
    )
    op.bulk_insert(
        kind,
        [
            {"code": code, "name": name, "position": place, "is_used": True}
            for kinds in (STAGES, SIDE)
            for place, (code, name) in enumerate(kinds, start=1)
        ],
    )
    for table, column in COLUMNS:
        with rebuilding(table) as batch:
            batch.drop_constraint(op.f(f"ck_{table}_{column}"), type_="check")
            batch.alter_column(column, type_=sa.String(), existing_type=sa.String(24))
            batch.create_foreign_key(
                op.f(f"fk_{table}_{column}"), "milestone_kind", [column], ["code"]
            )


def downgrade() -> None:
    """Undo the change."""
    for table, column in COLUMNS[:2]:
        op.execute(f"DELETE FROM {table} WHERE {column} NOT IN ({CODES})")  # noqa: S608 - own codes
    op.execute(
        f"UPDATE supervision_order SET milestone = NULL WHERE milestone NOT IN ({CODES})"  # noqa: S608 - own codes
    )
    for table, column in reversed(COLUMNS):
        with rebuilding(table) as batch:
            batch.drop_constraint(op.f(f"fk_{table}_{column}"), type_="foreignkey")
            batch.alter_column(column, type_=sa.String(24), existing_type=sa.String())
            batch.create_check_constraint(op.f(f"ck_{table}_{column}"), f"{column} IN ({CODES})")
    op.drop_table("milestone_kind")
