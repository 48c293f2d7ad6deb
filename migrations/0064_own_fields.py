"""A zone's own fields on leads, their choices, and what leads have in them."""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

VALUES = "lead_own_value"


def _kind() -> sa.Column[str]:
    codes = ("text", "number", "date", "choice")
    enum = sa.Enum(*codes, name="kind", native_enum=False, create_constraint=True, length=24)
    return sa.Column("kind", enum, nullable=False)


def upgrade() -> None:
    """Apply the change; no field is shipped."""
    _create_fields()
    _create_values()


def _create_fields() -> None:
    op.create_table(
        "own_field",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        _kind(),
        sa.Column("hint", sa.String(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_used", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_field")),
        sa.UniqueConstraint("code", name=op.f("uq_own_field_code")),
        sa.UniqueConstraint("name", name=op.f("uq_own_field_name")),
        sa.UniqueConstraint("id", "kind", name=op.f("uq_own_field_id_kind")),
    )
    op.create_table(
        "own_field_choice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("field_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_offered", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["field_id"], ["own_field.id"], name=op.f("fk_own_field_choice_field_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_field_choice")),
        sa.UniqueConstraint("field_id", "code", name=op.f("uq_own_field_choice_field_id_code")),
        sa.UniqueConstraint("field_id", "name", name=op.f("uq_own_field_choice_field_id_name")),
        sa.UniqueConstraint("field_id", "id", name=op.f("uq_own_field_choice_field_id_id")),
    )


def _create_values() -> None:
    op.create_table(
        VALUES,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("field_id", sa.Integer(), nullable=False),
        _kind(),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("choice_id", sa.Integer(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.CheckConstraint(
                f"(kind = '{kind}') = ({column} IS NOT NULL)",
                name=op.f(f"ck_{VALUES}_{name}_of_its_kind"),
            )
            for kind, column, name in (
                ("text", "text", "text"),
                ("number", "number", "number"),
                ("date", "day", "day"),
                ("choice", "choice_id", "choice"),
            )
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f(f"fk_{VALUES}_lead_id")),
        sa.ForeignKeyConstraint(
            ["field_id", "kind"],
            ["own_field.id", "own_field.kind"],
            name=op.f(f"fk_{VALUES}_field_id_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["field_id", "choice_id"],
            ["own_field_choice.field_id", "own_field_choice.id"],
            name=op.f(f"fk_{VALUES}_field_id_choice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["person.id"], name=op.f(f"fk_{VALUES}_entered_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{VALUES}")),
    )
    op.create_index(
        "uq_lead_own_value_held",
        VALUES,
        ["lead_id", "field_id"],
        unique=True,
        sqlite_where=sa.text("replaced_at IS NULL"),
        postgresql_where=sa.text("replaced_at IS NULL"),
    )
    op.create_index(op.f(f"ix_{VALUES}_lead_id"), VALUES, ["lead_id"])
    for column in ("number", "day", "choice_id"):
        op.create_index(op.f(f"ix_{VALUES}_field_id_{column}"), VALUES, ["field_id", column])


def downgrade() -> None:
    """Undo the change."""
    for name in (VALUES, "own_field_choice", "own_field"):
        op.drop_table(name)
