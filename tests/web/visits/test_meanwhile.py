"""What others change between the checks of a visit and its first write."""

from datetime import date

import pytest
from sqlalchemy import func, select, update

from crm.base.audit import coming_from, record
from crm.base.periods import Period
from crm.leads.models import Lead
from crm.leads.rules import Secrecy
from crm.people.entry_grants import end_grant
from crm.people.models import EntryGrant, Person
from crm.people.rules import Role
from crm.quotas.models import Correction
from crm.quotas.service import freeze_period
from crm.transactions import transaction
from crm.visits.models import Visit
from crm.visits.rules import Status
from tests.conflicts import before_first_write
from tests.conftest import NOW
from tests.counting import statements_of
from tests.factories import (
    arranged,
    make_absence,
    make_company,
    make_grant,
    make_lead,
    make_person,
    make_regime,
    make_visit,
    sign_in,
)

FORM = {
    "ref": "V-ONE",
    "kind": "outreach",
    "channel": "in_person",
    "status": "done",
    "first_on": "2026-07-14",
    "starts": "09:00",
    "ends": "10:00",
    "city": "上海",
}
YESTERDAY = date(2026, 7, 14)


@pytest.fixture
def people(app):
    """Two recruiters, one of whom may enter for the other, and an admin."""
    with arranged(app) as db:
        make_regime(db)
        people = {name: make_person(db, name) for name in ("owner", "agent", "other")}
        people["root"] = make_person(db, "root", role=Role.ADMIN)
        make_grant(db, people["owner"], people["agent"])
        return people


@pytest.fixture
def log(app, sessions, people):
    """Log a visit of the owner's while another transaction is committed between its steps."""

    def log(change, by="owner", *, is_followed=False, **values):
        def commit():
            with coming_from(None), transaction(sessions) as db:
                change(db)

        form = FORM | {"leader_id": people["owner"].id} | values
        client = sign_in(app, by)
        with before_first_write(app, commit):
            return client.post("/visits/new", data=form, follow_redirects=is_followed)

    return log


def count(app, table):
    with arranged(app) as db:
        return db.scalar(select(func.count()).select_from(table))


def test_a_lead_that_is_hidden_meanwhile_is_refused(app, people, log):
    with arranged(app) as db:
        lead = make_lead(db)

    def hide(db):
        db.execute(update(Lead).values(secrecy=Secrecy.RESTRICTED, code_name="代号"))
        record(db, "lead.changed", lead, by=people["root"], at=NOW)

    answer = log(hide, lead_ids=lead.id)

    assert answer.status_code == 422
    assert count(app, Visit) == 0


def test_an_account_that_is_closed_meanwhile_logs_nothing(app, people, log):
    def close(db):
        db.execute(update(Person).where(Person.username == "owner").values(disabled_at=NOW))
        record(db, "person.disabled", people["owner"], by=people["root"], at=NOW)

    answer = log(close)

    assert "/login" in answer.location
    assert count(app, Visit) == 0


def test_a_right_to_enter_for_another_that_ends_meanwhile_is_gone(app, people, log):
    def end(db):
        end_grant(db, grant=db.scalars(select(EntryGrant)).one(), by=people["owner"], now=NOW)

    answer = log(end, by="agent")

    assert answer.status_code == 422
    assert count(app, Visit) == 0


def test_the_same_visit_entered_by_another_meanwhile_is_asked_about(app, people, log):
    def enter(db):
        visit = make_visit(
            db, people["other"], YESTERDAY, participants=[people["owner"]], city="上海"
        )
        record(db, "visit.logged", visit, by=people["other"], at=NOW)

    answer = log(enter)

    assert answer.status_code == 422
    assert "可能是同一次拜访" in answer.text
    assert count(app, Visit) == 1


def test_the_same_form_sent_twice_is_one_visit(app, people, log):
    made = []

    def enter(db):
        visit = make_visit(
            db, people["owner"], YESTERDAY, ref="V-ONE", entered_by_id=people["owner"].id
        )
        record(db, "visit.logged", visit, by=people["owner"], at=NOW)
        made.append(visit.id)

    answer = log(enter)

    assert answer.location == f"/visits/{made[0]}"
    assert count(app, Visit) == 1


def test_a_figure_that_is_frozen_meanwhile_asks_for_a_reason(app, people, log):
    def freeze(db):
        freeze_period(db, period=Period.parse("2026-07"), at=NOW, now=NOW)

    answer = log(freeze)

    assert answer.status_code == 422
    assert 'name="reason"' in answer.text  # of the form itself, as where it was frozen before
    assert count(app, Visit) == count(app, Correction) == 0


def test_visits_of_others_elsewhere_change_nothing(app, people, log):
    def enter(db):
        visit = make_visit(db, people["other"], YESTERDAY, city="北京")
        record(db, "visit.logged", visit, by=people["other"], at=NOW)

    with statements_of(app) as statements:
        answer = log(enter)

    assert answer.status_code == 302
    assert len([sent for sent in statements if sent.startswith("INSERT INTO visit ")]) == 1


def test_a_visit_to_another_lead_of_the_company_runs_the_checks_again(app, people, log):
    with arranged(app) as db:
        company = make_company(db)
        lead, other_lead = make_lead(db, company=company), make_lead(db, company=company)

    def enter(db):
        visit = make_visit(db, people["other"], YESTERDAY, leads=[other_lead], city="北京")
        record(db, "visit.logged", visit, by=people["other"], at=NOW)

    with statements_of(app) as statements:
        log(enter, lead_ids=lead.id)

    assert len([sent for sent in statements if sent.startswith("INSERT INTO visit ")]) == 2


def test_a_visit_of_the_companion_on_another_date_changes_nothing(app, people, log):
    def enter(db):
        visit = make_visit(db, people["other"], date(2026, 7, 13), city="北京")
        record(db, "visit.logged", visit, by=people["other"], at=NOW)

    with statements_of(app) as statements:
        log(enter, participant_ids=people["other"].id)

    assert len([sent for sent in statements if sent.startswith("INSERT INTO visit ")]) == 1


def enter_own(people):
    def enter(db):
        visit = make_visit(
            db, people["other"], date(2026, 7, 10), participants=[people["owner"]], city="北京"
        )
        record(db, "visit.logged", visit, by=people["other"], at=NOW)

    return enter


def cancel_own(people):
    def cancel(db):
        visit = db.scalars(select(Visit)).one()
        visit.status = Status.CANCELLED
        record(db, "visit.cancelled", visit, by=people["owner"], at=NOW)

    return cancel


def be_absent(people):
    def leave(db):
        absence = make_absence(db, people["owner"], date(2026, 7, 16), date(2026, 7, 31))
        record(db, "absence.approved", absence, by=people["root"], at=NOW)

    return leave


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (enter_own, "本月驻城天数 2/20 → 3/20，差 17 天"),
        (cancel_own, "本月驻城天数 0/20 → 1/20，差 19 天"),
        (be_absent, "本月驻城天数 1/10 → 2/10，差 8 天"),
    ],
)
def test_the_message_counts_what_others_changed_meanwhile(app, people, log, change, message):
    with arranged(app) as db:
        make_visit(db, people["owner"], date(2026, 7, 9))

    answer = log(change(people), is_followed=True)

    assert message in answer.text
