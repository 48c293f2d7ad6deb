"""Assessing and freezing by the clock: every period once, whatever the downtime."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.base.outbox import Message, MessageKind
from crm.jobs import ledger
from crm.jobs.models import JobRun
from crm.jobs.runner import Runner
from crm.jobs.timetable import JOBS, JobName
from crm.people.models import Person
from crm.people.quota_inputs import Edit
from crm.people.rules import Duty, Role
from crm.quotas.models import Correction, FigureRecord
from crm.transactions import transaction
from crm.visits.models import Visit
from crm.visits.verdicts import reject_visit
from tests.factories import make_person, make_regime, make_unit, make_visit
from tests.jobs.work import SITE, at

CLOSING = [job for job in JOBS if job.name in (JobName.ASSESS, JobName.FREEZE)]


def zone(sessions, since: str = "2026-07-01T00:00") -> Runner:
    with transaction(sessions) as db:
        ledger.install(db, clock_from=at(since), now=at(since))
        make_regime(db)
        deputy = make_person(db, "deputy", duty=Duty.DEPUTY)
        make_person(db, "principal", duty=Duty.PRINCIPAL)
        make_visit(db, deputy, date(2026, 7, 1))
    return Runner(sessions, SITE, jobs=CLOSING)


def slots_of(sessions, job: JobName) -> list[str]:
    with sessions() as db:
        return list(db.scalars(select(JobRun.slot).where(JobRun.job == job).order_by(JobRun.id)))


def kept(sessions) -> list[tuple]:
    with sessions() as db:
        rows = db.scalars(select(FigureRecord).order_by(FigureRecord.period)).all()
        return [(row.period, row.assessed_at, row.frozen_at) for row in rows]


def test_each_period_of_each_kind_is_assessed_and_frozen_once(sessions):
    runner = zone(sessions)

    runner.run_until(at("2026-08-06T00:00"), to_mailbox=True)
    runner.run_until(at("2026-08-06T00:00"), to_mailbox=True)

    assert sorted(slots_of(sessions, JobName.FREEZE)) == [
        *("2026-07", "2026-07-X1", "2026-07-X2", "2026-07-X3"),
        *("2026-W27", "2026-W28", "2026-W29", "2026-W30", "2026-W31"),
    ]
    july = [row for row in kept(sessions) if row[0] == "2026-07"]
    assert july == [("2026-07", at("2026-08-01T00:00"), at("2026-08-06T00:00"))]


def test_one_kind_does_not_stand_in_anothers_way(sessions):
    runner = zone(sessions)
    runner.run_until(at("2026-07-31T00:00"), to_mailbox=True)

    summaries = runner.run_until(at("2026-08-03T00:00"), to_mailbox=True)

    assert summaries[JobName.ASSESS].as_dict() == {
        "done": 3,  # July, its last xun, and week 31
        "skipped": 0,
        "made": {"assessed": 2},
    }


def test_after_a_downtime_figures_are_frozen_as_of_their_own_moments(sessions):
    runner = zone(sessions, since="2026-07-31T00:00")
    with transaction(sessions) as db:
        deputy = make_person(db, "late", duty=Duty.DEPUTY)
        make_visit(db, deputy, date(2026, 7, 31), logged_at=at("2026-08-03T09:00"))
        make_visit(db, deputy, date(2026, 8, 4), days=1)

    runner.run_due(lambda: at("2026-08-20T10:00"))

    with sessions() as db:
        query = select(FigureRecord).where(
            FigureRecord.period == "2026-07", FigureRecord.person_id == deputy.id
        )
        row = db.scalars(query).one()
    assert (row.assessed_achieved, row.frozen_achieved) == (0, 1)
    assert (row.assessed_at, row.frozen_at) == (at("2026-08-01T00:00"), at("2026-08-06T00:00"))


def test_what_was_edited_while_the_clock_was_down_is_corrected_when_it_freezes(sessions):
    runner = zone(sessions, since="2026-07-31T00:00")
    with transaction(sessions) as db:
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

    runner.run_due(lambda: at("2026-08-20T10:00"))

    with sessions() as db:
        (made,) = db.scalars(select(Correction)).all()
    assert (made.from_achieved, made.to_achieved) == (0, 1)
    assert made.made_at == at("2026-08-20T10:00")


def by_the_clock(runner: Runner, now):
    runner.run_due(lambda: now)


def by_a_run(runner: Runner, now):
    runner.run_until(now, to_mailbox=True)


@pytest.mark.parametrize("catch_up", [by_the_clock, by_a_run])
def test_after_a_stop_the_clock_and_a_run_freeze_and_correct_alike(sessions, catch_up):
    runner = zone(sessions, since="2026-07-31T00:00")
    edited_at = at("2026-08-07T12:00")
    with transaction(sessions) as db:
        unit = make_unit(db)
        deputy = make_person(db, "late", duty=Duty.DEPUTY, unit=unit)
        chief = make_person(db, "chief", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
        visit = make_visit(db, deputy, date(2026, 7, 30))
        make_visit(db, deputy, date(2026, 7, 31))
    with transaction(sessions) as db:
        reject_visit(
            db,
            visit=db.get(Visit, visit.id),
            reason="重复",
            by=db.get(Person, chief.id),
            now=edited_at,
        )

    catch_up(runner, at("2026-08-20T10:00"))

    with sessions() as db:
        figure = db.scalars(
            select(FigureRecord).where(
                FigureRecord.period == "2026-07", FigureRecord.person_id == deputy.id
            )
        ).one()
        made = db.scalars(select(Correction).where(Correction.figure_id == figure.id)).one()
    assert (figure.frozen_at, figure.frozen_achieved) == (at("2026-08-06T00:00"), 2)
    why = Edit.EDITED_BEFORE_FREEZE_RAN.label
    assert (made.from_achieved, made.to_achieved, made.why) == (2, 1, why)
    assert made.made_at >= edited_at


def test_an_edit_after_the_moment_of_a_run_is_corrected_by_it_too(sessions):
    runner = zone(sessions, since="2026-07-31T00:00")
    with transaction(sessions) as db:
        chief = make_person(db, "chief", role=Role.ADMIN, duty=Duty.STAFF)
        visit = db.scalars(select(Visit)).one()
        reject_visit(db, visit=visit, reason="重复", by=chief, now=at("2026-08-19T12:00"))

    runner.run_until(at("2026-08-10T00:00"), to_mailbox=True)

    with sessions() as db:
        made = db.scalars(select(Correction)).one()
    assert (made.from_achieved, made.to_achieved) == (1, 0)
    assert made.made_at == at("2026-08-19T12:00")


def test_what_ended_before_the_installation_makes_no_mail_figure_or_order(sessions):
    with transaction(sessions) as db:
        ledger.install(db, clock_from=at("2026-08-01T09:00"), now=at("2026-08-01T09:00"))
        make_regime(db)
        unit = make_unit(db)
        make_person(db, "chief", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
        make_person(db, "deputy", duty=Duty.DEPUTY, unit=unit)
    runner = Runner(sessions, SITE)

    runner.run_until(at("2026-08-31T00:00"), to_mailbox=True)

    with sessions() as db:
        assert db.scalars(select(JobRun.slot).where(JobRun.slot == "2026-07")).all() == []
        assert db.scalars(select(FigureRecord.period).distinct()).all() == []
        kinds = set(db.scalars(select(Message.kind)))
    assert not kinds & {MessageKind.MONTHLY, MessageKind.REMINDER, MessageKind.SETTLED}


def test_a_period_that_began_before_the_installation_is_judged_as_usual(sessions):
    runner = zone(sessions, since="2026-07-31T09:00")

    runner.run_until(at("2026-08-06T00:00"), to_mailbox=True)

    assert slots_of(sessions, JobName.FREEZE) == ["2026-W31", "2026-07-X3", "2026-07"]


def test_each_job_shows_its_own_kinds_last_and_next_slot(sessions):
    runner = zone(sessions, since="2026-06-30T13:00")
    runner.run_until(at("2026-07-31T00:00"), to_mailbox=True)

    with sessions() as db:
        last = {job.cycle.value: ledger.last_run(db, job).slot for job in CLOSING[:3]}

    assert last == {"week": "2026-W30", "xun": "2026-07-X2", "month": "2026-06"}
