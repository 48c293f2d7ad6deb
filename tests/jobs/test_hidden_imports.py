"""Nobody sees half an import: its visits are stored in parts, and seen all at once."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text

from crm.base.audit import coming_from
from crm.base.audit_chain import position
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.base.periods import Period
from crm.imports import service
from crm.imports.models import ImportLater, ImportMade, ImportRun
from crm.imports.rules import RunState
from crm.jobs.importing import Importer
from crm.jobs.write_yield import WriteYield
from crm.leads.models import Lead
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.people.rules import Duty, Role
from crm.personal_data.erasure import erase_contact
from crm.quotas.live_reads import read_live
from crm.quotas.models import Correction
from crm.quotas.queries import rules_for
from crm.quotas.service import freeze_period
from crm.transactions import transaction
from crm.visits.exports import visit_rows
from crm.visits.fields import VISIT_COLUMNS, CompanyMet, VisitData
from crm.visits.filters import VisitFilter
from crm.visits.imports import check_visits, keep_visits
from crm.visits.lists import visits_page
from crm.visits.models import Visit
from crm.visits.outdated import changes_that_matter
from crm.visits.rules import Channel, Kind, Status
from crm.visits.service import log_visit
from crm.visits.validation import check_new_visit
from tests.bureau_sheets import bureau_rows, bureau_sheet
from tests.factories import (
    make_company,
    make_contact,
    make_lead,
    make_person,
    make_rule,
    make_unit,
    make_visit,
)
from tests.jobs.victim import A_PART, kill_in

JULY = Period.parse("2026-07")
FROZEN_AT = at_civil(date(2026, 8, 6))
TODAY = date(2026, 8, 10)
LATER = at_civil(TODAY) + timedelta(hours=10)
ROWS = 30
CODES = [
    *("leads", "date", "leader", "participants", "companies"),
    *("met", "position", "phone", "city", "minutes", "verdict"),
]
NO_ROWS = ",".join(column.code for column in VISIT_COLUMNS).encode()
IN_FIRST_PARTS = date(2026, 7, 5)  # and in no other
OF_LEAD = 12  # the row that names the lead, in the second part


@pytest.fixture
def run_id(sessions, monkeypatch):
    """A table of three parts that is to be imported into a zone whose July is frozen."""
    monkeypatch.setattr("crm.imports.service.MOST_AT_ONCE", ROWS - 1)
    for name in ("crm.jobs.importing.BATCH", "crm.jobs.importing.UNDO_BATCH"):
        monkeypatch.setattr(name, A_PART)
    monkeypatch.setattr("crm.jobs.part_size.MOST", A_PART)
    with transaction(sessions) as db:
        make_rule(db)
        unit = make_unit(db, "招商局")
        by = make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=unit, name="单行舟")
        shen = make_person(db, "shen", duty=Duty.DEPUTY, unit=unit, name="沈若川")
        make_lead(db, ref=str(OF_LEAD), unit=unit, tracker=shen)
    with transaction(sessions) as db:
        freeze_period(db, period=JULY, at=FROZEN_AT, now=FROZEN_AT)
    return waiting_table(sessions, by.id)


def waiting_table(sessions, by_id, rows=ROWS):
    """The id of an import of so many rows that is confirmed."""
    table = [(*row[:-1], "confirmed") for row in bureau_rows(rows, ["沈若川", "单行舟"])]
    with transaction(sessions) as db:
        by = db.get_one(Person, by_id)
        file = {"content": bureau_sheet(table), "file_name": "台账.xlsx"}
        run = service.begin(db, **file, by=by, now=LATER)
        usual = {"kind": "outreach", "city": ""}
        service.choose_columns(db, run=run, codes=CODES, usual=usual, by=by, now=LATER)
    if run.state is RunState.CHECKING:
        work(sessions)
    with transaction(sessions) as db:
        run = db.get_one(ImportRun, run.id)
        service.apply(db, run=run, only_usable=True, by=db.get_one(Person, by_id), now=LATER)
    return run.id


def work(sessions, steps=1_000, at=LATER):
    """Let the clock work for so many steps; the first takes an import."""
    left = iter(range(steps))
    with coming_from("clock"):
        Importer(sessions, lambda: at).work(lambda: next(left, None) is not None)


def goes_on(sessions, run_id):
    """End the lease of the node that broke off, and work on."""
    with transaction(sessions) as db:
        db.get_one(ImportRun, run_id).leased_until = None
    work(sessions)


def found(sessions):
    """What others find of the table, in many ways."""
    with coming_from("test"), sessions() as db:
        me = viewer(db, db.scalars(select(Person).filter_by(username="root")).one(), TODAY)
        rules = rules_for(db, JULY)
        live = read_live(db, period=JULY, as_of=LATER, rules=rules, person_ids=None)
        return {
            "rows": db.scalar(select(func.count()).select_from(Visit)),
            "list": len(visits_page(db, me, TODAY, by=VisitFilter()).items),
            "search": len(visits_page(db, me, TODAY, by=VisitFilter(text="样例11")).items),
            "export": len(visit_rows(db, me, TODAY)),
            "contact": db.scalar(select(Lead.last_contact_on)),
            "figures": {figure.person_id: figure.figure.achieved for figure in live.figures},
            "corrections": db.scalar(select(func.count()).select_from(Correction)),
        }


def read(sessions, run_id):
    with sessions() as db:
        return db.get_one(ImportRun, run_id)


def test_nobody_sees_a_table_before_all_of_it_is_there(sessions, run_id):
    before = found(sessions)
    work(sessions, steps=3)  # two of three parts
    half, seen = read(sessions, run_id), found(sessions)

    goes_on(sessions, run_id)

    assert (half.position, half.added, half.state) == (20, 20, RunState.IMPORTING)
    assert seen == before
    after = found(sessions)
    assert (after["rows"], after["export"], after["search"]) == (ROWS, ROWS, 1)
    assert after["contact"] == date(2026, 7, OF_LEAD)
    assert before["figures"] != after["figures"]
    assert after["corrections"] == 1
    assert read(sessions, run_id).state is RunState.DONE


def test_all_of_it_is_seen_before_what_follows_from_it(sessions, run_id):
    work(sessions, steps=4)  # all parts, the last of which publishes

    published, seen = read(sessions, run_id), found(sessions)
    goes_on(sessions, run_id)

    assert (published.published_at, published.settled) == (LATER, 0)
    assert (seen["rows"], seen["corrections"], seen["contact"]) == (ROWS, 0, None)
    after = found(sessions)
    assert after | {"corrections": 0, "contact": None} == seen
    assert after["corrections"] == 1


@pytest.mark.slow_on_postgresql
@pytest.mark.parametrize("commit", range(2, 9))
def test_an_import_killed_before_any_commit_ends_as_one_undisturbed(
    sessions, database_url, run_id, commit
):
    """Three parts, three of what follows from them, and the end, after the one that takes it."""
    kill_in(database_url, "import", commit, LATER)
    broken = read(sessions, run_id)
    goes_on(sessions, run_id)

    assert broken.state is RunState.IMPORTING
    done, seen = read(sessions, run_id), found(sessions)
    assert (done.state, done.added, seen["rows"]) == (RunState.DONE, ROWS, ROWS)
    assert (seen["corrections"], seen["contact"]) == (1, date(2026, 7, OF_LEAD))
    with sessions() as db:
        assert db.scalar(select(func.count()).select_from(ImportMade)) == ROWS


def test_a_known_visit_changes_after_the_publication(sessions, run_id):
    known = {"companies": [CompanyMet(name="样例0科技有限公司")], "city": "上海"}
    with transaction(sessions) as db:
        shen = db.scalars(select(Person).filter_by(username="shen")).one()
        visit = make_visit(db, shen, date(2026, 7, 1), **known, minutes="旧纪要", ref="V-known")

    work(sessions, steps=4)
    with sessions() as db:
        words, waiting = db.get_one(Visit, visit.id).minutes, db.scalars(select(ImportLater)).all()
    goes_on(sessions, run_id)

    assert (words, len(waiting)) == ("旧纪要", 1)
    done = read(sessions, run_id)
    assert (done.added, done.changed, done.state) == (ROWS - 1, 1, RunState.DONE)
    with sessions() as db:
        assert db.get_one(Visit, visit.id).minutes == "第0次洽谈"
        assert db.scalars(select(ImportLater)).all() == []


def test_a_table_of_one_part_is_stored_and_seen_at_once(sessions, run_id, monkeypatch):
    monkeypatch.setattr("crm.jobs.importing.BATCH", ROWS)
    monkeypatch.setattr("crm.jobs.part_size.MOST", ROWS)

    work(sessions, steps=2)

    done, seen = read(sessions, run_id), found(sessions)
    assert (done.state, done.published_at, done.batch_id) == (RunState.DONE, None, None)
    assert (seen["rows"], seen["corrections"]) == (ROWS, 1)


def test_another_table_waits_until_the_first_is_published(sessions, run_id):
    by_id = read(sessions, run_id).made_by_id
    work(sessions, steps=2)
    short = waiting_table(sessions, by_id, ROWS - 1)  # which a request would keep itself
    work(sessions)
    waiting = read(sessions, short)
    goes_on(sessions, run_id)
    work(sessions)

    assert (waiting.state, waiting.position) == (RunState.IMPORTING, 0)
    done = read(sessions, short)
    assert (done.state, done.added, done.unchanged) == (RunState.DONE, 0, ROWS - 1)
    assert found(sessions)["rows"] == ROWS


@pytest.mark.parametrize("steps", [2, 4], ids=["staged", "published"])
def test_what_is_stored_is_published_where_its_writer_may_go_no_further(sessions, run_id, steps):
    work(sessions, steps=steps)
    with transaction(sessions) as db:
        db.get_one(Person, read(sessions, run_id).made_by_id).role = Role.READER

    goes_on(sessions, run_id)

    done, stored = read(sessions, run_id), (steps - 1) * A_PART
    assert (done.state, done.added, done.refused) == (RunState.DONE, stored, ROWS - stored)
    seen = found(sessions)
    assert (seen["rows"], seen["corrections"]) == (stored, 1)


def test_what_is_stored_is_published_where_the_table_was_erased(sessions, run_id):
    work(sessions, steps=2)
    with transaction(sessions) as db:
        db.get_one(ImportRun, run_id).content = None

    goes_on(sessions, run_id)

    done = read(sessions, run_id)
    assert (done.state, done.added, found(sessions)["rows"]) == (RunState.DONE, A_PART, A_PART)


def test_an_import_with_hidden_visits_is_not_discarded(sessions, run_id):
    work(sessions, steps=2)

    with transaction(sessions) as db:
        service.discard(db, run=db.get_one(ImportRun, run_id))

    assert read(sessions, run_id).position == A_PART


def erase(db, contact):
    by = db.scalars(select(Person).filter_by(username="root")).one()
    contact = db.merge(contact, load=False)
    return erase_contact(db, contact=contact, basis="本人来函", by=by, now=LATER)


def visit_of(leader, **values):
    usual = {
        "ref": "",
        "kind": Kind.OUTREACH,
        "channel": Channel.IN_PERSON,
        "status": Status.DONE,
        "starts_at": LATER - timedelta(hours=8),
        "ends_at": LATER - timedelta(hours=7),
        "city": "上海",
        "leader_id": leader.id,
        "companies": [CompanyMet(name="样例科技")],
    }
    return VisitData(**usual | values)


def texts(sessions, query):
    with sessions() as db:
        return db.execute(text(query)).scalars().all()


def test_a_contact_of_hidden_visits_is_erased_once_they_are_seen(sessions, run_id):
    with transaction(sessions) as db:
        contact = make_contact(db, make_company(db, "样例0科技有限公司"), "王")
    work(sessions, steps=2)
    with pytest.raises(Refused) as caught, coming_from("test"), transaction(sessions) as db:
        erase(db, contact)
    goes_on(sessions, run_id)
    with coming_from("test"), transaction(sessions) as db:
        places = erase(db, contact)

    met = f"SELECT met FROM visit_company WHERE company_id = {contact.company_id}"
    assert caught.value.code == "visits_unpublished"
    assert texts(sessions, met) == [f"{places.data.pseudonym} 总"]


class Before(WriteYield):
    """Does something between the check of a part and the transaction that keeps it."""

    def __init__(self, sessions, part, step):
        super().__init__(sessions)
        self._left, self._step = part, step

    def note_gap(self, ended):
        super().note_gap(ended)
        self._left -= 1
        if self._left == 0:
            self._step()


@pytest.mark.parametrize("part", [1, 2, 3])
def test_a_table_that_is_erased_in_the_middle_is_kept_no_further(sessions, run_id, part):
    """Also by whoever has read it before, and has checked its rows."""

    def erase_table():
        with transaction(sessions) as db:
            db.get_one(ImportRun, run_id).content = None

    with coming_from("clock"):
        Importer(sessions, lambda: LATER, Before(sessions, part, erase_table)).work()

    done, stored = read(sessions, run_id), (part - 1) * A_PART
    assert (done.state, done.added, done.refused) == (RunState.DONE, stored, ROWS - stored)
    assert found(sessions)["rows"] == stored


def test_a_form_with_the_reference_of_a_hidden_visit_is_refused(sessions, run_id):
    work(sessions, steps=2)
    with sessions() as db:
        shen = db.scalars(select(Person).filter_by(username="shen")).one()
    data = visit_of(shen, ref=texts(sessions, "SELECT ref FROM visit")[0])

    with pytest.raises(Refused) as caught, coming_from("test"), transaction(sessions) as db:
        log_visit(db, data=data, by=shen, now=LATER)

    assert caught.value.code == "duplicate_ref"


def test_a_file_of_a_command_waits_for_hidden_visits(sessions, run_id):
    work(sessions, steps=2)

    with pytest.raises(Refused) as caught, coming_from("test"), transaction(sessions) as db:
        keep_visits(db, file=check_visits(db, content=NO_ROWS, now=LATER), now=LATER)

    assert caught.value.code == "visits_unpublished"


def test_visits_that_are_published_matter_to_a_form_that_was_checked_before(sessions, run_id):
    work(sessions, steps=3)
    with sessions() as db:
        shen = db.scalars(select(Person).filter_by(username="shen")).one()
        starts_at = at_civil(IN_FIRST_PARTS) + timedelta(hours=9)
        data = visit_of(shen, starts_at=starts_at, ends_at=starts_at + timedelta(hours=1))
        new = check_new_visit(db, data, viewer(db, shen, TODAY), LATER)
        changes, before = changes_that_matter(new, shen.id), position(db)
    goes_on(sessions, run_id)

    with sessions() as db:
        assert changes.are_after(db, before, position(db))
