"""Planned milestones, reminders, and supervision orders with what happens to them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MILESTONES = (
    "lead",
    "following",
    "negotiating",
    "signed",
    "registered",
    "approved",
    "started",
    "topped_out",
    "completed",
    "operating",
    "full_capacity",
    "parked",
    "lost",
    "screened",
    "framework",
    "launched",
    "filing",
    "land",
    "permit",
    "moved_in",
    "first_money",
    "in_statistics",
)


def codes(name: str, *codes: str) -> sa.Enum:
    """A column of one code."""
    return sa.Enum(*codes, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "order_series",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_order_series")),
    )
    op.create_table(
        "reminder",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule_code", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_reminder_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
        sa.UniqueConstraint(
            "rule_code", "person_id", "period", name=op.f("uq_reminder_rule_code_person_id_period")
        ),
    )
    op.create_index(op.f("ix_reminder_person_id_made_at"), "reminder", ["person_id", "made_at"])
    op.create_table(
        "milestone_plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("kind", codes("kind", *MILESTONES), nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["person.id"], name=op.f("fk_milestone_plan_entered_by_id")
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_milestone_plan_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone_plan")),
    )
    op.create_index(op.f("ix_milestone_plan_lead_id_kind"), "milestone_plan", ["lead_id", "kind"])
    op.create_index(op.f("ix_milestone_plan_planned_on"), "milestone_plan", ["planned_on"])
    op.create_table(
        "supervision_order",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=True),
        sa.Column(
            "state",
            codes(
                "state",
                "draft",
                "issued",
                "received",
                "answered",
                "returned",
                "accepted",
                "dropped",
            ),
            nullable=False,
        ),
        sa.Column("kind", codes("kind", "urgent", "normal", "long"), nullable=False),
        sa.Column(
            "origin",
            codes("origin", "missed_twice", "milestone", "meeting", "instruction", "problem"),
            nullable=False,
        ),
        sa.Column("about", codes("about", "unit", "person", "project", "problem"), nullable=False),
        sa.Column("matter", sa.String(), nullable=False),
        sa.Column("demand", sa.String(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("lead_id", sa.Integer(), nullable=True),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("drafted_by_id", sa.Integer(), nullable=True),
        sa.Column("rule_code", sa.String(), nullable=True),
        sa.Column("period", sa.String(), nullable=True),
        sa.Column("earlier_period", sa.String(), nullable=True),
        sa.Column("milestone", codes("milestone", *MILESTONES), nullable=True),
        sa.Column("planned_on", sa.Date(), nullable=True),
        sa.Column("code_word", sa.String(), nullable=True),
        sa.Column("number_year", sa.Integer(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issued_by_id", sa.Integer(), nullable=True),
        sa.Column("first_due_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("asked_due_on", sa.Date(), nullable=True),
        sa.Column("asked_by_id", sa.Integer(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("reached_unit_id", sa.Integer(), nullable=True),
        sa.Column("escalated_on", sa.Date(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_by_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by_id", sa.Integer(), nullable=True),
        sa.Column("basis", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(state = 'accepted') = (basis IS NOT NULL)",
            name=op.f("ck_supervision_order_accepted_has_basis"),
        ),
        sa.CheckConstraint(
            "(state IN ('draft', 'dropped')) = (number IS NULL)",
            name=op.f("ck_supervision_order_draft_has_none"),
        ),
        sa.CheckConstraint(
            "(asked_due_on IS NULL) = (asked_by_id IS NULL)",
            name=op.f("ck_supervision_order_asked_by_somebody"),
        ),
        sa.CheckConstraint(
            "(number IS NULL) = (due_on IS NULL)",
            name=op.f("ck_supervision_order_issued_has_due_date"),
        ),
        sa.CheckConstraint(
            "(number IS NULL) = (issued_at IS NULL)",
            name=op.f("ck_supervision_order_issued_has_number"),
        ),
        sa.CheckConstraint(
            "(number IS NULL) = (number_year IS NULL)",
            name=op.f("ck_supervision_order_number_has_year"),
        ),
        sa.CheckConstraint(
            "accepted_by_id <> answered_by_id",
            name=op.f("ck_supervision_order_accepted_by_another"),
        ),
        sa.ForeignKeyConstraint(
            ["accepted_by_id"], ["person.id"], name=op.f("fk_supervision_order_accepted_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["person.id"], name=op.f("fk_supervision_order_answered_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["person.id"], name=op.f("fk_supervision_order_asked_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["drafted_by_id"], ["person.id"], name=op.f("fk_supervision_order_drafted_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["issued_by_id"], ["person.id"], name=op.f("fk_supervision_order_issued_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["lead_id"], ["lead.id"], name=op.f("fk_supervision_order_lead_id")
        ),
        sa.ForeignKeyConstraint(
            ["officer_id"], ["person.id"], name=op.f("fk_supervision_order_officer_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_supervision_order_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["reached_unit_id"], ["unit.id"], name=op.f("fk_supervision_order_reached_unit_id")
        ),
        sa.ForeignKeyConstraint(
            ["received_by_id"], ["person.id"], name=op.f("fk_supervision_order_received_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"], ["unit.id"], name=op.f("fk_supervision_order_unit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervision_order")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_supervision_order_dedupe_key")),
        sa.UniqueConstraint(
            "number_year", "number", name=op.f("uq_supervision_order_number_year_number")
        ),
    )
    op.create_index(
        op.f("ix_supervision_order_drafted_at_id"), "supervision_order", ["drafted_at", "id"]
    )
    op.create_index(op.f("ix_supervision_order_lead_id"), "supervision_order", ["lead_id"])
    op.create_index(op.f("ix_supervision_order_officer_id"), "supervision_order", ["officer_id"])
    op.create_index(op.f("ix_supervision_order_person_id"), "supervision_order", ["person_id"])
    op.create_index(
        op.f("ix_supervision_order_state_due_on"), "supervision_order", ["state", "due_on"]
    )
    op.create_index(op.f("ix_supervision_order_unit_id"), "supervision_order", ["unit_id"])
    op.create_table(
        "order_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            codes(
                "kind",
                "drafted",
                "changed",
                "noted",
                "issued",
                "dropped",
                "received",
                "progress",
                "extension_asked",
                "extension_granted",
                "extension_refused",
                "escalated",
                "answered",
                "returned",
                "accepted",
            ),
            nullable=False,
        ),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("new_due_on", sa.Date(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_order_entry_by_id")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["supervision_order.id"], name=op.f("fk_order_entry_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_entry")),
    )
    op.create_index(op.f("ix_order_entry_order_id_id"), "order_entry", ["order_id", "id"])
    op.create_table(
        "order_unit",
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id"], ["supervision_order.id"], name=op.f("fk_order_unit_order_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_order_unit_unit_id")),
        sa.PrimaryKeyConstraint("order_id", "unit_id", name=op.f("pk_order_unit")),
    )
    op.create_index(op.f("ix_order_unit_unit_id"), "order_unit", ["unit_id"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index(op.f("ix_order_unit_unit_id"), table_name="order_unit")
    op.drop_table("order_unit")
    op.drop_index(op.f("ix_order_entry_order_id_id"), table_name="order_entry")
    op.drop_table("order_entry")
    op.drop_index(op.f("ix_supervision_order_unit_id"), table_name="supervision_order")
    op.drop_index(op.f("ix_supervision_order_state_due_on"), table_name="supervision_order")
    op.drop_index(op.f("ix_supervision_order_person_id"), table_name="supervision_order")
    op.drop_index(op.f("ix_supervision_order_officer_id"), table_name="supervision_order")
    op.drop_index(op.f("ix_supervision_order_lead_id"), table_name="supervision_order")
    op.drop_index(op.f("ix_supervision_order_drafted_at_id"), table_name="supervision_order")
    op.drop_table("supervision_order")
    op.drop_index(op.f("ix_milestone_plan_planned_on"), table_name="milestone_plan")
    op.drop_index(op.f("ix_milestone_plan_lead_id_kind"), table_name="milestone_plan")
    op.drop_table("milestone_plan")
    op.drop_index(op.f("ix_reminder_person_id_made_at"), table_name="reminder")
    op.drop_table("reminder")
    op.drop_table("order_series")
