"""Claims to results with their rounds, and what a zone decides about them."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

KINDS = ("valid_lead", "signed", "started", "completed", "operating", "money")
STATES = ("claimed", "returned", "recognised", "withdrawn", "revoked")
STEPS = (
    *("claim", "claim_again", "withdraw", "recognise", "return"),
    *("revoke", "flag", "confirm", "name"),
)


def codes(name: str, values: tuple[str, ...]) -> sa.Enum:
    """A column of codes, with its check."""
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    """Apply the change."""
    _make_settings()
    _make_claims()
    _make_entries()


def _make_settings() -> None:
    op.create_table(
        "claim_kind",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", codes("kind", KINDS), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_claim_kind_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_kind")),
        sa.UniqueConstraint("kind", name=op.f("uq_claim_kind_kind")),
    )
    op.create_table(
        "claim_kind_span",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", codes("kind", KINDS), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "to_on IS NULL OR to_on >= from_on",
            name=op.f("ck_claim_kind_span_ends_after_it_begins"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_kind_span")),
        sa.UniqueConstraint("kind", "from_on", name=op.f("uq_claim_kind_span_kind_from_on")),
    )
    op.create_table(
        "claim_exclusion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_exclusion")),
        sa.UniqueConstraint("sentence", name=op.f("uq_claim_exclusion_sentence")),
    )


def _make_claims() -> None:
    people = ("claimed_by", "decided_by", "named")
    checks = {
        "amount_has_currency": "(amount IS NULL) = (currency IS NULL)",
        "amount_positive": "amount > 0",
        "never_more_than_claimed": "recognised_amount <= amount",
        "less_has_reason": (
            "recognised_amount = amount OR recognised_amount IS NULL OR less_reason IS NOT NULL"
        ),
        "decided_by_another": "decided_by_id <> claimed_by_id",
        "recognised_has_basis": "(state IN ('recognised', 'revoked')) = (basis IS NOT NULL)",
        "flagged_at_a_moment": "(flag IS NULL) = (flagged_at IS NULL)",
        "counts_from_its_milestone": "counts_on >= reached_on",
    }
    op.create_table(
        "claim",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lead_id", sa.Integer(), nullable=False),
        sa.Column("kind", codes("kind", KINDS), nullable=False),
        sa.Column("state", codes("state", STATES), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("first_claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by_id", sa.Integer(), nullable=False),
        sa.Column("reached_on", sa.Date(), nullable=False),
        sa.Column("counts_on", sa.Date(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", codes("currency", ("CNY", "USD", "EUR", "HKD", "JPY"))),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("agreement", codes("agreement", ("investment", "framework", "intent"))),
        sa.Column("document_number", sa.String(), nullable=False),
        sa.Column("document_issuer", sa.String(), nullable=False),
        sa.Column("document_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("recognised_amount", sa.BigInteger(), nullable=True),
        sa.Column("less_reason", sa.String(), nullable=True),
        sa.Column("basis", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("named_id", sa.Integer(), nullable=True),
        sa.Column("flag", codes("flag", ("date", "amount"))),
        sa.Column("flagged_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.CheckConstraint(sql, name=op.f(f"ck_claim_{name}")) for name, sql in checks.items()),
        *(
            sa.ForeignKeyConstraint(
                [f"{person}_id"], ["person.id"], name=op.f(f"fk_claim_{person}_id_person")
            )
            for person in people
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"], name=op.f("fk_claim_lead_id_lead")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_claim_unit_id_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim")),
    )
    for name, state in (
        ("uq_claim_recognised", "state = 'recognised'"),
        ("uq_claim_undecided", "state IN ('claimed', 'returned')"),
    ):
        where = sa.text(f"{state} AND kind <> 'money'")
        op.create_index(
            *(name, "claim", ["lead_id", "kind"]),
            unique=True,
            sqlite_where=where,
            postgresql_where=where,
        )
    op.create_index(op.f("ix_claim_lead_id"), "claim", ["lead_id"])
    op.create_index(op.f("ix_claim_state_kind"), "claim", ["state", "kind"])
    op.create_index(op.f("ix_claim_counts_on"), "claim", ["counts_on"])


def _make_entries() -> None:
    op.create_table(
        "claim_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("claim_id", sa.Integer(), nullable=False),
        sa.Column("step", codes("step", STEPS), nullable=False),
        sa.Column("state", codes("state", STATES), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["claim.id"], name=op.f("fk_claim_entry_claim_id_claim")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_claim_entry_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_entry")),
    )
    op.create_index(op.f("ix_claim_entry_claim_id_id"), "claim_entry", ["claim_id", "id"])
    op.create_index(op.f("ix_claim_entry_at"), "claim_entry", ["at"])


def downgrade() -> None:
    """Undo the change; the mails of the kind go with it."""
    for table in ("message", "mail_choice"):
        own = sa.table(table, sa.column("kind", sa.String))
        op.execute(sa.delete(own).where(own.c.kind == "claim"))
    for table in ("claim_entry", "claim", "claim_exclusion", "claim_kind_span", "claim_kind"):
        op.drop_table(table)
