"""The calendar of visits and its feed (ENTRY 4)."""

import re
from datetime import date, timedelta

import pytest
from icalendar import Calendar

from crm.base.clock import at_civil
from crm.extensions import limiter
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.accounts import disable_person
from crm.people.queries import by_username
from crm.people.rules import Duty, Role
from crm.visits.rules import Kind, Status
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_absence,
    make_lead,
    make_person,
    make_role,
    make_unit,
    make_visit,
    sign_in,
)

TODAY, DAY = date(2026, 7, 15), timedelta(days=1)  # Wednesday


@pytest.fixture
def zone(app):
    """A recruiter with plans, the head of the bureau, and somebody elsewhere."""
    with arranged(app) as db:
        bureau = make_unit(db, "一局", code="yi")
        lina = make_person(db, "lina", name="李娜", unit=bureau)
        head = make_person(
            db, "fei", name="费加木", role=Role.LEADER, duty=Duty.DEPUTY, unit=bureau
        )
        elsewhere = make_unit(db, "二局", code="er")
        make_person(db, "tan", role=Role.LEADER, duty=Duty.DEPUTY, unit=elsewhere)
        lead = make_lead(db, "显示项目", unit=bureau, tracker=lina)
        planned = {"status": Status.PLANNED}
        make_visit(db, lina, TODAY + DAY, leads=[lead], **planned)
        make_visit(db, lina, TODAY + 2 * DAY, days=2, kind=Kind.RESIDENCY, city="苏州", **planned)
        make_absence(db, lina, TODAY - DAY, TODAY - DAY)
        secret = make_lead(db, "保密项目", unit=bureau, secrecy=Secrecy.RESTRICTED)
        make_role(db, secret, LeadRoleKind.TRACKER, person=lina)
        make_visit(db, lina, TODAY, leads=[secret], city="无锡", met="保密客人", **planned)
        make_visit(db, head, TODAY + DAY, participants=[lina], city="常州", **planned)


def test_my_week_has_visits_stays_and_absences_and_planned_ones_may_move(app, zone):
    page = sign_in(app, "lina").get("/calendar").text

    assert "驻城招商" in page
    assert "休假" in page
    assert len(re.findall(r'<li class="planned movable"', page)) == 5  # the stay on both days
    assert "李娜在7月16日同时安排了" in page


def test_the_month_shows_whole_weeks_and_another_month_is_a_step_away(app, zone):
    page = sign_in(app, "lina").get("/calendar?view=month&on=2026-08-01").text

    assert 'data-on="2026-07-27"' in page
    assert "/calendar?view=month&amp;on=2026-07-01" in page


def test_a_unit_is_seen_by_who_oversees_it_without_words_of_hidden_leads(app, zone):
    page = sign_in(app, "fei").get("/calendar?unit=yi").text

    assert "李娜 休假" in page
    assert "保密" not in page
    assert sign_in(app, "tan").get("/calendar?unit=yi").status_code == 404
    assert sign_in(app, "lina").get("/calendar?unit=yi").status_code == 404


def test_a_leader_without_a_free_half_day_is_asked_about(app, zone):
    with arranged(app) as db:
        head = by_username(db, "fei")
        make_absence(db, head, TODAY, TODAY)
        full = {"status": Status.PLANNED, "city": "常州"}
        make_visit(db, head, TODAY + 2 * DAY, starts_at=at_civil(TODAY + 2 * DAY), **full)

    page = sign_in(app, "fei").get("/calendar").text

    assert "已无空余半天，是否调整安排？" in page


def test_a_move_comes_back_to_the_calendar(app, zone):
    client = sign_in(app, "lina")
    [url, *_] = re.findall(r'data-move="([^"]+)"', client.get("/calendar").text)

    answer = client.post(url, data={"on": "2026-07-20", "back": "/calendar?on=2026-07-20"})

    assert answer.location == "/calendar?on=2026-07-20"
    assert "已改期至7月20日" in client.get(answer.location).text


def test_the_calendar_asks_to_sign_in(client):
    assert client.get("/calendar").location == "/login?next=/calendar"


def address_of(client):
    page = client.post("/me/calendar-feed").text
    return re.search(r'value="https?://[^/"]+(/calendar/[^"]+\.ics)"', page)[1]


def test_the_feed_is_read_by_its_token_alone_and_keeps_secrets(app, client, zone):
    answer = client.get(address_of(sign_in(app, "lina")))
    events = Calendar.from_ical(answer.data).walk("VEVENT")
    told = {str(event["SUMMARY"]) for event in events}

    assert answer.mimetype == "text/calendar"
    assert {"忙", "休假", "驻城招商 苏州"} <= told
    assert "无锡" not in answer.text
    assert "保密" not in answer.text
    [busy] = [event for event in events if event["SUMMARY"] == "忙"]
    assert {"LOCATION", "URL", "DESCRIPTION"}.isdisjoint(busy)
    [stay] = [event for event in events if event["SUMMARY"] == "驻城招商 苏州"]
    assert (stay.decoded("DTSTART"), stay.decoded("DTEND")) == (TODAY + 2 * DAY, TODAY + 4 * DAY)


def test_a_new_address_ends_the_old_one_and_an_ended_one_opens_nothing(app, client, zone):
    me = sign_in(app, "lina")
    old, new = address_of(me), address_of(me)

    assert client.get(old).status_code == 404
    assert client.get(new).status_code == 200
    assert new not in me.get("/me").text  # it is told once
    me.post("/me/calendar-feed/end")
    assert client.get(new).status_code == 404


def test_a_closed_account_has_no_feed(app, client, zone):
    address = address_of(sign_in(app, "lina"))
    with arranged(app) as db:
        admin = make_person(db, role=Role.ADMIN, duty=Duty.STAFF)
        disable_person(db, person=by_username(db, "lina"), at=NOW, by=admin, now=NOW)

    assert client.get(address).status_code == 404


def test_a_wrong_token_is_not_found_and_tries_are_limited(app, client):
    limiter.enabled = True

    answers = [client.get(f"/calendar/{n}.ics").status_code for n in range(61)]

    limiter.enabled = False
    assert answers == [404] * 60 + [429]
