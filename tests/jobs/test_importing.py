"""Imports of many rows: checked and kept by the clock in short transactions."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from crm.imports import rules, service, undoing
from crm.imports.models import ImportMade, ImportRun
from crm.imports.rules import RowState, RunState
from crm.imports.settings import Report
from crm.jobs.importing import Importer
from crm.people.models import Person
from crm.people.rules import Duty, Role
from crm.transactions import transaction
from crm.visits.models import Visit
from crm.visits.rules import Status
from tests.bureau_sheets import bureau_rows, bureau_sheet
from tests.conftest import NOW
from tests.factories import make_person, make_unit, make_visit
from tests.jobs.victim import kill_in

ROWS, A_BATCH = 30, 10
CODES = [
    *("number", "hours", "leader", "participants", "companies"),
    *("met", "position", "phone", "city", "minutes", "note"),
]


@pytest.fixture
def run_id(sessions, monkeypatch):
    """A table of more rows than a request keeps, uploaded and matched."""
    monkeypatch.setattr("crm.imports.service.MOST_AT_ONCE", ROWS - 1)
    monkeypatch.setattr("crm.jobs.importing.BATCH", A_BATCH)
    monkeypatch.setattr("crm.jobs.importing.CHECKED_AT_ONCE", 2 * A_BATCH)
    monkeypatch.setattr("crm.jobs.part_size.MOST", A_BATCH)  # quick ones grow
    monkeypatch.setattr("crm.jobs.importing.UNDO_BATCH", A_BATCH)
    monkeypatch.setattr("crm.imports.undoing.MOST_UNDONE_AT_ONCE", A_BATCH)
    with transaction(sessions) as db:
        unit = make_unit(db, "招商局")
        by = make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=unit, name="单行舟")
        make_person(db, "shen", unit=unit, name="沈若川")
        run = service.begin(
            db,
            content=bureau_sheet(bureau_rows(ROWS, ["沈若川", "单行舟"])),
            file_name="台账.xlsx",
            by=by,
            now=NOW,
        )
        choices = {"codes": CODES, "usual": {"kind": "outreach", "city": ""}}
        service.choose_columns(db, run=run, **choices, by=by, now=NOW)
        return run.id


def work(sessions, batches=None):
    """Let the clock work for so many batches, else until nothing waits."""
    left = iter(range(batches if batches is not None else 1_000))
    Importer(sessions, lambda: NOW).work(lambda: next(left, None) is not None)


def read(sessions, run_id):
    with sessions() as db:
        return db.get_one(ImportRun, run_id)


def counted(sessions, **by):
    with sessions() as db:
        return db.scalar(select(func.count()).select_from(Visit).filter_by(**by))


def step(sessions, run_id, what, **more):
    with transaction(sessions) as db:
        run = db.get_one(ImportRun, run_id)
        what(db, run=run, by=db.get_one(Person, run.made_by_id), now=NOW, **more)


def discard(sessions, run_id):
    with transaction(sessions) as db:
        service.discard(db, run=db.get_one(ImportRun, run_id))


def test_the_clock_checks_keeps_and_takes_back_what_a_request_would_not(sessions, run_id):
    states = [read(sessions, run_id).state]
    work(sessions)
    with sessions() as db:
        report = Report.unpacked(db.get_one(ImportRun, run_id).report)
    for what, more in ((service.apply, {"only_usable": False}), (undoing.undo, {})):
        step(sessions, run_id, what, **more)
        states.append(read(sessions, run_id).state)
        work(sessions)
        states.append(read(sessions, run_id).state)

    assert report.count(RowState.NEW) == ROWS
    assert states == [
        *(RunState.CHECKING, RunState.IMPORTING, RunState.DONE),
        *(RunState.UNDOING, RunState.UNDONE),
    ]
    assert counted(sessions, status=Status.CANCELLED) == ROWS
    assert read(sessions, run_id).undone == ROWS


@pytest.mark.parametrize("moment", range(1, 6))
def test_a_table_may_be_discarded_at_any_moment_of_its_check(sessions, run_id, moment):
    moments = iter(range(moment))

    def discard_at_the_moment():
        if next(moments, None) == moment - 1:
            discard(sessions, run_id)

    def now():
        discard_at_the_moment()
        return NOW

    def goes_on():
        discard_at_the_moment()
        return True

    Importer(sessions, now).work(goes_on)

    with sessions() as db:
        assert db.get(ImportRun, run_id) is None


def test_an_import_that_breaks_off_goes_on_where_it_was(sessions, run_id):
    work(sessions)
    step(sessions, run_id, service.apply, only_usable=False)
    work(sessions, batches=3)  # one to take it, two batches
    half = read(sessions, run_id)
    kept = counted(sessions)

    with transaction(sessions) as db:  # the lease of the node that broke off has ended
        db.get_one(ImportRun, run_id).leased_until = NOW - timedelta(seconds=1)
    work(sessions)

    assert (half.position, kept, half.state) == (2 * A_BATCH, 0, RunState.IMPORTING)
    done = read(sessions, run_id)
    assert (done.state, done.added, counted(sessions)) == (RunState.DONE, ROWS, ROWS)
    with sessions() as db:
        assert db.scalar(select(func.count()).select_from(ImportMade)) == ROWS


def test_rows_are_checked_anew_where_somebody_enters_one_of_them_meanwhile(sessions, run_id):
    with_refs = {"codes": ["ref", *CODES[1:]], "usual": {"kind": "outreach", "city": ""}}
    step(sessions, run_id, service.choose_columns, **with_refs)
    work(sessions)
    step(sessions, run_id, service.apply, only_usable=False)
    batches = iter(range(1_000))

    def enter_one_after_the_first_batch():
        if next(batches) == 2:
            with transaction(sessions) as db:
                make_visit(db, db.scalars(select(Person)).first(), NOW.date(), ref="15")
        return True

    Importer(sessions, lambda: NOW).work(enter_one_after_the_first_batch)

    done = read(sessions, run_id)
    assert (done.state, done.added, done.added + done.changed) == (RunState.DONE, ROWS - 1, ROWS)


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("what", [service.apply, undoing.undo], ids=["keep", "undo"])
def test_a_long_import_killed_before_a_commit_ends_as_one_undisturbed(
    sessions, database_url, run_id, what
):
    work(sessions)
    step(sessions, run_id, service.apply, only_usable=False)
    if what is undoing.undo:
        work(sessions)
        step(sessions, run_id, undoing.undo)
    after_the_lease = Importer(sessions, lambda: NOW + 2 * rules.LEASE)

    kill_in(database_url, "import", 3)  # the first takes it, the second keeps or takes back a part
    half = read(sessions, run_id)
    work(sessions)  # leased to whoever was killed
    held = read(sessions, run_id).state
    after_the_lease.work()

    done, status = read(sessions, run_id), Status.CANCELLED if half.undone else Status.DONE
    assert (half.undone or half.position, held) == (A_BATCH, half.state)
    assert (done.added, done.undone) == (ROWS, ROWS if half.undone else 0)
    assert (counted(sessions), counted(sessions, status=status)) == (ROWS, ROWS)
    with sessions() as db:
        assert db.scalar(select(func.count()).select_from(ImportMade)) == ROWS


def test_a_table_is_not_checked_for_who_may_keep_no_records_any_more(sessions, run_id):
    with transaction(sessions) as db:
        by = db.get_one(Person, db.get_one(ImportRun, run_id).made_by_id)
        by.role = Role.READER

    work(sessions)

    assert read(sessions, run_id).state is RunState.COLUMNS


@pytest.mark.parametrize(
    "change", [{"role": Role.READER}, {"disabled_at": NOW}], ids=["reader", "closed"]
)
def test_an_import_stops_where_its_writer_may_keep_no_records_any_more(sessions, run_id, change):
    work(sessions)
    step(sessions, run_id, service.apply, only_usable=False)
    work(sessions, batches=2)  # one to take it, one batch
    with transaction(sessions) as db:
        run = db.get_one(ImportRun, run_id)
        run.leased_until = None
        by = db.get_one(Person, run.made_by_id)
        for name, value in change.items():
            setattr(by, name, value)

    work(sessions)

    done = read(sessions, run_id)
    assert (done.state, done.added, counted(sessions)) == (RunState.DONE, A_BATCH, A_BATCH)
    assert done.refused == ROWS - A_BATCH


def test_what_only_admins_import_is_not_taken_back_for_a_former_one(sessions, run_id):
    work(sessions)
    step(sessions, run_id, service.apply, only_usable=False)
    work(sessions)
    step(sessions, run_id, undoing.undo)
    with transaction(sessions) as db:
        run = db.get_one(ImportRun, run_id)
        run.kind = rules.PEOPLE  # as if the rows were those of a roster
        db.get_one(Person, run.made_by_id).role = Role.SUPERVISOR

    work(sessions)

    done = read(sessions, run_id)
    assert (done.state, done.undone) == (RunState.UNDONE, 0)


def test_a_leased_import_is_left_to_its_node(sessions, run_id):
    with transaction(sessions) as db:
        db.get_one(ImportRun, run_id).leased_until = NOW + rules.LEASE

    work(sessions)

    assert read(sessions, run_id).state is RunState.CHECKING
