"""Each page that rests on an estimated working calendar says so (REGIME 4)."""

from datetime import date

import pytest
import time_machine

from tests.factories import arranged, make_absence, make_person, make_regime, sign_in

FIGURE = "/compliance/figure?rule=recruiter-monthly&person=liwei&period="


@pytest.fixture
def liwei(app):
    with arranged(app) as db:
        make_regime(db)
        person = make_person(db, "liwei")
        make_absence(db, person, date(2027, 3, 1), date(2027, 3, 2))
    return sign_in(app, "liwei")


@pytest.mark.parametrize(("period", "is_said"), [("2027-03", True), ("2026-07", False)])
def test_an_explanation_says_when_its_working_days_are_estimated(liwei, period, is_said):
    assert ("工作日为推算" in liwei.get(f"{FIGURE}{period}").text) is is_said


@pytest.mark.parametrize(("day", "is_said"), [(date(2027, 3, 3), True), (date(2026, 7, 15), False)])
def test_my_day_says_when_its_working_days_are_estimated(app, liwei, day, is_said):
    with time_machine.travel(day, tick=False):
        assert ("工作日为推算" in sign_in(app, "liwei").get("/").text) is is_said
