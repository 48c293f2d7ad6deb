"""The first tables: people, leads, visits, follow-ups, rules, the outbox, the ledger, the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = ("default",)
depends_on = None

# REGIME 2: primary postings of one person never overlap; each database holds it in its own way.
EXCLUDE = (
    "ALTER TABLE posting ADD CONSTRAINT ex_posting_primary EXCLUDE USING gist "
    "(int4range(person_id, person_id, '[]') WITH &&, daterange(from_on, to_on, '[]') WITH &&) "
    "WHERE (is_primary)"
)
TRIGGER = """CREATE TRIGGER posting_primary_{event} BEFORE {event} ON posting WHEN NEW.is_primary
BEGIN SELECT RAISE(ABORT, 'ex_posting_primary') FROM posting other
WHERE other.person_id = NEW.person_id AND other.is_primary AND other.id IS NOT NEW.id
AND other.from_on <= coalesce(NEW.to_on, '9999-12-31')
AND NEW.from_on <= coalesce(other.to_on, '9999-12-31'); END"""


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "company",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("initials", sa.String(), nullable=False),
        sa.Column("credit_code", sa.String(), nullable=True),
        sa.Column("group_name", sa.String(), nullable=True),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company")),
        sa.UniqueConstraint("credit_code", name=op.f("uq_company_credit_code")),
        sa.UniqueConstraint("name", name=op.f("uq_company_name")),
    )
    op.create_table(
        "job_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "done",
                "skipped",
                "failed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("made", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_run")),
        sa.UniqueConstraint("job", "slot", name=op.f("uq_job_run_job_slot")),
    )
    op.create_index(op.f("ix_job_run_job_due_at"), "job_run", ["job", "due_at"], unique=False)

    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("initials", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column(
            "role",
            sa.Enum(
                "recruiter",
                "supervisor",
                "leader",
                "admin",
                "reader",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("username", name=op.f("uq_person_username")),
    )
    op.create_table(
        "rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "duty",
            sa.Enum(
                "principal",
                "deputy",
                "recruiter",
                "staff",
                name="duty",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "measure",
            sa.Enum(
                "visits_led",
                "visits_joined",
                "days_resident",
                name="measure",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "count_by",
            sa.Enum(
                "visit",
                "day",
                name="count_by",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("minimum", sa.Integer(), nullable=False),
        sa.Column(
            "period",
            sa.Enum(
                "week",
                "xun",
                "month",
                "quarter",
                "year",
                name="period",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("kinds", sa.String(), nullable=False),
        sa.Column("channels", sa.String(), nullable=False),
        sa.Column("log_within_days", sa.Integer(), nullable=False),
        sa.Column(
            "proration",
            sa.Enum(
                "workdays",
                "none",
                name="proration",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "rounding",
            sa.Enum(
                "ceil",
                "half_up",
                name="rounding",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "cap",
            sa.Enum(
                "calendar_days",
                "workdays",
                name="cap",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "measure <> 'days_resident' OR count_by = 'day'",
            name=op.f("ck_rule_days_are_counted_by_day"),
        ),
        sa.CheckConstraint("log_within_days >= 0", name=op.f("ck_rule_log_limit_not_negative")),
        sa.CheckConstraint("minimum >= 0", name=op.f("ck_rule_minimum_not_negative")),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_to >= valid_from", name=op.f("ck_rule_ends_after_it_begins")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule")),
        sa.UniqueConstraint("code", "valid_from", name=op.f("uq_rule_code_valid_from")),
    )
    op.create_table(
        "unit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "zone",
                "bureau",
                "park",
                "team",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["unit.id"], name=op.f("fk_unit_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit")),
        sa.UniqueConstraint("code", name=op.f("uq_unit_code")),
    )
    op.create_index(op.f("ix_unit_parent_id"), "unit", ["parent_id"], unique=False)

    op.create_table(
        "workday_override",
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("is_workday", sa.Boolean(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "override",
                "imported",
                "library",
                "estimate",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("on", name=op.f("pk_workday_override")),
    )
    op.create_table(
        "absence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "leave",
                "sick",
                "training",
                "secondment",
                "other_duty",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("approved_by_id", sa.Integer(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("to_on >= from_on", name=op.f("ck_absence_ends_after_it_begins")),
        sa.ForeignKeyConstraint(
            ["approved_by_id"], ["person.id"], name=op.f("fk_absence_approved_by_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_absence_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    op.create_index(
        op.f("ix_absence_person_id_from_on"), "absence", ["person_id", "from_on"], unique=False
    )

    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_audit_entry_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(
        op.f("ix_audit_entry_subject_subject_id"),
        "audit_entry",
        ["subject", "subject_id"],
        unique=False,
    )

    op.create_table(
        "contact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_contact_company_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
    )
    op.create_index(op.f("ix_contact_company_id"), "contact", ["company_id"], unique=False)

    op.create_table(
        "lead",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("initials", sa.String(), nullable=False),
        sa.Column(
            "stage",
            sa.Enum(
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
                name="stage",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "secrecy",
            sa.Enum(
                "open",
                "internal",
                "restricted",
                name="secrecy",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("code_name", sa.String(), nullable=True),
        sa.Column("industry", sa.String(), nullable=True),
        sa.Column("park_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column(
            "currency",
            sa.Enum(
                "CNY",
                "USD",
                "EUR",
                "HKD",
                "JPY",
                name="currency",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("earlier_lead_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("entered_on", sa.Date(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "secrecy <> 'restricted' OR code_name IS NOT NULL", name=op.f("ck_lead_has_code_name")
        ),
        sa.CheckConstraint(
            "(amount IS NULL) = (currency IS NULL)", name=op.f("ck_lead_amount_has_currency")
        ),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_lead_company_id")),
        sa.ForeignKeyConstraint(
            ["earlier_lead_id"], ["lead.id"], name=op.f("fk_lead_earlier_lead_id")
        ),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["person.id"], name=op.f("fk_lead_entered_by_id")
        ),
        sa.ForeignKeyConstraint(["park_id"], ["unit.id"], name=op.f("fk_lead_park_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead")),
        sa.UniqueConstraint("ref", name=op.f("uq_lead_ref")),
    )
    op.create_index(op.f("ix_lead_company_id"), "lead", ["company_id"], unique=False)
    op.create_index(op.f("ix_lead_entered_on"), "lead", ["entered_on"], unique=False)
    op.create_index(op.f("ix_lead_stage_entered_on"), "lead", ["stage", "entered_on"], unique=False)

    op.create_table(
        "login_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("browser", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_login_session_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_login_session_token_hash")),
    )
    op.create_index(
        op.f("ix_login_session_person_id"), "login_session", ["person_id"], unique=False
    )

    op.create_table(
        "message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "weekly-digest",
                "monthly-digest",
                "nudge",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body_text", sa.String(), nullable=False),
        sa.Column("body_html", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "sending",
                "sent",
                "ambiguous",
                "failed",
                "held",
                "skipped",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("broke_off_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_message_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_message_dedupe_key")),
    )
    op.create_index(
        op.f("ix_message_person_id_made_at"), "message", ["person_id", "made_at"], unique=False
    )
    op.create_index(op.f("ix_message_state_due_at"), "message", ["state", "due_at"], unique=False)

    op.create_table(
        "posting",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column(
            "duty",
            sa.Enum(
                "principal",
                "deputy",
                "recruiter",
                "staff",
                name="duty",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "to_on IS NULL OR to_on >= from_on", name=op.f("ck_posting_ends_after_it_begins")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_posting_person_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_posting_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting")),
    )
    op.create_index(
        op.f("ix_posting_person_id_from_on"), "posting", ["person_id", "from_on"], unique=False
    )
    op.create_index(op.f("ix_posting_unit_id"), "posting", ["unit_id"], unique=False)

    op.create_table(
        "visit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "outreach",
                "reception",
                "residency",
                "event",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "channel",
            sa.Enum(
                "in_person",
                "video",
                "phone",
                "email",
                "online_event",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "planned",
                "done",
                "cancelled",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("leader_id", sa.Integer(), nullable=False),
        sa.Column("trip", sa.String(), nullable=True),
        sa.Column("met", sa.String(), nullable=True),
        sa.Column("position", sa.String(), nullable=True),
        sa.Column("minutes", sa.String(), nullable=True),
        sa.Column("next_step", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.Column("logged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "verdict",
            sa.Enum(
                "confirmed",
                "rejected",
                name="verdict",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("verdict_by_id", sa.Integer(), nullable=True),
        sa.Column("verdict_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status <> 'done' OR logged_at IS NOT NULL", name=op.f("ck_visit_done_is_logged")
        ),
        sa.CheckConstraint(
            "(verdict IS NULL) = (verdict_at IS NULL)", name=op.f("ck_visit_verdict_has_moment")
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_visit_ends_after_it_begins")),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_visit_last_date_after_first")),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["person.id"], name=op.f("fk_visit_entered_by_id")
        ),
        sa.ForeignKeyConstraint(["leader_id"], ["person.id"], name=op.f("fk_visit_leader_id")),
        sa.ForeignKeyConstraint(
            ["verdict_by_id"], ["person.id"], name=op.f("fk_visit_verdict_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("ref", name=op.f("uq_visit_ref")),
    )
    op.create_index(op.f("ix_visit_first_on"), "visit", ["first_on"], unique=False)
    op.create_index(
        op.f("ix_visit_leader_id_first_on"), "visit", ["leader_id", "first_on"], unique=False
    )

    op.create_table(
        "followup",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "channel",
            sa.Enum(
                "in_person",
                "video",
                "phone",
                "email",
                "online_event",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("met", sa.String(), nullable=True),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("next_id", sa.Integer(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["person.id"], name=op.f("fk_followup_entered_by_id")
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_followup_lead_id")),
        sa.ForeignKeyConstraint(["next_id"], ["followup.id"], name=op.f("fk_followup_next_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_followup_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_followup")),
        sa.UniqueConstraint("ref", name=op.f("uq_followup_ref")),
    )
    op.create_index(
        op.f("ix_followup_lead_id_due_on"), "followup", ["lead_id", "due_on"], unique=False
    )
    op.create_index(
        op.f("ix_followup_person_id_due_on"), "followup", ["person_id", "due_on"], unique=False
    )

    op.create_table(
        "lead_role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "attached_leader",
                "task_force_head",
                "task_force_member",
                "responsible_unit",
                "tracker",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(role = 'responsible_unit') = (unit_id IS NOT NULL)",
            name=op.f("ck_lead_role_unit_role"),
        ),
        sa.CheckConstraint(
            "(person_id IS NULL) <> (unit_id IS NULL)", name=op.f("ck_lead_role_person_or_unit")
        ),
        sa.CheckConstraint(
            "to_on IS NULL OR to_on >= from_on", name=op.f("ck_lead_role_ends_after_it_begins")
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_lead_role_lead_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_lead_role_person_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_lead_role_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_role")),
    )
    op.create_index(
        op.f("ix_lead_role_lead_id_role"), "lead_role", ["lead_id", "role"], unique=False
    )
    op.create_index(op.f("ix_lead_role_person_id"), "lead_role", ["person_id"], unique=False)
    op.create_index(op.f("ix_lead_role_unit_id"), "lead_role", ["unit_id"], unique=False)

    op.create_table(
        "milestone",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
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
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reached_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["person.id"], name=op.f("fk_milestone_entered_by_id")
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_milestone_lead_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestone")),
    )
    op.create_index(
        op.f("ix_milestone_kind_reached_on"), "milestone", ["kind", "reached_on"], unique=False
    )
    op.create_index(
        op.f("ix_milestone_lead_id_reached_on"),
        "milestone",
        ["lead_id", "reached_on"],
        unique=False,
    )

    op.create_table(
        "visit_lead",
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_visit_lead_lead_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_lead_visit_id")),
        sa.PrimaryKeyConstraint("visit_id", "lead_id", name=op.f("pk_visit_lead")),
    )
    op.create_index(
        op.f("ix_visit_lead_lead_id_visit_id"), "visit_lead", ["lead_id", "visit_id"], unique=False
    )

    op.create_table(
        "visit_participant",
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_visit_participant_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["visit.id"], name=op.f("fk_visit_participant_visit_id")
        ),
        sa.PrimaryKeyConstraint("visit_id", "person_id", name=op.f("pk_visit_participant")),
    )
    op.create_index(
        op.f("ix_visit_participant_person_id_visit_id"),
        "visit_participant",
        ["person_id", "visit_id"],
        unique=False,
    )

    if op.get_bind().dialect.name == "postgresql":
        op.execute(EXCLUDE)
    else:
        for event in ("insert", "update"):
            op.execute(TRIGGER.format(event=event))


def downgrade() -> None:
    """Take it back."""
    op.drop_index(op.f("ix_visit_participant_person_id_visit_id"), "visit_participant")

    op.drop_table("visit_participant")
    op.drop_index(op.f("ix_visit_lead_lead_id_visit_id"), "visit_lead")

    op.drop_table("visit_lead")
    op.drop_index(op.f("ix_milestone_lead_id_reached_on"), "milestone")
    op.drop_index(op.f("ix_milestone_kind_reached_on"), "milestone")

    op.drop_table("milestone")
    op.drop_index(op.f("ix_lead_role_unit_id"), "lead_role")
    op.drop_index(op.f("ix_lead_role_person_id"), "lead_role")
    op.drop_index(op.f("ix_lead_role_lead_id_role"), "lead_role")

    op.drop_table("lead_role")
    op.drop_index(op.f("ix_followup_person_id_due_on"), "followup")
    op.drop_index(op.f("ix_followup_lead_id_due_on"), "followup")

    op.drop_table("followup")
    op.drop_index(op.f("ix_visit_leader_id_first_on"), "visit")
    op.drop_index(op.f("ix_visit_first_on"), "visit")

    op.drop_table("visit")
    op.drop_index(op.f("ix_posting_unit_id"), "posting")
    op.drop_index(op.f("ix_posting_person_id_from_on"), "posting")

    op.drop_table("posting")
    op.drop_index(op.f("ix_message_state_due_at"), "message")
    op.drop_index(op.f("ix_message_person_id_made_at"), "message")

    op.drop_table("message")
    op.drop_index(op.f("ix_login_session_person_id"), "login_session")

    op.drop_table("login_session")
    op.drop_index(op.f("ix_lead_stage_entered_on"), "lead")
    op.drop_index(op.f("ix_lead_entered_on"), "lead")
    op.drop_index(op.f("ix_lead_company_id"), "lead")

    op.drop_table("lead")
    op.drop_index(op.f("ix_contact_company_id"), "contact")

    op.drop_table("contact")
    op.drop_index(op.f("ix_audit_entry_subject_subject_id"), "audit_entry")

    op.drop_table("audit_entry")
    op.drop_index(op.f("ix_absence_person_id_from_on"), "absence")

    op.drop_table("absence")
    op.drop_table("workday_override")
    op.drop_index(op.f("ix_unit_parent_id"), "unit")

    op.drop_table("unit")
    op.drop_table("rule")
    op.drop_table("person")
    op.drop_table("lease")
    op.drop_index(op.f("ix_job_run_job_due_at"), "job_run")

    op.drop_table("job_run")
    op.drop_table("company")
