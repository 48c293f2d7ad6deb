"""A long file of a command is stored in parts, and seen all at once or not at all."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from crm.base.audit import coming_from
from crm.base.audit_entries import AuditEntry
from crm.base.audit_trail import first_break
from crm.base.errors import Refused
from crm.imports.models import ImportRun
from crm.imports.rules import LEASE, RunState
from crm.jobs.file_import import FileImport
from crm.jobs.importing import Importer
from crm.leads.models import Lead
from crm.people.models import Person
from crm.people.rules import Duty
from crm.quotas.models import Correction
from crm.quotas.service import freeze_period
from crm.transactions import transaction
from crm.visits.imports import check_visits
from crm.visits.models import Visit, VisitCompany, VisitLead, VisitParticipant
from tests.factories import make_lead, make_person, make_rule, make_visit
from tests.jobs.test_hidden_imports import FROZEN_AT, JULY, LATER
from tests.jobs.victim import A_PART, FILE_ROWS, file_of, kill_in

ROWS = FILE_ROWS  # two parts and a half
TABLES = (Visit, VisitParticipant, VisitLead, VisitCompany)


@pytest.fixture(autouse=True)
def _zone(sessions, monkeypatch):
    """A zone whose July is frozen, and parts of a few rows."""
    monkeypatch.setattr("crm.jobs.file_import.BATCH", A_PART)
    monkeypatch.setattr("crm.jobs.part_size.MOST", A_PART)
    with transaction(sessions) as db:
        make_rule(db)
        shen = make_person(db, "shen", duty=Duty.DEPUTY)
        make_person(db, "lin")
        make_lead(db, ref="L1", tracker=shen)
    with transaction(sessions) as db:
        freeze_period(db, period=JULY, at=FROZEN_AT, now=FROZEN_AT)


def importing(sessions, now=lambda: LATER, rows=ROWS):
    with sessions() as db:
        file = check_visits(db, content=file_of(rows), now=LATER)
    return FileImport(sessions, file, now)


def keep(sessions, **given):
    with coming_from("crm import visits"):
        importing(sessions, **given).keep("visits.csv")


def count(sessions, table):
    with sessions() as db:
        return db.scalar(select(func.count()).select_from(table))


def counts(sessions):
    return [count(sessions, table) for table in TABLES]


def last_run(sessions):
    with sessions() as db:
        return db.scalars(select(ImportRun).order_by(ImportRun.id.desc())).first()


def enter(sessions, ref):
    with transaction(sessions) as db:
        shen = db.scalars(select(Person).filter_by(username="shen")).one()
        make_visit(db, shen, date(2026, 8, 1), ref=ref)


def clock_works(sessions, at):
    with coming_from("clock"):
        Importer(sessions, lambda: at).work()


def test_nobody_sees_a_file_before_all_of_it_is_there(sessions):
    seen = []

    def now():
        seen.append(count(sessions, Visit))
        return LATER

    keep(sessions, now=now)

    assert set(seen) == {0, ROWS}
    assert counts(sessions) == [ROWS, ROWS, ROWS, ROWS]
    with sessions() as db:
        assert first_break(db) is None


def test_what_follows_from_a_file_is_there_when_the_command_ends(sessions):
    keep(sessions)

    done = last_run(sessions)
    assert (done.state, done.made_by_id, done.added) == (RunState.DONE, None, ROWS)
    assert count(sessions, Correction) == 1
    with sessions() as db:
        assert db.scalar(select(Lead.last_contact_on)) == date(2026, 7, ROWS)


def test_the_publication_has_an_entry_of_no_visit(sessions):
    """By which every process reads anew what it remembers of visits."""
    keep(sessions)

    with sessions() as db:
        published = select(AuditEntry).where(AuditEntry.subject == ImportRun.__tablename__)
        entry = db.scalars(published).one()
    assert (entry.action, entry.by_id) == ("import_run.published", None)
    assert str(ROWS) in entry.after


def test_a_later_contact_of_a_lead_stays(sessions):
    with transaction(sessions) as db:
        shen = db.scalars(select(Person).filter_by(username="shen")).one()
        lead = db.scalars(select(Lead)).one()
        make_visit(db, shen, date(2026, 8, 3), ref="other", leads=[lead])
        lead.last_contact_on = date(2026, 8, 3)

    keep(sessions)

    with sessions() as db:
        assert db.scalar(select(Lead.last_contact_on)) == date(2026, 8, 3)


def test_a_file_that_meets_a_reference_entered_meanwhile_leaves_nothing(sessions):
    file = importing(sessions)
    enter(sessions, f"V{ROWS - 1}")

    with pytest.raises(IntegrityError), coming_from("test"):
        file.keep("visits.csv")

    assert counts(sessions) == [1, 0, 0, 0]
    assert last_run(sessions).state is RunState.UNDONE
    with sessions() as db:
        assert first_break(db) is None


def test_a_rehearsal_keeps_nothing_and_meets_the_same(sessions):
    file = importing(sessions)
    with coming_from("test"):
        file.rehearse()
    stored = counts(sessions)
    enter(sessions, f"V{ROWS - 1}")

    with pytest.raises(IntegrityError), coming_from("test"):
        file.rehearse()

    assert stored == [0, 0, 0, 0]
    assert (count(sessions, Visit), last_run(sessions)) == (1, None)


def test_a_short_file_is_stored_and_seen_at_once(sessions):
    keep(sessions, rows=A_PART)

    assert (count(sessions, Visit), last_run(sessions)) == (A_PART, None)


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("commit", [2, 4])
def test_what_a_killed_command_stored_is_removed_by_the_clock(sessions, database_url, commit):
    kill_in(database_url, "file", commit, LATER)
    clock_works(sessions, LATER)
    leased = last_run(sessions)

    clock_works(sessions, LATER + 2 * LEASE)

    assert leased.state is RunState.IMPORTING
    assert last_run(sessions).state is RunState.UNDONE
    assert counts(sessions) == [0, 0, 0, 0]


def test_what_a_killed_command_published_is_finished_by_the_clock(sessions, database_url):
    kill_in(database_url, "file", 5, LATER)
    published = counts(sessions)

    clock_works(sessions, LATER + 2 * LEASE)

    assert published == counts(sessions) == [ROWS, ROWS, ROWS, ROWS]
    assert count(sessions, Correction) == 1
    assert last_run(sessions).state is RunState.DONE


def test_a_killed_command_runs_again_once_its_lease_is_over(sessions, database_url):
    kill_in(database_url, "file", 3, LATER)
    with pytest.raises(Refused) as caught:
        keep(sessions)

    keep(sessions, now=lambda: LATER + 2 * LEASE)

    assert caught.value.code == "visits_unpublished"
    assert counts(sessions) == [ROWS, ROWS, ROWS, ROWS]
    assert last_run(sessions).state is RunState.DONE


def test_a_command_that_stood_still_stores_no_more_once_it_was_removed(sessions):
    class Paused(FileImport):
        """Stands still for an hour between the first part and the second."""

        looks = 0

        def _goes_on(self):
            self.looks += 1
            if self.looks == 3:
                clock_works(sessions, LATER + timedelta(hours=1))
            return super()._goes_on()

    with sessions() as db:
        file = check_visits(db, content=file_of(ROWS), now=LATER)
    with pytest.raises(Refused) as caught, coming_from("test"):
        Paused(sessions, file, lambda: LATER).keep("visits.csv")

    assert caught.value.code == "import_moved_on"
    assert counts(sessions) == [0, 0, 0, 0]
