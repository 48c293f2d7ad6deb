"""Changes to companies are proposed."""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

TABLE = "company_proposal"
REFERENCES = {
    "company_id": "company",
    "contact_id": "contact",
    "proposed_by_id": "person",
    "decided_by_id": "person",
}
FIELDS = ("credit_code", "group_name", "alias", "contact")
STATES = ("open", "taken", "declined")


def _codes(name: str, codes: tuple[str, ...]) -> sa.Column[str]:
    enum = sa.Enum(*codes, name=name, native_enum=False, create_constraint=True, length=24)
    return sa.Column(name, enum, nullable=False)


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        _codes("field", FIELDS),
        _codes("state", STATES),
        sa.Column("value", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("position", "phone", "email")),
        sa.Column("contact_id", sa.Integer(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by_id", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(state = 'declined') = (reason IS NOT NULL)",
            name=op.f("ck_company_proposal_declined_has_reason"),
        ),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL)",
            name=op.f("ck_company_proposal_decided_has_time"),
        ),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_company_proposal_{column}")
            )
            for column, table in REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_proposal")),
    )
    for column in ("company_id", "contact_id"):
        op.create_index(op.f(f"ix_company_proposal_{column}"), TABLE, [column])
    is_open = sa.text("state = 'open'")
    op.create_index(
        "uq_company_proposal_open",
        TABLE,
        ["company_id", "field"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table(TABLE)
