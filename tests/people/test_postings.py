"""Postings are corrected, moved on, ended and taken back, and accounts with them (REGIME 2)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.people import postings, sessions
from crm.people.accounts import disable_person, enable_person
from crm.people.admin_duties import require_holders_left
from crm.people.models import Person, Posting
from crm.people.postings import PostingData, change_posting, come_back, leave, remove_posting
from crm.people.queries import at_work
from crm.people.rules import Duty, Role
from crm.people.service import change_person
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_person, make_posting, make_unit

TODAY = date(2026, 7, 15)


def spans(db, person):
    rows = db.scalars(select(Posting).filter_by(person_id=person.id).order_by(Posting.from_on))
    return [(row.duty, row.from_on, row.to_on) for row in rows]


def data(db, *, duty=Duty.DEPUTY, from_on=TODAY, **given):
    return PostingData(unit=make_unit(db), duty=duty, from_on=from_on, **given)


def transfer(db, person, **given):
    result = data(db, **given)
    return postings.transfer(db, person=person, data=result, by=None, now=NOW)


def test_moving_on_ends_the_one_posting_the_day_before_the_next_begins(db):
    person = make_person(db)

    transfer(db, person)

    assert spans(db, person) == [
        (Duty.RECRUITER, date(2020, 1, 1), date(2026, 7, 14)),
        (Duty.DEPUTY, TODAY, None),
    ]


def test_moving_on_leaves_secondary_postings_alone(db):
    person = make_person(db)
    second = make_posting(db, person, is_primary=False, duty=Duty.STAFF)

    transfer(db, person)

    assert second.to_on is None


def test_who_is_posted_nowhere_cannot_move_on(db):
    with pytest.raises(Refused) as refused:
        transfer(db, make_person(db, duty=None))
    assert refused.value.code == "no_posting_then"


def test_a_posting_that_begins_that_day_is_set_right_instead(db):
    with pytest.raises(Refused) as refused:
        transfer(db, make_person(db, from_on=TODAY))
    assert refused.value.code == "posting_begins_then"


def test_moving_on_into_a_later_posting_is_refused_and_changes_nothing(db):
    person = make_person(db, duty=None)
    make_posting(db, person, to_on=date(2026, 8, 31))
    make_posting(db, person, from_on=date(2026, 9, 1))

    with pytest.raises(Refused) as refused:
        transfer(db, person)

    assert refused.value.facts["from_on"] == date(2026, 9, 1)
    assert spans(db, person)[0][2] == date(2026, 8, 31)


def test_a_posting_may_grow_but_not_into_another(db):
    person = make_person(db, duty=None)
    first = make_posting(db, person, to_on=date(2026, 6, 30))
    make_posting(db, person, from_on=date(2026, 8, 1))
    result = {"unit": make_unit(db), "duty": Duty.STAFF, "from_on": first.from_on}

    grown = PostingData(**result, to_on=date(2026, 7, 31))
    change_posting(db, posting=_with_person(db, first), data=grown, by=None, now=NOW)
    with pytest.raises(Refused):
        change_posting(db, posting=first, data=PostingData(**result), by=None, now=NOW)

    assert spans(db, person)[0] == (Duty.STAFF, first.from_on, date(2026, 7, 31))


def _with_person(db, posting):
    db.refresh(posting, ["person"])
    return posting


def test_a_secondary_posting_may_overlap_but_not_become_the_primary_one(db):
    person = make_person(db)
    second = _with_person(db, make_posting(db, person, is_primary=False))
    result = PostingData(unit=make_unit(db), duty=Duty.STAFF, from_on=second.from_on)

    with pytest.raises(Refused) as refused:
        change_posting(db, posting=second, data=result, by=None, now=NOW)
    assert refused.value.code == "overlapping_posting"


def test_a_removed_posting_is_told_by_the_trail(db):
    person = make_person(db, "lina")
    posting = db.scalars(select(Posting)).one()

    remove_posting(db, posting=posting, person=person, by=None, now=NOW)

    entry = db.scalars(select(AuditEntry).filter_by(action="posting.removed")).one()
    assert '"person": "lina"' in entry.before
    assert spans(db, person) == []


def test_leaving_ends_what_holds_and_takes_back_what_was_to_come(db):
    person = make_person(db, duty=None)
    make_posting(db, person, to_on=date(2026, 8, 31))
    make_posting(db, person, from_on=date(2026, 9, 1))

    leave(db, person=person, last_on=date(2026, 7, 31), at_once=False, by=None, now=NOW)

    assert spans(db, person) == [(Duty.RECRUITER, date(2020, 1, 1), date(2026, 7, 31))]
    assert person.disabled_at == at_civil(date(2026, 8, 1))
    assert not person.is_disabled(NOW)


def test_leaving_takes_back_no_posting_that_has_begun(db):
    person = make_person(db)

    with pytest.raises(Refused, match="leaves_before_posting"):
        leave(db, person=person, last_on=date(2019, 7, 31), at_once=True, by=None, now=NOW)

    assert spans(db, person) == [(Duty.RECRUITER, date(2020, 1, 1), None)]
    assert not person.is_disabled(NOW)


def test_who_leaves_is_let_in_until_the_last_day_is_over(db):
    person = make_person(db)
    token = sessions.begin(db, person=person, address=None, browser=None, now=NOW)

    leave(db, person=person, last_on=TODAY, at_once=False, by=None, now=NOW)

    midnight = at_civil(date(2026, 7, 16))
    assert sessions.find(db, token, now=midnight - timedelta(seconds=1))
    assert sessions.find(db, token, now=midnight) is None
    assert db.scalars(select(Person).where(at_work(TODAY))).all() == [person]


def test_leaving_at_once_closes_the_account_now(db):
    person = make_person(db)

    leave(db, person=person, last_on=TODAY, at_once=True, by=None, now=NOW)

    assert person.is_disabled(NOW)


def test_who_comes_back_is_let_in_but_signs_in_anew(db):
    person = make_person(db)
    token = sessions.begin(db, person=person, address=None, browser=None, now=NOW)
    leave(db, person=person, last_on=date(2026, 7, 14), at_once=False, by=None, now=NOW)

    later = NOW + timedelta(days=1)
    result = data(db, from_on=date(2026, 7, 16))
    come_back(db, person=person, data=result, by=None, now=later)

    assert not person.is_disabled(later)
    assert sessions.find(db, token, now=later) is None
    assert len(spans(db, person)) == 2


def test_leaving_later_does_not_open_an_account_that_is_closed(db):
    person = make_person(db, disabled_at=NOW - timedelta(days=1))

    leave(db, person=person, last_on=date(2026, 7, 31), at_once=False, by=None, now=NOW)

    assert person.disabled_at == NOW - timedelta(days=1)


def test_a_date_of_leaving_that_is_to_come_may_be_put_off(db):
    person = make_person(db, disabled_at=NOW + timedelta(days=1))

    leave(db, person=person, last_on=date(2026, 7, 31), at_once=False, by=None, now=NOW)

    assert person.disabled_at == at_civil(date(2026, 8, 1))


def test_nobody_closes_their_own_account(db):
    admin = make_person(db, role=Role.ADMIN)
    make_person(db, role=Role.ADMIN)

    with pytest.raises(Refused) as refused:
        disable_person(db, person=admin, at=NOW, by=admin, now=NOW)
    assert refused.value.code == "own_account"


def test_the_last_admin_stays_one(db):
    admin, other = (make_person(db, name, role=Role.ADMIN) for name in ("root", "second"))
    disable_person(db, person=other, at=NOW, by=admin, now=NOW)
    known = {"name": admin.name, "email": None, "phone": None}

    with pytest.raises(Refused) as refused:
        change_person(db, person=admin, role=Role.LEADER, **known, by=admin, now=NOW)
    assert refused.value.code == "last_admin"

    enable_person(db, person=other, by=admin, now=NOW)
    require_holders_left(db, admin)


def test_an_admin_who_is_to_leave_is_not_the_one_who_stays(db):
    admin, other = (make_person(db, role=Role.ADMIN) for _ in range(2))
    leave(db, person=other, last_on=date(2026, 7, 31), at_once=False, by=admin, now=NOW)

    with pytest.raises(Refused) as refused:
        leave(db, person=admin, last_on=TODAY, at_once=False, by=other, now=NOW)

    assert refused.value.code == "last_admin"


def test_of_two_primary_postings_at_once_one_is_refused(sessions):
    with transaction(sessions) as db:
        person, unit = make_person(db, duty=None), make_unit(db)
    barrier = threading.Barrier(2)

    def post(first):
        barrier.wait()
        with transaction(sessions) as db:
            result = PostingData(unit=unit, duty=Duty.STAFF, from_on=first)
            try:
                postings.post(db, person=person, data=result, by=None, now=NOW)
            except Refused as refused:
                return refused.code
            return "posted"

    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(post, (TODAY, date(2026, 7, 20))))

    assert sorted(done) == ["overlapping_posting", "posted"]
