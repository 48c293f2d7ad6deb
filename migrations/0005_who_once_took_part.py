"""Whoever once led or joined a visit and was taken out: they may not judge it."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

EDITS = "SELECT subject_id, before FROM audit_entry WHERE subject = 'visit' AND before IS NOT NULL"
PEOPLE = {
    "person": "SELECT id FROM person",
    "visit": "SELECT id FROM visit",
    "now": "SELECT id, leader_id FROM visit UNION SELECT visit_id, person_id FROM visit_participant",
}


def of_the_trail(connection: sa.Connection) -> set[tuple[int, int]]:
    """Who stood on a visit before an edit, as far as the audit trail reaches back."""
    found = set()
    for visit_id, told in connection.execute(sa.text(EDITS)):
        before = json.loads(told)
        people = {*before.get("participant_ids", ()), before.get("leader_id")} - {None}
        found |= {(visit_id, person_id) for person_id in people}
    return found


def upgrade() -> None:
    """Apply the change."""
    table = op.create_table(
        "visit_former",
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_former_visit_id")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_visit_former_person_id")
        ),
        sa.PrimaryKeyConstraint("visit_id", "person_id", name=op.f("pk_visit_former")),
    )
    connection = op.get_bind()
    there = {
        name: set(map(tuple, connection.execute(sa.text(query)))) for name, query in PEOPLE.items()
    }
    rows = [
        {"visit_id": visit_id, "person_id": person_id}
        for visit_id, person_id in sorted(of_the_trail(connection) - there["now"])
        if (visit_id,) in there["visit"] and (person_id,) in there["person"]
    ]
    if rows:
        op.bulk_insert(table, rows)


def downgrade() -> None:
    """Take it back."""
    op.drop_table("visit_former")
