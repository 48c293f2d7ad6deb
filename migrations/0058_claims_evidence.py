"""Claims rest on a file or a whole document, and name agreements as leads do."""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

DOCUMENT = {
    "document_number": sa.String(),
    "document_issuer": sa.String(),
    "document_on": sa.Date(),
}
WHOLE = (
    "(document_number IS NULL) = (document_issuer IS NULL)"
    " AND (document_number IS NULL) = (document_on IS NULL)"
)


def upgrade() -> None:
    """Apply the change."""
    _rename("investment", "formal")
    with op.batch_alter_table("claim") as claim:
        for name, kind in DOCUMENT.items():
            claim.alter_column(name, existing_type=kind, nullable=True)
        claim.create_check_constraint(op.f("ck_claim_document_is_whole"), WHOLE)


def downgrade() -> None:
    """Undo the change; what rests on files alone has them named as its document."""
    op.execute(
        "UPDATE claim SET document_number = '附件', document_issuer = '附件', "
        "document_on = reached_on WHERE document_number IS NULL"
    )
    with op.batch_alter_table("claim") as claim:
        claim.drop_constraint(op.f("ck_claim_document_is_whole"), type_="check")
        for name, kind in DOCUMENT.items():
            claim.alter_column(name, existing_type=kind, nullable=False)
    _rename("formal", "investment")


def _rename(before: str, after: str) -> None:
    """Rename a code of the agreement, which a constraint lists."""
    codes = ", ".join(f"'{code}'" for code in (after, "framework", "intent"))
    constraint = op.f("ck_claim_agreement")
    with op.batch_alter_table("claim") as claim:
        claim.drop_constraint(constraint, type_="check")
    op.execute(f"UPDATE claim SET agreement = '{after}' WHERE agreement = '{before}'")  # noqa: S608 - both are written above
    with op.batch_alter_table("claim") as claim:
        claim.create_check_constraint(constraint, f"agreement IN ({codes})")
