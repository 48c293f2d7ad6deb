"""How late the dates of visits were entered, the rules' limit for it, and how figures are judged.

Nothing of the past moves: existing versions of the rules get no limit; frozen figures keep the way
by which they were judged. The shipped rules that run on have the limit from their next period on.
"""

from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SHIPPED = ("principal-weekly", "deputy-monthly", "recruiter-monthly")
STAY_WITHIN_DAYS = 9
# Checks stand at their column: so SQLite need not make the tables again, which others refer to.
COLUMNS = (
    ("visit", "late_by_days", "NOT NULL DEFAULT 0", "lateness_not_negative", "late_by_days >= 0"),
    (
        *("visit_participant", "late_by_days", "NOT NULL DEFAULT 0"),
        *("lateness_not_negative", "late_by_days >= 0"),
    ),
    ("rule", "stay_within_days", "", "stay_limit_not_negative", "stay_within_days >= 0"),
    ("figure", "judged_by", "NOT NULL DEFAULT 1", "way_is_known", "judged_by IN (1, 2)"),
)
LATE_BY = {
    "sqlite": "UPDATE visit SET late_by_days = max(0, CAST("
    "julianday(date(entered_at, '+8 hours')) - julianday(first_on) AS INTEGER))",
    "postgresql": "UPDATE visit SET late_by_days = "
    "greatest(0, (entered_at AT TIME ZONE 'Asia/Shanghai')::date - first_on)",
}
BEGINS = {
    "week": lambda on: on.weekday() == 0,
    "xun": lambda on: on.day in {1, 11, 21},
    "month": lambda on: on.day == 1,
    "quarter": lambda on: on.day == 1 and on.month in {1, 4, 7, 10},
    "year": lambda on: on.day == on.month == 1,
}
TODAY = {
    "sqlite": "SELECT date('now', '+8 hours')",
    "postgresql": "SELECT to_char(now() AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD')",
}
COPY = """INSERT INTO rule (code, name, duty, measure, count_by, minimum, period, kinds, channels,
    log_within_days, stay_within_days, proration, rounding, cap, valid_from, valid_to)
SELECT code, name, duty, measure, count_by, minimum, period, kinds, channels,
    log_within_days, :days, proration, rounding, cap, :first, NULL FROM rule WHERE id = :id"""


def upgrade() -> None:
    """Apply the change."""
    for table, column, default, check, condition in COLUMNS:
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN {column} INTEGER {default} "
            f"CONSTRAINT ck_{table}_{check} CHECK ({condition})"
        )
    op.execute(LATE_BY[op.get_bind().dialect.name])
    op.execute(
        "UPDATE visit_participant SET late_by_days = (SELECT visit.late_by_days FROM visit "
        "WHERE visit.id = visit_participant.visit_id) WHERE visit_id IN "
        "(SELECT id FROM visit WHERE late_by_days > 0)"
    )
    limit_from_next_period()


def limit_from_next_period() -> None:
    """Add to each shipped rule that runs on a version with the limit."""
    bind = op.get_bind()
    today = date.fromisoformat(bind.scalar(sa.text(TODAY[bind.dialect.name])))
    rule = sa.table(
        *("rule", sa.column("id"), sa.column("code"), sa.column("period")),
        *(sa.column("valid_from", sa.Date()), sa.column("valid_to", sa.Date())),
    )
    running = sa.select(rule.c.id, rule.c.period).where(
        rule.c.code.in_(SHIPPED), rule.c.valid_from <= today, rule.c.valid_to.is_(None)
    )
    for row in bind.execute(running).all():
        first = next_first(row.period, today)
        last = sa.update(rule).where(rule.c.id == row.id)
        bind.execute(last.values(valid_to=first - timedelta(days=1)))
        copy = sa.text(COPY).bindparams(sa.bindparam("first", type_=sa.Date()))
        bind.execute(copy, {"days": STAY_WITHIN_DAYS, "first": first, "id": row.id})


def next_first(period: str, today: date) -> date:
    """The first date of the period after the one that holds the date."""
    on = today + timedelta(days=1)
    while not BEGINS[period](on):
        on += timedelta(days=1)
    return on


def downgrade() -> None:
    """Take it back; the versions that were added stay, alike but for their dates."""
    for table, column, *_ in COLUMNS:
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
