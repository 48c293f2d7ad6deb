"""The small page for the browsers inside messengers: what waits, and one-touch answers."""

from datetime import date, timedelta
from pathlib import Path

import brotli
import pytest

from crm.people.models import Absence
from crm.people.rules import AbsenceStatus, Duty, Role
from crm.visits.models import Visit
from crm.visits.rules import Status, Verdict
from crm.web.assets import STATIC
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_absence,
    make_person,
    make_regime,
    make_unit,
    make_visit,
    sign_in,
)

LATE = NOW - timedelta(days=1)


@pytest.fixture
def bureau(app):
    with arranged(app) as db:
        make_regime(db)
        return make_unit(db, "招商局")


@pytest.fixture
def lina(app, bureau):
    with arranged(app) as db:
        return make_person(db, "lina", name="李娜", unit=bureau)


@pytest.fixture
def watch(app, bureau):
    with arranged(app) as db:
        make_person(db, "watch", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=bureau)
    return sign_in(app, "watch")


def test_a_late_visit_is_confirmed_by_one_touch(app, lina, watch):
    with arranged(app) as db:
        times = {"logged_at": LATE, "entered_at": LATE}
        visit = make_visit(db, lina, date(2026, 7, 3), **times, minutes="谈了用地")
    page = watch.get("/m").text

    answer = watch.post(f"/visits/{visit.id}/confirm", data={"back": "/m"})

    assert f"/visits/{visit.id}/confirm" in page
    assert "谈了用地" in page  # nobody confirms what they have not read
    assert answer.location == "/m"
    assert "已确认。" in watch.get("/m").text
    with arranged(app) as db:
        assert db.get_one(Visit, visit.id).verdict is Verdict.CONFIRMED


def test_an_absence_is_approved_by_one_touch(app, lina, watch):
    with arranged(app) as db:
        asked = {"status": AbsenceStatus.ASKED}
        absence = make_absence(db, lina, date(2026, 7, 20), date(2026, 7, 21), **asked)
    page = watch.get("/m").text

    answer = watch.post(f"/absences/{absence.id}/approve", data={"back": "/m"})

    assert f"/absences/{absence.id}/approve" in page
    assert answer.location == "/m"
    with arranged(app) as db:
        assert db.get_one(Absence, absence.id).status is AbsenceStatus.APPROVED


def test_my_plan_of_today_and_the_quick_line_are_there(app, lina):
    with arranged(app) as db:
        visit = make_visit(db, lina, date(2026, 7, 15), status=Status.PLANNED)

    page = sign_in(app, "lina").get("/m").text

    assert f"/visits/{visit.id}" in page
    assert 'action="/visits/quick"' in page


def test_a_reader_of_figures_gets_no_records(app, bureau):
    with arranged(app) as db:
        make_person(db, "gu", role=Role.READER, unit=bureau)

    page = sign_in(app, "gu").get("/m").text

    assert "今天没有待办事项。" in page
    assert "快记" not in page


def test_whoever_is_signed_out_comes_back_to_it(client):
    assert client.get("/m").location == "/login?next=/m"


def test_it_is_light_and_runs_no_script(app, lina, watch):
    with arranged(app) as db:
        for day in range(1, 13):
            times = {"logged_at": LATE, "entered_at": LATE, "minutes": "谈了用地和用电" * 40}
            make_visit(db, lina, date(2026, 7, 1) + timedelta(days=day % 4), **times)
    page = watch.get("/m").text
    sheet = page.partition('href="/static/mini.')[2].partition('"')[0]

    weight = sum(
        len(brotli.compress(content))
        for content in (page.encode(), Path(STATIC, f"mini.{sheet}").read_bytes())
    )

    assert weight < 25_000
    assert "<script" not in page
    assert "<svg" not in page
