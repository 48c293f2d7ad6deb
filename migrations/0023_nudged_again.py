"""Where people's figures stood at the last noon; mails of stays that nobody set done in time."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

SO_FAR = (
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
)
NEW = "stay-lapsed"
TABLES = ("message", "mail_choice")


def allow_kinds(*kinds: str) -> None:
    """Say which kinds of mail there may be."""
    told = ", ".join(f"'{each}'" for each in kinds)
    for table in TABLES:
        name = op.f(f"ck_{table}_kind")
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, f"kind IN ({told})")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "nudge_level",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule_code", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("calm_noons", sa.Integer(), nullable=False),
        sa.Column("noon_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("count >= 0", name=op.f("ck_nudge_level_count_not_negative")),
        sa.CheckConstraint("calm_noons >= 0", name=op.f("ck_nudge_level_calm_noons_not_negative")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_nudge_level_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nudge_level")),
        sa.UniqueConstraint(
            "rule_code",
            "person_id",
            "period",
            name=op.f("uq_nudge_level_rule_code_person_id_period"),
        ),
    )
    op.create_index(op.f("ix_nudge_level_last_on"), "nudge_level", ["last_on"])
    allow_kinds(*SO_FAR, NEW)


def downgrade() -> None:
    """Take it back: the mails of the kind go with it."""
    for table in TABLES:
        own = sa.table(table, sa.column("kind", sa.String))
        op.execute(sa.delete(own).where(own.c.kind == NEW))
    allow_kinds(*SO_FAR)
    op.drop_index(op.f("ix_nudge_level_last_on"), "nudge_level")
    op.drop_table("nudge_level")
