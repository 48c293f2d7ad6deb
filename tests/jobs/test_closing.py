"""Closing by the clock: every period once, each kind for itself, however long it was down."""

from datetime import date

from sqlalchemy import select

from crm.base.db import writing
from crm.jobs import ledger
from crm.jobs.clockwork import Clockwork
from crm.jobs.models import JobRun
from crm.jobs.timetable import JOBS, JobName
from crm.people.rules import Duty
from crm.quotas.models import Correction, FigureRecord
from tests.factories import make_person, make_regime, make_visit
from tests.jobs.work import SITE, at

CLOSING = [job for job in JOBS if job.name in (JobName.ASSESS, JobName.FREEZE)]


def zone(sessions, since: str = "2026-07-01T00:00") -> Clockwork:
    with writing(sessions) as db:
        ledger.install(db, clock_from=at(since), now=at(since))
        make_regime(db)
        deputy = make_person(db, "deputy", duty=Duty.DEPUTY)
        make_person(db, "principal", duty=Duty.PRINCIPAL)
        make_visit(db, deputy, date(2026, 7, 1))
    return Clockwork(sessions, SITE, jobs=CLOSING)


def slots_of(sessions, job: JobName) -> list[str]:
    with sessions() as db:
        return list(db.scalars(select(JobRun.slot).where(JobRun.job == job).order_by(JobRun.id)))


def kept(sessions) -> list[tuple]:
    with sessions() as db:
        rows = db.scalars(select(FigureRecord).order_by(FigureRecord.period)).all()
        return [(row.period, row.assessed_at, row.frozen_at) for row in rows]


def test_each_period_of_each_kind_is_assessed_and_frozen_once(sessions):
    clockwork = zone(sessions)

    clockwork.run_until(at("2026-08-06T00:00"), to_mailbox=True)
    clockwork.run_until(at("2026-08-06T00:00"), to_mailbox=True)

    assert sorted(slots_of(sessions, JobName.FREEZE)) == [
        *("2026-06", "2026-06-X3", "2026-07", "2026-07-X1", "2026-07-X2", "2026-07-X3"),
        *("2026-Q2", "2026-W26", "2026-W27", "2026-W28", "2026-W29", "2026-W30", "2026-W31"),
    ]
    july = [row for row in kept(sessions) if row[0] == "2026-07"]
    assert july == [("2026-07", at("2026-08-01T00:00"), at("2026-08-06T00:00"))]


def test_one_kind_does_not_stand_in_anothers_way(sessions):
    clockwork = zone(sessions)
    clockwork.run_until(at("2026-07-31T00:00"), to_mailbox=True)

    tallies = clockwork.run_until(at("2026-08-03T00:00"), to_mailbox=True)

    assert tallies[JobName.ASSESS].as_dict() == {
        "done": 3,  # July, its last xun, and week 31
        "skipped": 0,
        "made": {"assessed": 2},
    }


def test_after_a_downtime_figures_are_frozen_as_of_their_own_moments(sessions):
    clockwork = zone(sessions, since="2026-07-31T00:00")
    with writing(sessions) as db:
        deputy = make_person(db, "late", duty=Duty.DEPUTY)
        make_visit(db, deputy, date(2026, 7, 31), logged_at=at("2026-08-03T09:00"))
        make_visit(db, deputy, date(2026, 8, 4), days=1)

    clockwork.run_due(lambda: at("2026-08-20T10:00"))

    with sessions() as db:
        query = select(FigureRecord).where(
            FigureRecord.period == "2026-07", FigureRecord.person_id == deputy.id
        )
        row = db.scalars(query).one()
    assert (row.assessed_achieved, row.frozen_achieved) == (0, 1)
    assert (row.assessed_at, row.frozen_at) == (at("2026-08-01T00:00"), at("2026-08-06T00:00"))


def test_what_was_edited_while_the_clock_was_down_is_corrected_when_it_freezes(sessions):
    clockwork = zone(sessions, since="2026-07-31T00:00")
    with writing(sessions) as db:
        deputy = make_person(db, "late", duty=Duty.DEPUTY)
        noon = at("2026-08-07T12:00")
        make_visit(
            db,
            deputy,
            date(2026, 7, 30),
            entered_at=noon,
            verdict_at=noon,
            verdict="confirmed",
            logged_at=noon,
        )

    clockwork.run_due(lambda: at("2026-08-20T10:00"))

    with sessions() as db:
        (made,) = db.scalars(select(Correction)).all()
    assert (made.from_achieved, made.to_achieved) == (0, 1)
    assert made.made_at == at("2026-08-20T10:00")


def test_each_job_shows_its_own_kinds_last_and_next_slot(sessions):
    clockwork = zone(sessions)
    clockwork.run_until(at("2026-07-31T00:00"), to_mailbox=True)

    with sessions() as db:
        last = {job.cycle.value: ledger.last_run(db, job).slot for job in CLOSING[:3]}

    assert last == {"week": "2026-W30", "xun": "2026-07-X2", "month": "2026-06"}
