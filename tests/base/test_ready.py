"""Ready selects give what executing their statements gives."""

from datetime import UTC, date, datetime

from sqlalchemy import bindparam, select, union_all

from crm.base.ready import ReadySelect
from crm.visits.models import Visit
from crm.visits.rules import Kind, Status
from tests.factories import make_person, make_visit

VISIT = Visit.__table__.c
ON_DATES = (
    select(*VISIT)
    .where(
        VISIT.status != Status.CANCELLED,
        VISIT.kind.in_(bindparam("kinds", expanding=True)),
        VISIT.first_on <= bindparam("on"),
        VISIT.last_on >= bindparam("on"),  # a name in two places
        VISIT.starts_at < bindparam("before"),
        VISIT.verdict.is_not_distinct_from(bindparam("verdict")),
    )
    .order_by(VISIT.id)
)
VALUES = {
    "kinds": [Kind.OUTREACH, Kind.RESIDENCY],
    "on": date(2026, 7, 14),
    "before": datetime(2026, 7, 14, 4, tzinfo=UTC),
    "verdict": None,
}


def arrange(db):
    me = make_person(db)
    for kind in (Kind.OUTREACH, Kind.RESIDENCY, Kind.RECEPTION):
        for days in (1, 2):
            make_visit(db, me, days=days, kind=kind, minutes="  洽谈  ")


def test_rows_are_those_of_the_statement(db):
    arrange(db)

    rows = ReadySelect(ON_DATES).rows(db, VALUES)

    assert rows == [tuple(row) for row in db.execute(ON_DATES, VALUES)]
    assert len(rows) == 4


def test_lists_may_have_any_length(db):
    arrange(db)
    ready = ReadySelect(ON_DATES)

    counts = [
        len(ready.rows(db, VALUES | {"kinds": kinds}))
        for kinds in ([], [Kind.OUTREACH], {Kind.OUTREACH, Kind.RECEPTION}, [Kind.OUTREACH])
    ]

    assert counts == [0, 2, 4, 2]


def test_parts_of_a_union_share_values(db):
    arrange(db)
    statement = union_all(
        select(VISIT.id, VISIT.starts_at).where(VISIT.id == bindparam("id")),
        select(VISIT.id, VISIT.ends_at).where(VISIT.id == bindparam("id")),
    )
    last_id = max(db.scalars(select(VISIT.id)))

    rows = ReadySelect(statement).rows(db, {"id": last_id})

    assert rows == [tuple(row) for row in db.execute(statement, {"id": last_id})]
