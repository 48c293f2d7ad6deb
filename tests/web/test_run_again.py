"""A request that has read what somebody else then changes runs again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from crm.base.audit import coming_from, record
from crm.base.audit_entries import AuditEntry
from crm.base.locks import lock_row
from crm.followups.models import Followup
from crm.followups.service import FollowupOutcome, finish_followup
from crm.people.accounts import sign_out_elsewhere
from crm.people.entry_grants import end_grant
from crm.people.models import EntryGrant, Person
from crm.people.rules import Role
from crm.transactions import transaction
from crm.visits.models import Visit
from crm.visits.rules import Status
from tests.conflicts import after_statement, before_first_write
from tests.conftest import NOW
from tests.counting import statements_of
from tests.factories import (
    arranged,
    make_followup,
    make_grant,
    make_lead,
    make_person,
    make_visit,
    sign_in,
)

OUTCOME = FollowupOutcome(result="对方同意来访")
YESTERDAY = date(2026, 7, 14)


@pytest.fixture
def planned(app):
    """A plan of the owner's, for whom the agent may enter visits."""
    with arranged(app) as db:
        owner, agent = make_person(db, "owner"), make_person(db, "agent")
        make_person(db, "root", role=Role.ADMIN)
        make_grant(db, owner, agent)
        return make_visit(db, owner, YESTERDAY, status=Status.PLANNED)


def status_of(sessions, visit):
    with sessions() as db:
        return db.get_one(Visit, visit.id).status


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_a_right_that_ends_after_the_check_is_checked_again(app, sessions, planned):
    def end():
        with transaction(sessions) as db:
            grant = db.scalars(select(EntryGrant)).one()
            end_grant(db, grant=grant, by=db.get_one(Person, grant.owner_id), now=NOW)

    agent = sign_in(app, "agent")

    with before_first_write(app, end):
        answer = agent.post(f"/visits/{planned.id}/done")

    assert answer.status_code == 302
    assert status_of(sessions, planned) is Status.PLANNED


@pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)
def test_of_two_changes_that_wait_for_each_other_one_is_made_after_the_other(
    app, sessions, planned
):
    owner = sign_in(app, "owner")

    with sessions() as other, ThreadPoolExecutor(1) as thread:
        other.execute(text("SET LOCAL deadlock_timeout = '1min'"))  # so that the page gives way
        lock_row(other, Person, planned.leader_id)

        def wait_for_the_page():
            lock_row(other, Visit, planned.id)
            other.rollback()

        with after_statement(app, "FOR UPDATE", lambda: thread.submit(wait_for_the_page)):
            answer = owner.post(f"/visits/{planned.id}/done")

    assert answer.status_code == 302
    assert status_of(sessions, planned) is Status.DONE


def test_an_admin_who_loses_the_role_while_waiting_for_the_lock_changes_nothing(
    app, sessions, planned
):
    def demote():
        with transaction(sessions) as db:
            root = db.scalars(select(Person).filter_by(username="root")).one()
            root.role = Role.RECRUITER
            record(db, "person.changed", root, by=None, at=NOW)

    with arranged(app) as db:
        make_person(db, "other_root", role=Role.ADMIN)
    at_roots = sign_in(app, "root")

    with before_first_write(app, demote):
        answer = at_roots.post("/admin/people/agent/disable")

    assert answer.status_code == 404
    with sessions() as db:
        assert db.scalars(select(Person.disabled_at).filter_by(username="agent")).one() is None


def test_who_is_signed_out_while_a_form_is_refused_signs_in_first(app, sessions, planned):
    def finish_and_sign_out():
        with transaction(sessions) as db:
            owner = db.scalars(select(Person).filter_by(username="owner")).one()
            followup = db.scalars(select(Followup)).one()
            finish_followup(db, followup=followup, outcome=OUTCOME, by=owner, now=NOW)
            sign_out_elsewhere(db, person=owner, but_id=None, by=owner, now=NOW)

    with arranged(app) as db:
        owner = db.scalars(select(Person).filter_by(username="owner")).one()
        followup = make_followup(db, make_lead(db), owner, YESTERDAY)
    at_owners = sign_in(app, "owner")

    with before_first_write(app, finish_and_sign_out):
        answer = at_owners.post(f"/followups/{followup.id}/finish", data={"result": "已回访"})

    assert answer.location.startswith("/login")


def log_another_visit(sessions, at):
    with coming_from(None), transaction(sessions) as db:
        other = make_visit(db, make_person(db, "other"))
        record(db, "visit.logged", other, by=None, at=at)


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_a_request_that_runs_again_is_of_a_later_moment(app, sessions, planned, time_machine):
    later = NOW + timedelta(seconds=5)

    def change_something_else():
        time_machine.move_to(later, tick=False)
        log_another_visit(sessions, later)

    agent = sign_in(app, "agent")

    with before_first_write(app, change_something_else):
        agent.post(f"/visits/{planned.id}/done")

    with sessions() as db:
        assert db.get_one(Visit, planned.id).logged_at == later


def test_what_nobody_else_changes_runs_once(app, sessions, planned):
    agent = sign_in(app, "agent")

    with statements_of(app) as statements:
        agent.post(f"/visits/{planned.id}/done")

    assert status_of(sessions, planned) is Status.DONE
    assert len([sent for sent in statements if sent.startswith("UPDATE visit")]) == 1


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_a_request_that_runs_again_is_one_change(app, sessions, planned):
    agent = sign_in(app, "agent")

    with before_first_write(app, lambda: log_another_visit(sessions, NOW)):
        agent.post(f"/visits/{planned.id}/done")

    with sessions() as db:
        of_plan = select(AuditEntry.action).where(
            AuditEntry.subject == "visit", AuditEntry.subject_id == planned.id
        )
        assert db.scalars(of_plan).all() == ["visit.done"]
