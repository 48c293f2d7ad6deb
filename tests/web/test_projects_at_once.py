"""Two people, or one who sends twice, change one project at the same moment."""

from datetime import date

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.followups.models import Followup
from crm.followups.service import withdraw_followup
from crm.leads.models import Lead, Milestone
from crm.leads.progress import correct_milestone, withdraw_milestone
from crm.leads.rules import Stage
from crm.leads.saved_views import remove_view, save_view
from crm.leads.view_models import LeadView
from crm.people.models import Person
from crm.results.receipt_forms import form_rows, plant_forms
from crm.results.receipt_models import Receipt
from crm.transactions import transaction
from tests.conflicts import after_statement, before_first_write
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_followup,
    make_lead,
    make_milestone,
    make_person,
    make_unit,
    sign_in,
)

SIGNED_ON = date(2026, 7, 1)


class Zone:
    """A signed project with its tracker and a follow-up."""

    def __init__(self, db):
        unit = make_unit(db)
        tracker = make_person(db, "tracker", unit=unit)
        lead = make_lead(db, unit=unit, tracker=tracker, stage=Stage.LEAD)
        self.lead, self.tracker = lead.id, tracker.id
        make_milestone(db, lead, Stage.FOLLOWING, date(2026, 6, 10))
        self.signed = make_milestone(db, lead, Stage.SIGNED, SIGNED_ON).id
        lead.stage = Stage.SIGNED
        self.followup = make_followup(db, lead, tracker, date(2026, 7, 20)).id
        plant_forms(db, NOW)
        self.form = form_rows(db)[0].id


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


def in_words(reason, by):
    return {"reason": reason, "by": by, "now": NOW}


def test_of_two_corrections_of_a_date_the_second_holds(app, sessions, zone):
    def correct():
        with transaction(sessions) as db:
            signed, by = db.get_one(Milestone, zone.signed), db.get_one(Person, zone.tracker)
            lead, on = db.get_one(Lead, zone.lead), date(2026, 7, 3)
            correct_milestone(db, lead=lead, milestone=signed, on=on, **in_words("笔误", by))

    tracker = sign_in(app, "tracker")
    path = f"/leads/{zone.lead}/milestones/{zone.signed}/correct"

    with before_first_write(app, correct):
        tracker.post(path, data={"on": SIGNED_ON, "reason": "原日期无误", "agreement": "formal"})

    with sessions() as db:
        assert db.get_one(Milestone, zone.signed).reached_on == SIGNED_ON


# on SQLite the whole request runs again in such a case
@pytest.mark.parametrize("kind_of_database", ["postgresql"], indirect=True)
def test_a_stage_that_is_withdrawn_and_reached_again_at_once_holds(app, sessions, zone):
    def withdraw():
        with transaction(sessions) as db:
            signed, by = db.get_one(Milestone, zone.signed), db.get_one(Person, zone.tracker)
            lead = db.get_one(Lead, zone.lead)
            withdraw_milestone(db, lead=lead, milestone=signed, **in_words("误登", by))

    tracker = sign_in(app, "tracker")
    values = {"kind": "signed", "on": "2026-07-02", "agreement": "formal"}

    with before_first_write(app, withdraw):
        answer = tracker.post(f"/leads/{zone.lead}/reach", data=values)

    assert answer.status_code == 302
    with sessions() as db:
        assert db.get_one(Lead, zone.lead).stage is Stage.SIGNED


def test_of_two_who_remove_a_view_the_second_finds_none(app, sessions, zone):
    def remove():
        with transaction(sessions) as db:
            view, by = db.scalars(select(LeadView)).one(), db.get_one(Person, zone.tracker)
            remove_view(db, view=view, by=by, now=NOW)

    with arranged(app) as db:
        by = db.get_one(Person, zone.tracker)
        save_view(db, name="签约", query="stage=signed", unit_id=None, by=by, now=NOW)
    tracker = sign_in(app, "tracker")

    with before_first_write(app, remove):
        answer = tracker.post("/leads/views/1/remove")

    assert answer.status_code == 404
    with sessions() as db:
        told = select(func.count()).where(AuditEntry.action == "lead_view.removed")
        assert db.scalar(told) == 1


def test_a_follow_up_that_is_taken_back_while_it_is_finished_is_no_page(app, sessions, zone):
    def take_back():
        with transaction(sessions) as db:
            row, by = db.get_one(Followup, zone.followup), db.get_one(Person, zone.tracker)
            withdraw_followup(db, followup=row, by=by, now=NOW)

    tracker = sign_in(app, "tracker")

    with before_first_write(app, take_back):
        answer = tracker.post(f"/followups/{zone.followup}/finish", data={"result": "已回访"})

    assert answer.status_code == 404


@pytest.mark.parametrize("is_at_once", [False, True])
def test_a_receipt_sent_twice_is_not_asked_about_as_its_own_double(app, sessions, zone, is_at_once):
    values = {"ref": "R-TWICE", "amount": "3000万元", "arrived_on": "2026-07-10", "payer": "云海"}
    path, data = f"/leads/{zone.lead}/receipts/new", values | {"form_id": zone.form}
    first, second = sign_in(app, "tracker"), sign_in(app, "tracker")

    if is_at_once:
        with after_statement(app, "receipt.ref = ", lambda: first.post(path, data=data)):
            answer = second.post(path, data=data)
    else:
        first.post(path, data=data)
        answer = second.post(path, data=data)

    with sessions() as db:
        assert answer.location == f"/receipts/{db.scalars(select(Receipt.id)).one()}"
