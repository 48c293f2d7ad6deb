"""The list of visits: whose it begins with, what narrows it, its sums and its columns."""

from datetime import date, time

import pytest

from crm.base import clock
from crm.leads.rules import Secrecy
from crm.people.rules import Duty, Role
from crm.visits.rules import Channel, Status, Verdict
from tests.conftest import NOW
from tests.factories import (
    RECRUITER,
    arranged,
    make_company,
    make_lead,
    make_person,
    make_rule,
    make_unit,
    make_visit,
    sign_in,
)


@pytest.fixture
def unit(app):
    with arranged(app) as db:
        return make_unit(db, "一公司")


@pytest.fixture
def lina(app, unit):
    with arranged(app) as db:
        make_rule(db, RECRUITER)
        return make_person(db, "lina", name="李娜", unit=unit)


def logged(day, hour=18):
    return clock.at_civil(date(2026, 7, day), time(hour))


def rows(page):
    return page.text.partition("<tbody>")[2]


def test_the_list_shows_my_visits_or_all_that_i_may_see(app, lina, at_linas):
    with arranged(app) as db:
        make_visit(db, lina, city="无锡")
        make_visit(db, make_person(db, "other"), city="常州", leads=[make_lead(db)])

    mine, everyone = rows(at_linas.get("/visits")), rows(at_linas.get("/visits?who=all"))

    assert "无锡" in mine
    assert "常州" not in mine
    assert "常州" in everyone


@pytest.mark.parametrize(("role", "city"), [(Role.SUPERVISOR, "无锡"), (Role.LEADER, "镇江")])
def test_a_supervisor_begins_with_their_units_and_a_leader_with_their_own(
    app, unit, lina, role, city
):
    with arranged(app) as db:
        boss = make_person(db, "boss", role=role, duty=Duty.STAFF, unit=unit)
        other = make_person(db, "other")
        make_visit(db, lina, city="无锡")
        make_visit(db, other, city="常州", leads=[make_lead(db)])
        if role is Role.LEADER:
            make_visit(db, boss, city="镇江")

    page = rows(sign_in(app, "boss").get("/visits"))

    assert [name for name in ("无锡", "常州", "镇江") if name in page] == [city]


def test_a_row_begins_with_company_and_project(app, lina, at_linas):
    with arranged(app) as db:
        lead = make_lead(db, "晶圆基地", company=make_company(db, name="某芯片公司"))
        visit = make_visit(db, lina, leads=[lead], next_step="邀请来访")

    page = rows(at_linas.get("/visits"))

    assert f'<a href="/visits/{visit.id}">某芯片公司</a> <span>晶圆基地</span>' in page
    assert "邀请来访" in page


def test_the_words_of_a_visit_to_a_hidden_lead_are_hidden(app, unit, lina):
    with arranged(app) as db:
        make_person(db, "boss", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=unit)
        lead = make_lead(db, "某芯片总部", secrecy=Secrecy.RESTRICTED, code_name="长江一号")
        make_visit(db, lina, leads=[lead], next_step="邀请来访", met="韩总")

    page = rows(sign_in(app, "boss").get("/visits?columns=met&columns=next_step"))

    assert "长江一号" in page
    assert not [word for word in ("邀请来访", "韩总", "某芯片总部") if word in page]


def test_the_list_is_narrowed(app, lina, at_linas):
    with arranged(app) as db:
        make_visit(db, lina, city="无锡", leads=[make_lead(db, "晶圆基地")])
        make_visit(db, lina, date(2026, 7, 1), city="常州", channel=Channel.VIDEO)
        make_visit(db, lina, date(2026, 4, 1), city="镇江", status=Status.PLANNED)

    def found(query):
        page = rows(at_linas.get(f"/visits?{query}"))
        return [city for city in ("无锡", "常州", "镇江") if city in page]

    assert found("") == ["无锡", "常州"]
    assert found("q=晶圆") == ["无锡"]
    assert found("to=2026-07-02") == ["常州", "镇江"]
    assert found("period=last") == []
    assert found("city=常州") == ["常州"]
    assert found("only=due") == ["镇江"]
    assert found("kind=x&status=x&from=x&at=x&q=%00&only=x&period=x") == ["无锡", "常州"]
    assert "未找到符合条件的拜访" in at_linas.get("/visits?kind=event").text


def test_visits_entered_late_and_those_that_wait_are_one_touch_away(app, lina, at_linas):
    with arranged(app) as db:
        # four days after the last date, by civil time, is late
        make_visit(db, lina, date(2026, 7, 8), logged_at=logged(11, 23), city="无锡")
        make_visit(db, lina, date(2026, 7, 7), logged_at=logged(11, 0), city="常州")
        confirmed = {"verdict": Verdict.CONFIRMED, "verdict_at": NOW}
        make_visit(db, lina, date(2026, 7, 6), logged_at=logged(11), city="镇江", **confirmed)

    late, waiting = (rows(at_linas.get(f"/visits?only={only}")) for only in ("late", "waiting"))

    assert [city for city in ("无锡", "常州", "镇江") if city in late] == ["常州", "镇江"]
    assert [city for city in ("无锡", "常州", "镇江") if city in waiting] == ["常州"]


def test_what_is_filtered_stands_as_a_chip_that_removes_it(app, lina, at_linas):
    page = at_linas.get("/visits?who=mine&city=无锡&kind=outreach").text

    assert 'href="/visits?who=mine&amp;kind=outreach"' in page
    assert "城市：无锡" in page


def test_the_sums_are_those_of_the_span_and_name_it(app, lina, at_linas):
    with arranged(app) as db:
        for day, city in ((1, "无锡"), (2, "无锡"), (3, "常州")):
            make_visit(db, lina, date(2026, 7, day), city=city)
        make_visit(db, lina, date(2026, 7, 4), city="常州", status=Status.CANCELLED)
        make_visit(db, lina, date(2026, 6, 20), city="镇江")

    page = at_linas.get("/visits?period=month").text

    assert "7月共 3 次" in page
    assert ">无锡 2</a>" in page
    assert "镇江" not in page
    assert "另有已取消 1 次" in page


def test_a_list_of_several_pages_asks_for_its_sums_once_it_is_shown(app, lina, at_linas):
    with arranged(app) as db:
        days = [make_visit(db, lina, date(2026, 6, 1 + n % 28)) for n in range(31)]

    page = at_linas.get("/visits?kind=outreach&period=all").text
    sums = at_linas.get("/visits/sums?kind=outreach&period=all").text
    at_once = at_linas.get("/visits?kind=outreach&period=all&sums=1").text

    assert f"/visits?kind=outreach&amp;period=all&amp;at=o_2026-06-01_{days[28].id}" in page
    assert 'hx-get="/visits/sums?kind=outreach&amp;period=all"' in page
    assert "苏州 31" in sums
    assert "苏州 31" in at_once


def test_chosen_columns_are_kept(app, lina, at_linas):
    with arranged(app) as db:
        make_visit(db, lina, city="无锡", met="韩总", leads=[make_lead(db)])

    chosen = rows(at_linas.get("/visits?columns=&columns=met&columns=forged"))
    later = rows(at_linas.get("/visits"))

    assert "韩总" in chosen
    assert later == chosen
    assert "无锡" not in later
