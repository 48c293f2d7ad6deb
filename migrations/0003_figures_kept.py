"""Figures as they were assessed and frozen, and the corrections of frozen ones."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def status(name: str) -> sa.Enum:
    """A column of a figure's status."""
    return sa.Enum(
        "exempt",
        "met",
        "missed",
        "unreachable",
        "at_risk",
        "on_track",
        name=name,
        native_enum=False,
        create_constraint=True,
        length=24,
    )


def stage(name: str) -> list[sa.Column]:
    """The columns of a figure at one stage of its closing."""
    numbers = ("required", "achieved", "planned", "pace", "workdays", "present")
    return [
        sa.Column(f"{name}_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(f"{name}_status", status(f"{name}_status"), nullable=True),
        *(sa.Column(f"{name}_{number}", sa.Integer(), nullable=True) for number in numbers),
    ]


def allow_messages(*kinds: str) -> None:
    """Say which kinds of message there may be."""
    told = ", ".join(f"'{each}'" for each in kinds)
    with op.batch_alter_table("message") as batch:
        batch.drop_constraint(op.f("ck_message_kind"), type_="check")
        batch.create_check_constraint(op.f("ck_message_kind"), f"kind IN ({told})")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "figure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("rule_code", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("explanation", sa.String(), nullable=False),
        *stage("assessed"),
        *stage("frozen"),
        sa.CheckConstraint(
            "(assessed_at IS NULL) = (assessed_status IS NULL)",
            name=op.f("ck_figure_assessed_has_moment"),
        ),
        sa.CheckConstraint(
            "(frozen_at IS NULL) = (frozen_status IS NULL)",
            name=op.f("ck_figure_frozen_has_moment"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_figure_person_id")),
        sa.ForeignKeyConstraint(["rule_id"], ["rule.id"], name=op.f("fk_figure_rule_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_figure_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure")),
        sa.UniqueConstraint(
            "rule_code", "person_id", "period", name=op.f("uq_figure_rule_code_person_id_period")
        ),
    )
    op.create_index(op.f("ix_figure_period"), "figure", ["period"])
    op.create_index(op.f("ix_figure_person_id_last_on"), "figure", ["person_id", "last_on"])

    op.create_table(
        "correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("figure_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("from_required", sa.Integer(), nullable=False),
        sa.Column("from_achieved", sa.Integer(), nullable=False),
        sa.Column("from_status", status("from_status"), nullable=False),
        sa.Column("to_required", sa.Integer(), nullable=False),
        sa.Column("to_achieved", sa.Integer(), nullable=False),
        sa.Column("to_status", status("to_status"), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(signed_at IS NULL) = (signed_by_id IS NULL)",
            name=op.f("ck_correction_signed_has_moment"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["audit_entry.id"], name=op.f("fk_correction_entry_id")
        ),
        sa.ForeignKeyConstraint(["figure_id"], ["figure.id"], name=op.f("fk_correction_figure_id")),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["person.id"], name=op.f("fk_correction_made_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["signed_by_id"], ["person.id"], name=op.f("fk_correction_signed_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    op.create_index(op.f("ix_correction_figure_id"), "correction", ["figure_id"])
    op.create_index(op.f("ix_correction_signed_at"), "correction", ["signed_at"])

    op.create_table(
        "reported_figure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("rule_code", sa.String(), nullable=False),
        sa.Column("rule_name", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("required", sa.Integer(), nullable=False),
        sa.Column("achieved", sa.Integer(), nullable=False),
        sa.Column("status", status("status"), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_reported_figure_person_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_reported_figure_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reported_figure")),
        sa.UniqueConstraint(
            "month",
            "rule_code",
            "person_id",
            "period",
            name=op.f("uq_reported_figure_month_rule_code_person_id_period"),
        ),
    )
    allow_messages("weekly-digest", "monthly-digest", "nudge", "settled-figures")


def downgrade() -> None:
    """Take it back."""
    op.execute("DELETE FROM message WHERE kind = 'settled-figures'")
    allow_messages("weekly-digest", "monthly-digest", "nudge")
    op.drop_table("reported_figure")
    op.drop_index(op.f("ix_correction_signed_at"), "correction")
    op.drop_index(op.f("ix_correction_figure_id"), "correction")
    op.drop_table("correction")
    op.drop_index(op.f("ix_figure_person_id_last_on"), "figure")
    op.drop_index(op.f("ix_figure_period"), "figure")
    op.drop_table("figure")
