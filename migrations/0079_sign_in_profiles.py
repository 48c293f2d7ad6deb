"""Profiles of signing in, second factors, recovery codes and former passwords are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None

CHOSEN = sa.text("is_chosen")
TABLES = ("former_password", "recovery_code", "second_factor", "sign_in_profile")


def upgrade() -> None:
    """Apply the change."""
    _create_profiles()
    _create_second_factors()
    op.create_table(
        "former_password",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_former_password_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_password")),
    )
    op.create_index(op.f("ix_former_password_person_id"), "former_password", ["person_id"])


def _create_profiles() -> None:
    op.create_table(
        "sign_in_profile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_chosen", sa.Boolean(), nullable=False),
        sa.Column("shortest", sa.Integer(), nullable=False),
        sa.Column("character_kinds", sa.Integer(), nullable=False),
        sa.Column("bars_common", sa.Boolean(), nullable=False),
        sa.Column("history", sa.Integer(), nullable=False),
        sa.Column("expires_days", sa.Integer(), nullable=True),
        sa.Column("idle_minutes", sa.Integer(), nullable=False),
        sa.Column("second_factor_roles", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_profile")),
        sa.UniqueConstraint("code", name=op.f("uq_sign_in_profile_code")),
    )
    op.create_index(
        "uq_sign_in_profile_chosen",
        "sign_in_profile",
        ["is_chosen"],
        unique=True,
        sqlite_where=CHOSEN,
        postgresql_where=CHOSEN,
    )


def _create_second_factors() -> None:
    op.create_table(
        "second_factor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.String(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pending_secret", sa.String(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(secret IS NULL) = (confirmed_at IS NULL)",
            name=op.f("ck_second_factor_confirmed_has_secret"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_second_factor_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_factor")),
        sa.UniqueConstraint("person_id", name=op.f("uq_second_factor_person_id")),
    )
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_recovery_code_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_recovery_code_code_hash")),
    )
    op.create_index(op.f("ix_recovery_code_person_id"), "recovery_code", ["person_id"])


def downgrade() -> None:
    """Undo the change."""
    for table in TABLES:
        op.drop_table(table)
