"""Visits keep the companies met; the person met and the position go to the first of them."""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

COUNTERPARTS = ("enterprise", "chamber", "intermediary", "fund", "institute", "government")
# REGIME 3: the company of each lead of a visit was met
OF_LEADS = """
INSERT INTO visit_company (visit_id, company_id)
SELECT visit_lead.visit_id, lead.company_id
FROM visit_lead JOIN lead ON lead.id = visit_lead.lead_id
GROUP BY visit_lead.visit_id, lead.company_id
ORDER BY visit_lead.visit_id, min(visit_lead.lead_id)
"""
TO_THE_FIRST = """
UPDATE visit_company SET
  met = (SELECT visit.met FROM visit WHERE visit.id = visit_company.visit_id),
  position = (SELECT visit.position FROM visit WHERE visit.id = visit_company.visit_id)
WHERE id IN (SELECT min(id) FROM visit_company GROUP BY visit_id)
"""
WITHOUT_COMPANY = """
INSERT INTO visit_company (visit_id, met, position)
SELECT id, met, position FROM visit
WHERE (met IS NOT NULL OR position IS NOT NULL)
  AND id NOT IN (SELECT visit_id FROM visit_company)
ORDER BY id
"""


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "visit_company",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("folded", sa.String(), nullable=True),
        sa.Column("met", sa.String(), nullable=True),
        sa.Column("position", sa.String(), nullable=True),
        sa.Column(
            "counterpart",
            sa.Enum(*COUNTERPARTS, name="counterpart", native_enum=False, length=24),
            server_default=sa.text("'enterprise'"),
            nullable=False,
        ),
        sa.CheckConstraint(
            f"counterpart IN ({', '.join(repr(code) for code in COUNTERPARTS)})",
            name=op.f("ck_visit_company_counterpart"),
        ),
        sa.CheckConstraint(
            "company_id IS NULL OR name IS NULL", name=op.f("ck_visit_company_known_or_named")
        ),
        sa.CheckConstraint(
            "(name IS NULL) = (folded IS NULL)", name=op.f("ck_visit_company_name_is_folded")
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("fk_visit_company_company_id_company")
        ),
        sa.ForeignKeyConstraint(
            ["visit_id"], ["visit.id"], name=op.f("fk_visit_company_visit_id_visit")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_company")),
        sa.UniqueConstraint(
            "visit_id", "company_id", name=op.f("uq_visit_company_visit_id_company_id")
        ),
        sa.UniqueConstraint("visit_id", "folded", name=op.f("uq_visit_company_visit_id_folded")),
    )
    for column in ("company_id", "folded"):
        op.create_index(op.f(f"ix_visit_company_{column}"), "visit_company", [column])

    for statement in (OF_LEADS, TO_THE_FIRST, WITHOUT_COMPANY):
        op.execute(statement)


def downgrade() -> None:
    """Undo the change; the visits have kept the persons met."""
    for column in ("folded", "company_id"):
        op.drop_index(op.f(f"ix_visit_company_{column}"), "visit_company")
    op.drop_table("visit_company")
