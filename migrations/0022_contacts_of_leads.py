"""Leads: what was told of a company with each stays with it, and so do its contacts."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ONLY = "(SELECT min(lead.id) FROM lead WHERE lead.company_id = {of} HAVING count(*) = 1)"
OF_COMPANY = ("credit_code", "group_name")


def upgrade() -> None:
    """Apply the change; of a company with one lead, all that is known came with that."""
    for column in OF_COMPANY:
        op.add_column("lead", sa.Column(column, sa.String(), nullable=True))
    with op.batch_alter_table("contact") as contact:
        contact.add_column(sa.Column("lead_id", sa.Integer(), nullable=True))
        contact.create_foreign_key(op.f("fk_contact_lead_id"), "lead", ["lead_id"], ["id"])
    op.create_index(op.f("ix_contact_lead_id"), "contact", ["lead_id"])
    only_of_contact = ONLY.format(of="contact.company_id")
    op.execute(f"UPDATE contact SET lead_id = {only_of_contact}")  # noqa: S608 - no input
    alone = "SELECT company_id FROM lead GROUP BY company_id HAVING count(*) = 1"
    for column in OF_COMPANY:
        known = f"SELECT {column} FROM company WHERE company.id = lead.company_id"  # noqa: S608
        op.execute(
            f"UPDATE lead SET {column} = ({known}) WHERE company_id IN ({alone})"  # noqa: S608
        )


def downgrade() -> None:
    """Take it back: contacts stay with their companies."""
    op.drop_index(op.f("ix_contact_lead_id"), "contact")
    with op.batch_alter_table("contact") as contact:
        contact.drop_constraint(op.f("fk_contact_lead_id"), type_="foreignkey")
        contact.drop_column("lead_id")
    for column in OF_COMPANY:
        op.drop_column("lead", column)
