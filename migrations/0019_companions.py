"""Companions are told that another named them, and can take themselves out."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
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
)
NEW = "companion"
TABLES = ("message", "mail_choice")


def allow_kinds(*kinds: str) -> None:
    """Say which kinds of message there may be."""
    told = ", ".join(f"'{each}'" for each in kinds)
    for table in TABLES:
        name = op.f(f"ck_{table}_kind")
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, f"kind IN ({told})")


def upgrade() -> None:
    """Apply the change."""
    op.add_column("visit_former", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "companion_notice",
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("named_by_id", sa.Integer(), nullable=False),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint([column], [key], name=op.f(f"fk_companion_notice_{column}"))
            for column, key in (
                ("visit_id", "visit.id"),
                ("person_id", "person.id"),
                ("named_by_id", "person.id"),
            )
        ),
        sa.PrimaryKeyConstraint("visit_id", "person_id", name=op.f("pk_companion_notice")),
    )
    op.create_index(
        op.f("ix_companion_notice_person_id_named_at"),
        "companion_notice",
        ["person_id", "named_at"],
    )
    allow_kinds(*SO_FAR, NEW)


def downgrade() -> None:
    """Take it back: the messages of the kind go with it."""
    for table in TABLES:
        own = sa.table(table, sa.column("kind", sa.String))
        op.execute(sa.delete(own).where(own.c.kind == NEW))
    allow_kinds(*SO_FAR)
    op.drop_index(op.f("ix_companion_notice_person_id_named_at"), "companion_notice")
    op.drop_table("companion_notice")
    op.drop_column("visit_former", "left_at")
