"""An absence is asked for, decided on by who may, and only an approved one counts (REGIME 2)."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.errors import Refused
from crm.people import absences
from crm.people.absence_approval import answered, may_decide, visible, waiting
from crm.people.absences import AbsenceData
from crm.people.models import Absence
from crm.people.permissions import viewer
from crm.people.queries import absences_in
from crm.people.rules import AbsenceKind, AbsenceStatus, Duty, Role
from tests.conftest import NOW
from tests.factories import make_absence, make_person, make_unit

TODAY = date(2026, 7, 15)
FIRST, LAST = date(2026, 7, 20), date(2026, 7, 22)


class Zone:
    """A team with its supervisor, one of another bureau, a leader above, and an admin."""

    def __init__(self, db):
        self.db = db
        zone = make_unit(db, "开发区")
        team = make_unit(db, "一组", parent=zone)
        self.lina = make_person(db, "lina", unit=team)
        supervisor = {"role": Role.SUPERVISOR, "duty": Duty.STAFF}
        self.chief = make_person(db, "chief", unit=team, **supervisor)
        self.other = make_person(db, "other", unit=make_unit(db, parent=zone), **supervisor)
        self.leader = make_person(db, "boss", unit=zone, role=Role.LEADER, duty=Duty.PRINCIPAL)
        self.admin = make_person(db, "root", unit=zone, role=Role.ADMIN, duty=Duty.STAFF)

    def ask(self, by=None, kind=AbsenceKind.LEAVE, from_on=FIRST, to_on=LAST, reason=""):
        data = AbsenceData(kind=kind, from_on=from_on, to_on=to_on, reason=reason)
        return absences.ask(self.db, data=data, by=by or self.lina, now=NOW)

    def approved(self):
        absence = self.ask()
        absences.approve(self.db, absence=absence, by=self.chief, now=NOW)
        return absence

    def waits_for(self, person):
        return waiting(self.db, viewer(self.db, person, TODAY), TODAY)

    def seen_by(self, person):
        self.db.flush()
        condition = visible(viewer(self.db, person, TODAY), TODAY)
        return list(self.db.scalars(select(Absence).where(condition)))

    def away(self):
        self.db.flush()
        return [
            (each.from_on, each.to_on) for each in absences_in(self.db, self.lina.id, FIRST, LAST)
        ]


@pytest.fixture
def zone(db):
    return Zone(db)


def refusal(step, *told, **given):
    with pytest.raises(Refused) as refused:
        step(*told, **given)
    return refused.value.code


def test_what_is_asked_for_counts_once_it_is_approved(zone):
    absence = zone.ask()
    assert zone.away() == []

    absences.approve(zone.db, absence=absence, by=zone.chief, now=NOW)

    assert zone.away() == [(FIRST, LAST)]
    assert (absence.approved_by_id, absence.approved_at) == (zone.chief.id, NOW)


def test_who_has_the_unit_in_scope_sees_what_waits_and_decides(zone):
    absence = zone.ask()

    assert zone.waits_for(zone.chief) == [absence]
    for person in (zone.other, zone.leader, zone.admin, zone.lina):
        assert zone.waits_for(person) == []
        assert not may_decide(zone.db, person, zone.lina.id, TODAY)


def test_an_admin_decides_for_those_above_whom_nobody_is(zone):
    of_boss, of_chief = zone.ask(zone.leader), zone.ask(zone.chief)

    assert zone.waits_for(zone.admin) == [of_boss, of_chief]
    assert zone.waits_for(zone.chief) == []


def test_a_supervisor_who_leaves_next_month_decides_until_then(zone):
    zone.chief.disabled_at = NOW + timedelta(days=20)

    absence = zone.ask()

    assert zone.waits_for(zone.chief) == [absence]
    assert zone.waits_for(zone.admin) == []


def test_nobody_decides_on_their_own(zone):
    absence = zone.ask(zone.chief)

    step = {"absence": absence, "by": zone.chief, "now": NOW}
    assert refusal(absences.approve, zone.db, **step) == "not_yours"


def test_a_returned_one_has_its_reason_and_counts_for_nothing(zone):
    absence = zone.ask()
    step = {"absence": absence, "by": zone.chief, "now": NOW}
    assert refusal(absences.return_request, zone.db, why=" ", **step) == "required"

    absences.return_request(zone.db, why="当周有重要接待", **step)

    assert (absence.status, absence.note) == (AbsenceStatus.RETURNED, "当周有重要接待")
    assert zone.away() == []
    assert refusal(absences.approve, zone.db, **step) == "not_asked"


def test_one_withdraws_what_one_asked_for_while_nobody_has_decided(zone):
    absence = zone.ask()
    by_chief = {"absence": absence, "by": zone.chief, "now": NOW}
    assert refusal(absences.withdraw, zone.db, **by_chief) == "not_yours"

    absences.withdraw(zone.db, absence=absence, by=zone.lina, now=NOW)

    assert absence.status is AbsenceStatus.WITHDRAWN
    assert refusal(absences.approve, zone.db, **by_chief) == "not_asked"


def test_an_approved_one_cannot_be_withdrawn(zone):
    absence = zone.approved()

    step = {"absence": absence, "by": zone.lina, "now": NOW}
    assert refusal(absences.withdraw, zone.db, **step) == "not_asked"


def test_an_approved_one_is_cut_short(zone):
    absence = zone.approved()

    step = {"absence": absence, "why": "提前返岗", "by": zone.chief, "now": NOW}
    assert refusal(absences.shorten, zone.db, to_on=LAST, **step) == "not_shorter"
    absences.shorten(zone.db, to_on=FIRST, **step)

    assert zone.away() == [(FIRST, FIRST)]


def test_an_approved_one_is_cancelled(zone):
    absence = zone.approved()

    absences.cancel(zone.db, absence=absence, why="行程取消", by=zone.chief, now=NOW)

    assert zone.away() == []
    assert absence.status is AbsenceStatus.CANCELLED


def test_a_reason_is_asked_of_other_duty_alone(zone):
    zone.ask()
    other = {"kind": AbsenceKind.OTHER_DUTY}

    assert refusal(zone.ask, **other) == "reason_needed"
    assert zone.ask(reason="参加防汛", **other).reason == "参加防汛"


def test_the_same_one_asked_for_twice_is_one(zone):
    absence = zone.ask()

    assert refusal(zone.ask) == "absence_there"
    absences.withdraw(zone.db, absence=absence, by=zone.lina, now=NOW)
    assert zone.ask()


def test_it_ends_after_it_begins(zone):
    assert refusal(zone.ask, from_on=LAST, to_on=FIRST) == "last_day_before_first"


def test_a_reader_has_none(zone):
    reader = make_person(zone.db, role=Role.READER)

    assert refusal(zone.ask, reader) == "not_yours"


def test_an_absence_is_seen_by_its_person_and_those_whose_scope_holds_them(zone):
    absence = zone.ask()

    for person in (zone.lina, zone.chief, zone.leader, zone.admin):
        assert zone.seen_by(person) == [absence]
    assert zone.seen_by(zone.other) == []
    assert zone.seen_by(make_person(zone.db)) == []


def test_the_person_is_told_of_the_answer_but_not_of_what_they_did(zone):
    absence = zone.approved()
    withdrawn = zone.ask(kind=AbsenceKind.SICK)
    absences.withdraw(zone.db, absence=withdrawn, by=zone.lina, now=NOW)
    make_absence(zone.db, zone.lina, FIRST, LAST, approved_at=NOW)  # imported

    assert list(answered(zone.db, zone.lina.id, NOW)) == [absence]
