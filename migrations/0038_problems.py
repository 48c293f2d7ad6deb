"""Problems with their leads, assisting units and history, and their categories."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

STATES = ("raised", "passed_on", "taken", "solved", "closed", "shelved", "withdrawn")
ENTRIES = (
    "raised",
    "taken",
    "passed_on",
    "referred",
    "assigned",
    "progress",
    "solved",
    "returned",
    "closed",
    "shelved",
    "resumed",
    "withdrawn",
    "noted",
)
# code, name and the code of the unit that usually removes it, as in seeds/problem_categories.yaml
CATEGORIES = (
    ("land", "用地", "projects"),
    ("planning", "规划", "projects"),
    ("environment", "环评", "projects"),
    ("energy", "能耗", "economy"),
    ("utilities", "水电气热", "projects"),
    ("approval", "审批手续", "projects"),
    ("financing", "融资", "economy"),
    ("labour", "用工", None),
    ("policy", "政策兑现", "economy"),
    ("logistics", "物流通道", None),
    ("company", "企业自身", None),
    ("other", "其他", None),
)
MAILS_SO_FAR = (
    "weekly-digest",
    "monthly-digest",
    "nudge",
    "settled-figures",
    "morning-brief",
    "ten-day-supervision",
    "reminder",
    "supervision-order",
    "absence-answer",
    "companion",
    "hand-over",
    "stay-lapsed",
)
NEW_MAIL = "problem"
MAIL_TABLES = ("message", "mail_choice")


def codes(name: str, *codes: str) -> sa.Enum:
    """A column of one code."""
    return sa.Enum(*codes, name=name, native_enum=False, create_constraint=True, length=24)


def key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    """A foreign key to the id of another table."""
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    """Apply the change."""
    _make_categories()
    _make_problems()
    _make_parts()
    _add_shipped_categories()
    _allow_mails(*MAILS_SO_FAR, NEW_MAIL)


def downgrade() -> None:
    """Undo the change: the mails about problems go with it."""
    for table in MAIL_TABLES:
        own = sa.table(table, sa.column("kind", sa.String))
        op.execute(sa.delete(own).where(own.c.kind == NEW_MAIL))
    _allow_mails(*MAILS_SO_FAR)
    for table in ("problem_entry", "problem_unit", "problem_lead", "problem", "problem_category"):
        op.drop_table(table)


def _make_categories() -> None:
    op.create_table(
        "problem_category",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("is_offered", sa.Boolean(), nullable=False, server_default=sa.true()),
        key("problem_category", "unit_id", "unit"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problem_category")),
        sa.UniqueConstraint("code", name=op.f("uq_problem_category_code")),
        sa.UniqueConstraint("name", name=op.f("uq_problem_category_name")),
    )


def _make_problems() -> None:
    op.create_table(
        "problem",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("state", codes("state", *STATES), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("matter", sa.String(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=True),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_by_id", sa.Integer(), nullable=False),
        sa.Column("raised_unit_id", sa.Integer(), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("take_by", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("passes", sa.Integer(), nullable=False),
        sa.Column("referred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shelved_on", sa.Date(), nullable=True),
        sa.Column("again_on", sa.Date(), nullable=True),
        sa.Column("solved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("solved_by_id", sa.Integer(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.Column("basis", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(state = 'closed') = (basis IS NOT NULL)", name=op.f("ck_problem_closed_has_basis")
        ),
        sa.CheckConstraint(
            "(state = 'shelved') = (again_on IS NOT NULL)",
            name=op.f("ck_problem_shelved_has_date"),
        ),
        sa.CheckConstraint(
            "closed_by_id <> person_id", name=op.f("ck_problem_closed_by_another_than_owner")
        ),
        sa.CheckConstraint(
            "closed_by_id <> solved_by_id", name=op.f("ck_problem_closed_by_another_than_solver")
        ),
        key("problem", "category_id", "problem_category"),
        key("problem", "visit_id", "visit"),
        key("problem", "raised_by_id", "person"),
        key("problem", "raised_unit_id", "unit"),
        key("problem", "unit_id", "unit"),
        key("problem", "person_id", "person"),
        key("problem", "solved_by_id", "person"),
        key("problem", "closed_by_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problem")),
        sa.UniqueConstraint("ref", name=op.f("uq_problem_ref")),
    )
    op.create_index(op.f("ix_problem_raised_at_id"), "problem", ["raised_at", "id"])
    op.create_index(op.f("ix_problem_state_due_on"), "problem", ["state", "due_on"])
    for column in ("unit_id", "person_id", "raised_by_id", "visit_id"):
        op.create_index(op.f(f"ix_problem_{column}"), "problem", [column])


def _make_parts() -> None:
    for other in ("lead", "unit"):
        table, column = f"problem_{other}", f"{other}_id"
        op.create_table(
            table,
            sa.Column("problem_id", sa.Integer(), nullable=False),
            sa.Column(column, sa.Integer(), nullable=False),
            key(table, "problem_id", "problem"),
            key(table, column, other),
            sa.PrimaryKeyConstraint("problem_id", column, name=op.f(f"pk_{table}")),
        )
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])

    op.create_table(
        "problem_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("problem_id", sa.Integer(), nullable=False),
        sa.Column("kind", codes("kind", *ENTRIES), nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("state", codes("state", *STATES), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        key("problem_entry", "problem_id", "problem"),
        key("problem_entry", "unit_id", "unit"),
        key("problem_entry", "person_id", "person"),
        key("problem_entry", "by_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problem_entry")),
    )
    op.create_index(op.f("ix_problem_entry_problem_id_id"), "problem_entry", ["problem_id", "id"])


def _add_shipped_categories() -> None:
    """Add the shipped categories to a zone that exists; `crm init` adds them to a new one."""
    bind = op.get_bind()
    unit = sa.table("unit", sa.column("id", sa.Integer), sa.column("code", sa.String))
    units = dict(bind.execute(sa.select(unit.c.code, unit.c.id)).all())
    if not units:
        return

    category = sa.table(
        "problem_category",
        sa.column("code", sa.String),
        sa.column("name", sa.String),
        sa.column("position", sa.Integer),
        sa.column("unit_id", sa.Integer),
    )
    rows = [
        {"code": code, "name": name, "position": position, "unit_id": units.get(unit_code)}
        for position, (code, name, unit_code) in enumerate(CATEGORIES, start=1)
    ]
    op.execute(category.insert().values(rows))


def _allow_mails(*kinds: str) -> None:
    """Set which kinds of mail there may be."""
    # SQLite drops the outbox to rebuild it, and with it the digests kept with its messages
    is_sqlite = op.get_context().dialect.name == "sqlite"
    if is_sqlite:
        op.execute("CREATE TABLE kept_aside AS SELECT dedupe_key, document FROM kept_digest")
    allowed = ", ".join(f"'{kind}'" for kind in kinds)
    for table in MAIL_TABLES:
        name = op.f(f"ck_{table}_kind")
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, f"kind IN ({allowed})")
    if is_sqlite:
        op.execute("DELETE FROM kept_digest")
        op.execute("INSERT INTO kept_digest (dedupe_key, document) SELECT * FROM kept_aside")
        op.execute("DROP TABLE kept_aside")
