"""What was signed, and until when a lead is parked (PROJECTS 1)."""

from datetime import date

import pytest

from crm.base.errors import Refused
from crm.leads.parked import due_again
from crm.leads.progress import correct_milestone, reach
from crm.leads.rules import FRAMEWORK, Agreement, Stage
from tests.conftest import NOW
from tests.factories import make_lead, make_milestone, make_person

TODAY = date(2026, 7, 15)


@pytest.fixture
def person(db):
    return make_person(db, "liwei")


@pytest.fixture
def lead(db, person):
    return make_lead(db, "甲项目", tracker=person)


def signed(db, lead, person, agreement):
    given = {"kind": Stage.SIGNED, "on": TODAY, "by": person, "now": NOW}
    return reach(db, lead=lead, agreement=agreement, **given)


def parked(db, lead, person, *, until, on=TODAY):
    given = {"kind": Stage.PARKED, "on": on, "reason": "等环评", "by": person, "now": NOW}
    return reach(db, lead=lead, look_again_on=until, **given)


@pytest.mark.parametrize(
    ("agreement", "expected"),
    [
        (Agreement.FORMAL, (Stage.SIGNED, Stage.SIGNED)),
        (Agreement.FRAMEWORK, (FRAMEWORK, Stage.FOLLOWING)),
        (Agreement.INTENT, (FRAMEWORK, Stage.FOLLOWING)),
    ],
)
def test_only_a_formal_agreement_makes_signed_and_others_a_framework(
    db, lead, person, agreement, expected
):
    step = signed(db, lead, person, agreement)

    assert (step.kind, lead.stage) == expected
    assert step.agreement is agreement


def test_a_person_says_what_was_signed_and_a_file_may_leave_it_out(db, lead, person):
    with pytest.raises(Refused, match="required") as refusal:
        signed(db, lead, person, None)
    step = reach(db, lead=lead, kind=Stage.SIGNED, on=TODAY, by=None, now=NOW)

    assert refusal.value.field == "agreement"
    assert (step.kind, step.agreement) == (Stage.SIGNED, None)


def test_the_agreement_of_an_earlier_signing_is_stated_later_and_formal_alone(db, lead, person):
    step = make_milestone(db, lead, Stage.SIGNED, TODAY)
    given = {"lead": lead, "milestone": step, "on": TODAY, "by": person, "now": NOW}

    with pytest.raises(Refused, match="not_formal"):
        correct_milestone(db, agreement=Agreement.INTENT, reason="补注", **given)
    correct_milestone(db, agreement=Agreement.FORMAL, reason="补注", **given)

    assert step.agreement is Agreement.FORMAL


@pytest.mark.parametrize(("until", "code"), [(None, "required"), (TODAY, "look_again_too_early")])
def test_a_lead_is_parked_until_a_date(db, lead, person, until, code):
    with pytest.raises(Refused, match=code) as refusal:
        parked(db, lead, person, until=until)

    assert refusal.value.field == "look_again_on"


def test_who_tracks_a_parked_lead_looks_at_it_again_on_that_date(db, lead, person):
    other = make_person(db, "other")
    step = parked(db, lead, person, until=date(2026, 7, 14), on=date(2026, 7, 1))

    before = due_again(db, person.id, date(2026, 7, 13))
    on_time = due_again(db, person.id, date(2026, 7, 14))
    of_other = due_again(db, other.id, TODAY)
    later = {"on": step.reached_on, "look_again_on": date(2026, 9, 1), "reason": "再等一个月"}
    correct_milestone(db, lead=lead, milestone=step, by=person, now=NOW, **later)

    assert (before, on_time, of_other) == ([], [lead], [])
    assert due_again(db, person.id, TODAY) == []
