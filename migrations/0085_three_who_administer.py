"""Three people who administer (三员分立): their roles, and since when."""

import sqlalchemy as sa
from alembic import op

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None

SO_FAR = ("recruiter", "supervisor", "leader", "admin", "reader", "auditor")
ADDED = ("system_admin", "security_admin")


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
    """Apply the change; profiles that ask admins for a second factor ask these, too."""
    allow_roles(*SO_FAR, *ADDED)
    op.execute(
        "UPDATE sign_in_profile SET second_factor_roles ="
        " second_factor_roles || ';security_admin;system_admin'"
        " WHERE second_factor_roles LIKE '%admin%'"
    )
    op.create_table(
        "duty_separation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_by_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_duty_separation_only_one")),
        sa.ForeignKeyConstraint(
            ["begun_by_id"], ["person.id"], name=op.f("fk_duty_separation_begun_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_separation")),
    )


def downgrade() -> None:
    """Take it back: whoever held one of the duties of administration holds them all."""
    op.drop_table("duty_separation")
    op.execute("UPDATE person SET role = 'admin' WHERE role IN ('system_admin', 'security_admin')")
    op.execute(
        "UPDATE sign_in_profile SET second_factor_roles = replace(replace("
        "second_factor_roles, 'system_admin', ''), 'security_admin', '')"
    )
    allow_roles(*SO_FAR)
