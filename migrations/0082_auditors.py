"""Accounts of auditors, who read the audit trail and nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None

SO_FAR = ("recruiter", "supervisor", "leader", "admin", "reader")
AUDITOR = "auditor"


def allow_roles(*roles: str) -> None:
    """Say which roles there may be.

    SQLite makes the table anew, and with foreign keys on it drops none that has rows referred to:
    so it is empty meanwhile, and the keys are checked at the end.
    """
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        op.execute("PRAGMA defer_foreign_keys = ON")
        op.execute("CREATE TABLE person_kept AS SELECT * FROM person")
        op.execute("DELETE FROM person")
    with op.batch_alter_table("person") as batch:
        batch.drop_constraint(op.f("ck_person_role"), type_="check")
        told = ", ".join(f"'{each}'" for each in roles)
        batch.create_check_constraint(op.f("ck_person_role"), f"role IN ({told})")
    if is_sqlite:
        inspected = sa.inspect(op.get_bind()).get_columns("person")
        columns = ", ".join(each["name"] for each in inspected)
        op.execute(f"INSERT INTO person ({columns}) SELECT {columns} FROM person_kept")  # noqa: S608 - its own columns
        op.execute("DROP TABLE person_kept")


def upgrade() -> None:
    """Apply the change; profiles that ask all roles for a second factor ask auditors, too."""
    allow_roles(*SO_FAR, AUDITOR)
    op.execute(
        "UPDATE sign_in_profile SET second_factor_roles = second_factor_roles || ';auditor'"
        " WHERE second_factor_roles LIKE '%admin%'"
    )


def downgrade() -> None:
    """Take it back: an auditor is a reader of digests."""
    op.execute("UPDATE person SET role = 'reader' WHERE role = 'auditor'")
    op.execute(
        "UPDATE sign_in_profile SET second_factor_roles ="
        " replace(second_factor_roles, 'auditor', '')"
    )
    allow_roles(*SO_FAR)
