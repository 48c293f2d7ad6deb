"""Industries, sources and sites are rows that an admin edits; a lead names the sites offered."""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def _kind(*codes: str) -> sa.Column[str]:
    enum = sa.Enum(*codes, name="kind", native_enum=False, create_constraint=True, length=24)
    return sa.Column("kind", enum, nullable=False)


def upgrade() -> None:
    """Apply the change; `crm init` adds the rows as shipped."""
    op.create_table(
        "catalog_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        _kind("industry", "source"),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_offered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_entry")),
        sa.UniqueConstraint("kind", "code", name=op.f("uq_catalog_entry_kind_code")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_catalog_entry_kind_name")),
    )
    op.create_table(
        "site",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("park_id", sa.Integer(), nullable=True),
        _kind("land", "plant", "office"),
        sa.Column("area", sa.BigInteger(), nullable=True),
        sa.Column("power", sa.Integer(), nullable=True),
        sa.Column("free_from", sa.Date(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("is_offered", sa.Boolean(), nullable=False),
        sa.CheckConstraint("area > 0", name=op.f("ck_site_area_positive")),
        sa.CheckConstraint("power > 0", name=op.f("ck_site_power_positive")),
        sa.ForeignKeyConstraint(["park_id"], ["unit.id"], name=op.f("fk_site_park_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("name", name=op.f("uq_site_name")),
    )
    op.create_table(
        "lead_site",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("offered_on", sa.Date(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_lead_site_lead_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_lead_site_site_id")),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["person.id"], name=op.f("fk_lead_site_entered_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lead_site")),
        sa.UniqueConstraint("lead_id", "site_id", name=op.f("uq_lead_site_lead_id_site_id")),
    )


def downgrade() -> None:
    """Undo the change."""
    for name in ("lead_site", "site", "catalog_entry"):
        op.drop_table(name)
