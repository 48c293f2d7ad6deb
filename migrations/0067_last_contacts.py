"""The day of a lead's last contact becomes a column."""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

CIVIL_DATE = {
    "sqlite": "date(done_at, '+8 hours')",
    "postgresql": "(done_at AT TIME ZONE 'Asia/Shanghai')::date",
}
FILL = """UPDATE lead SET last_contact_on = contact.last_on FROM (
    SELECT lead_id, max(made_on) AS last_on FROM (
        SELECT lead_id, last_on AS made_on FROM visit_lead
        JOIN visit ON visit.id = visit_id WHERE status = 'done'
        UNION ALL SELECT lead_id, {civil_date} FROM followup WHERE done_at IS NOT NULL
    ) AS made GROUP BY lead_id
) AS contact WHERE contact.lead_id = lead.id"""


def upgrade() -> None:
    """Apply the change."""
    op.add_column("lead", sa.Column("last_contact_on", sa.Date(), nullable=True))
    op.execute(FILL.format(civil_date=CIVIL_DATE[op.get_bind().dialect.name]))
    op.create_index(op.f("ix_lead_last_contact_on"), "lead", ["last_contact_on"])


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f("ix_lead_last_contact_on"), table_name="lead")
    op.drop_column("lead", "last_contact_on")
