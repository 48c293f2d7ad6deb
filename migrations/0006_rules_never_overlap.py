"""Versions of one rule never overlap: the database itself refuses it."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# A range over text stands for the equality that GiST lacks without the extension btree_gist.
RANGE = "CREATE TYPE rule_code_range AS RANGE (subtype = text)"
EXCLUDE = (
    "ALTER TABLE rule ADD CONSTRAINT ex_rule_version EXCLUDE USING gist "
    "(rule_code_range(code::text, code::text, '[]') WITH &&, "
    "daterange(valid_from, valid_to, '[]') WITH &&)"
)
TRIGGER = """CREATE TRIGGER rule_version_{event} BEFORE {event} ON rule
BEGIN SELECT RAISE(ABORT, 'ex_rule_version') FROM rule other
WHERE other.code = NEW.code AND other.id IS NOT NEW.id
AND other.valid_from <= coalesce(NEW.valid_to, '9999-12-31')
AND NEW.valid_from <= coalesce(other.valid_to, '9999-12-31'); END"""


def upgrade() -> None:
    """Apply the change."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(RANGE)
        op.execute(EXCLUDE)
    else:
        for event in ("insert", "update"):
            op.execute(TRIGGER.format(event=event))


def downgrade() -> None:
    """Take it back."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE rule DROP CONSTRAINT ex_rule_version")
        op.execute("DROP TYPE rule_code_range")
    else:
        for event in ("insert", "update"):
            op.execute(f"DROP TRIGGER rule_version_{event}")
