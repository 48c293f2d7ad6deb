"""Pages of people and their postings: for admins, from the first account to leaving and back."""

from datetime import date, timedelta
from html import unescape

import pytest
import time_machine
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.paging import PAGE
from crm.base.periods import Period
from crm.people.models import Person, Posting
from crm.people.rules import Duty, Role
from crm.people.service import hash_password, set_password
from crm.quotas.models import Correction
from crm.quotas.queries import figures
from crm.quotas.service import freeze_period
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_person,
    make_posting,
    make_regime,
    make_rule,
    make_unit,
    make_visit,
    sign_in,
)

LIST = "/admin/people"
AUGUST = at_civil(date(2026, 8, 10)) + timedelta(hours=10)


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        unit = make_unit(db, "开发区")
        make_person(db, "root", name="甲管理", role=Role.ADMIN, duty=Duty.STAFF, unit=unit)
        return unit


@pytest.fixture
def at_roots(app, zone):
    return sign_in(app, "root")


@pytest.fixture
def lina(app, zone):
    with arranged(app) as db:
        given = {"name": "李娜", "duty": Duty.DEPUTY}
        return make_person(db, "lina", unit=make_unit(db, "招商局", parent=zone), **given)


def postings_of(app, username):
    with arranged(app) as db:
        rows = db.scalars(
            select(Posting)
            .join(Posting.person)
            .where(Person.username == username)
            .order_by(Posting.from_on)
        )
        return [(row.duty.value, row.from_on, row.to_on) for row in rows]


def person(app, username):
    with arranged(app) as db:
        return db.scalars(select(Person).filter_by(username=username)).one()


def test_the_door_comes_first(client):
    assert client.get(LIST).location == "/login?next=/admin/people"
    assert client.post(f"{LIST}/lina/disable").location == "/login"


@pytest.mark.parametrize("path", ["", "/new", "/lina", "/lina/edit", "/lina/transfer"])
def test_others_do_not_know_of_the_pages(app, lina, path):
    assert sign_in(app, "lina").get(LIST + path).status_code == 404


def test_somebody_who_is_not_there_is_not_found(at_roots):
    assert at_roots.get(f"{LIST}/nobody").status_code == 404
    assert at_roots.post(f"{LIST}/nobody/password").status_code == 404


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        ("q=李", True),
        ("q=LN", True),
        ("q=招商", True),
        ("q=%25", False),
        ("duty=deputy", True),
        ("duty=recruiter", False),
        ("role=recruiter", True),
        ("role=reader", False),
        ("account=open", True),
        ("account=closed", False),
        ("at=n_x", True),
        ("at=n_%00_1", True),
    ],
)
def test_the_list_is_narrowed(at_roots, lina, query, is_there):
    assert ("李娜" in at_roots.get(f"{LIST}?{query}").text) is is_there


def test_a_page_leads_on_by_pinyin_and_back(app, at_roots):
    with arranged(app) as db:
        for number in range(PAGE + 5):
            name = f"人_{number:02}"
            make_person(db, f"x{number:02}", name=name, duty=None)

    first = at_roots.get(LIST).text
    link = first.split('rel="next" href="')[1].split('"')[0]
    second = at_roots.get(unescape(link)).text
    back = second.split('rel="prev" href="')[1].split('"')[0]

    assert ("人_00" in first, "人_34" in first) == (True, False)
    assert ("人_00" in second, "人_34" in second) == (False, True)
    assert "人_00" in at_roots.get(unescape(back)).text


NEW = {
    "name": "王芳",
    "username": "WangFang",
    "email": "wf@crm.test",
    "role": "recruiter",
    "duty": "recruiter",
    "from_on": "2026-07-01",
}


def test_a_new_person_comes_with_a_posting_and_signs_in_with_the_password_shown(
    app, at_roots, zone
):
    answer = at_roots.post(f"{LIST}/new", data=NEW | {"unit_id": zone.id})
    assert answer.location == f"{LIST}/wangfang"
    assert postings_of(app, "wangfang") == [("recruiter", date(2026, 7, 1), None)]

    page = at_roots.post(f"{LIST}/wangfang/password").text
    password = page.split('<code class="secret">')[1].split("<")[0]
    phone = app.test_client()
    phone.post("/login", data={"username": "wangfang", "password": password})

    # nothing else until they have a password of their own
    assert phone.get("/visits").location == "/me"
    assert "设置新密码" in phone.get("/me").text
    result = {"old": password, "password": "a-new-password", "again": "a-new-password"}
    assert phone.post("/me/password", data=result).location == "/"
    assert phone.get("/").status_code == 200
    assert password not in at_roots.get(f"{LIST}/wangfang").text


@pytest.fixture
def temporary(at_roots, lina):
    """The password that the admin was shown on Wednesday at 10:00."""
    page = at_roots.post(f"{LIST}/lina/password").text
    assert "7 天内（7月22日 10:00 前）有效" in page
    return page.split('<code class="secret">')[1].split("<")[0]


@pytest.mark.parametrize(
    ("later", "password", "said"),
    [
        (timedelta(days=7, seconds=-1), None, None),
        (timedelta(days=7), None, "临时密码 7 天内有效，现已过期，请联系系统管理员重新生成。"),
        (timedelta(days=7), "a guess", "账号或密码不正确。"),
    ],
)
def test_a_temporary_password_is_over_after_a_week(app, temporary, later, password, said):
    result = {"username": "lina", "password": password or temporary}

    with time_machine.travel(NOW + later, tick=False):
        answer = app.test_client().post("/login", data=result)

    assert (answer.status_code == 302) is (said is None)
    assert (said or "") in answer.text


def test_an_admin_sees_how_long_a_temporary_password_holds(app, at_roots, temporary):
    assert "临时密码，7月22日 10:00 前有效" in at_roots.get(f"{LIST}/lina").text

    with time_machine.travel(NOW + timedelta(days=7), tick=False):
        assert "临时密码已过期，请重新生成" in sign_in(app, "root").get(f"{LIST}/lina").text


def test_ones_own_password_is_never_over(app, at_roots, lina):
    with arranged(app) as db:
        person = db.scalars(select(Person).where(Person.username == "lina")).one()
        secret = hash_password("lina", "a-new-password")
        set_password(db, person=person, password_hash=secret, by=person, now=NOW)

    with time_machine.travel(NOW + timedelta(days=400), tick=False):
        result = {"username": "lina", "password": "a-new-password"}
        assert app.test_client().post("/login", data=result).status_code == 302


def test_a_new_person_may_have_no_posting(app, at_roots):
    result = {key: NEW[key] for key in ("name", "username", "role")}

    assert at_roots.post(f"{LIST}/new", data=result).status_code == 302
    assert postings_of(app, "wangfang") == []


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"username": "lina"}, "账号 lina 已存在。"),
        ({"username": "li na"}, "不能作为账号"),
        ({"username": "li/na"}, "不能作为账号"),
        ({"email": "no"}, "不是邮箱地址"),
        ({"email": "li@example.com."}, "“li@example.com.”不是邮箱地址"),
        ({"phone": "x"}, "不是电话号码"),
        ({"name": ""}, "请填写姓名。"),
        ({"duty": ""}, "请填写此项。"),
        ({"unit_id": "99999"}, "未找到该单位"),
    ],
)
def test_what_is_wrong_is_told_and_what_was_typed_stays(at_roots, lina, zone, told, sentence):
    answer = at_roots.post(f"{LIST}/new", data=NEW | {"unit_id": zone.id, "phone": "1380"} | told)

    assert answer.status_code == 422
    assert sentence in unescape(answer.text)
    assert "1380" in answer.text or "phone" in told


def test_what_is_known_of_a_person_is_changed(app, at_roots, lina):
    result = {"name": "李娜娜", "email": "", "phone": "0513-1", "role": "leader"}

    assert at_roots.post(f"{LIST}/lina/edit", data=result).location == f"{LIST}/lina"

    now = person(app, "lina")
    assert (now.name, now.pinyin, now.role) == ("李娜娜", "li na na", Role.LEADER)
    page = at_roots.get("/admin/audit?action=person.changed").text
    assert "李娜 → 李娜娜" in page


def test_the_last_admins_role_is_not_taken_away(at_roots):
    result = {"name": "甲管理", "role": "leader"}

    answer = at_roots.post(f"{LIST}/root/edit", data=result)

    assert answer.status_code == 422
    assert "最后一位负责系统管理的管理员" in answer.text


def test_an_admin_does_not_disable_themselves(app, at_roots):
    assert "停用账号" not in at_roots.get(f"{LIST}/root").text

    page = at_roots.post(f"{LIST}/root/disable", follow_redirects=True).text

    assert "不能对本人账号进行此操作" in page
    assert person(app, "root").disabled_at is None


def test_a_disabled_account_is_out_at_once_and_back_when_it_is_enabled(app, at_roots, lina):
    phone = sign_in(app, "lina")

    at_roots.post(f"{LIST}/lina/disable")
    assert phone.get("/").status_code == 302
    assert "已停用" in at_roots.get(LIST).text

    at_roots.post(f"{LIST}/lina/enable")
    assert phone.get("/").status_code == 302  # the old session stays ended
    assert sign_in(app, "lina").get("/").status_code == 200


def test_all_of_a_persons_devices_are_signed_out(app, at_roots, lina):
    phone = sign_in(app, "lina")

    at_roots.post(f"{LIST}/lina/sign-out")

    assert phone.get("/").status_code == 302


def posting(unit, duty="deputy", from_on="2026-07-15", **told):
    return {"unit_id": unit.id, "duty": duty, "from_on": from_on} | told


def test_moving_on_is_one_step(app, at_roots, lina, zone):
    answer = at_roots.post(f"{LIST}/lina/transfer", data=posting(zone, "recruiter"))

    assert answer.location == f"{LIST}/lina"
    assert postings_of(app, "lina") == [
        ("deputy", date(2020, 1, 1), date(2026, 7, 14)),
        ("recruiter", date(2026, 7, 15), None),
    ]
    assert "2020年1月1日至2026年7月14日" in at_roots.get(answer.location).text


def test_an_overlap_names_the_other_posting(at_roots, lina, zone):
    answer = at_roots.post(
        f"{LIST}/lina/postings/new", data=posting(zone, is_primary="y", to_on="2026-07-20")
    )

    assert answer.status_code == 422
    assert "与该人员 2020年1月1日 起的主要任职重叠。" in answer.text


def test_a_secondary_posting_may_overlap(app, at_roots, lina, zone):
    assert at_roots.post(f"{LIST}/lina/postings/new", data=posting(zone)).status_code == 302
    assert len(postings_of(app, "lina")) == 2
    assert "兼任" in at_roots.get(f"{LIST}/lina").text


def the_posting(app):
    with arranged(app) as db:
        return db.scalars(select(Posting).where(Posting.duty == Duty.DEPUTY)).one()


def test_a_posting_is_set_right(app, at_roots, lina, zone):
    path = f"{LIST}/lina/postings/{the_posting(app).id}"
    assert 'value="2020年1月1日 周三"' in at_roots.get(path).text

    result = posting(zone, "principal", "2026-01-01", is_primary="y", to_on="2026-12-31")
    assert at_roots.post(path, data=result).status_code == 302

    assert postings_of(app, "lina") == [("principal", date(2026, 1, 1), date(2026, 12, 31))]


def test_dates_that_cannot_be_are_told_at_their_field(app, at_roots, lina, zone):
    path = f"{LIST}/lina/postings/{the_posting(app).id}"

    answer = at_roots.post(path, data=posting(zone, is_primary="y", to_on="2026-07-01"))

    assert answer.status_code == 422
    assert 'id="to_on-error"' in answer.text
    assert "结束日期早于开始日期。" in answer.text


def test_a_posting_of_somebody_else_is_not_found(app, at_roots, lina):
    path = f"{LIST}/root/postings/{the_posting(app).id}"

    assert at_roots.get(path).status_code == 404
    assert at_roots.post(f"{path}/remove").status_code == 404


def test_a_posting_that_never_was_is_removed(app, at_roots, lina):
    at_roots.post(f"{LIST}/lina/postings/{the_posting(app).id}/remove")

    assert postings_of(app, "lina") == []


def test_leaving_and_coming_back(app, at_roots, lina, zone):
    at_roots.post(f"{LIST}/lina/leaving", data={"last_on": "2026-07-14"})
    assert postings_of(app, "lina") == [("deputy", date(2020, 1, 1), date(2026, 7, 14))]
    assert person(app, "lina").disabled_at == NOW
    assert "同时恢复账号" in at_roots.get(f"{LIST}/lina/postings/new").text

    result = posting(zone, from_on="2026-08-01", is_primary="y", reopen="y")
    at_roots.post(f"{LIST}/lina/postings/new", data=result)

    assert person(app, "lina").disabled_at is None
    assert len(postings_of(app, "lina")) == 2


def test_leaving_before_a_posting_began_is_told_at_its_field(app, at_roots, lina):
    answer = at_roots.post(f"{LIST}/lina/leaving", data={"last_on": "2016-07-14"})

    assert answer.status_code == 422
    assert "已有自 2020年1月1日 起的任职，最后任职日不能早于该日" in answer.text
    assert postings_of(app, "lina") == [("deputy", date(2020, 1, 1), None)]


def test_an_admin_does_not_leave_by_their_own_hand(app, at_roots):
    answer = at_roots.post(f"{LIST}/root/leaving", data={"last_on": "2026-07-14"})

    assert answer.status_code == 422
    assert postings_of(app, "root")[0][2] is None


# what it does to figures


@pytest.fixture
def closed(app, lina):
    """July is frozen, August is open."""
    with arranged(app) as db:
        make_rule(db)
        for day in (1, 2, 3):
            make_visit(db, lina, date(2026, 7, day))
    with arranged(app) as db:
        freeze = at_civil(date(2026, 8, 6))
        freeze_period(db, period=Period.parse("2026-07"), at=freeze, now=freeze)
    with time_machine.travel(AUGUST, tick=False):
        yield sign_in(app, "root")


def required(app, period):
    with arranged(app) as db:
        found = figures(db, period=Period.parse(period), as_of=AUGUST)
        return [each.figure.required for each in found if each.username == "lina"]


def corrections(app):
    with arranged(app) as db:
        return [
            (each.from_required, each.to_required, each.why)
            for each in db.scalars(select(Correction).order_by(Correction.id))
        ]


def test_a_back_dated_move_reprorates_august_and_corrects_frozen_july(app, closed, zone):
    assert (required(app, "2026-07"), required(app, "2026-08")) == ([6], [6])

    result = posting(zone, "staff", "2026-07-16")
    asked = closed.post(f"{LIST}/lina/transfer", data=result)
    assert asked.status_code == 422
    assert "2026年7月已定稿" in asked.text
    assert 'name="from_on" value="2026-07-16"' in asked.text

    result |= {"why_corrected": "任免通知迟到"}
    page = closed.post(f"{LIST}/lina/transfer", data=result, follow_redirects=True).text

    assert "定稿数不变；已记更正 1 条" in page
    assert required(app, "2026-07") == [6]  # as it was frozen
    assert required(app, "2026-08") == []  # the duty is not held any more
    assert corrections(app) == [(6, 3, "新增任职（任免通知迟到）")]  # 11 of 23 working days


def test_a_move_from_august_on_touches_no_frozen_figure(app, closed, zone):
    closed.post(f"{LIST}/lina/transfer", data=posting(zone, "staff", "2026-08-17"))

    assert corrections(app) == []
    assert required(app, "2026-08") == [3]  # 10 of 21 working days


def test_a_removed_posting_corrects_what_is_frozen(app, closed):
    path = f"{LIST}/lina/postings/{the_posting(app).id}/remove"
    closed.post(path, data={"why_corrected": "录错"})

    assert corrections(app) == [(6, 0, "删除任职（录错）")]


def test_a_posting_with_another_duty_corrects_what_is_frozen(app, closed, zone):
    path = f"{LIST}/lina/postings/{the_posting(app).id}"
    result = posting(zone, "staff", "2020-01-01", is_primary="y", why_corrected="录错")
    closed.post(path, data=result)

    assert corrections(app) == [(6, 0, "任职变更（录错）")]


def test_a_username_as_long_as_a_date_is_none(app, closed, zone):
    result = NEW | {"unit_id": zone.id, "username": "tenletters"}

    assert closed.post(f"{LIST}/new", data=result).status_code == 302


def test_leaving_in_a_frozen_month_corrects_it(app, closed):
    result = {"last_on": "2026-07-15", "why_corrected": "调离通知迟到"}
    closed.post(f"{LIST}/lina/leaving", data=result)

    assert corrections(app) == [(6, 3, "任职变更（调离通知迟到）")]


def test_two_duties_of_one_month_are_each_judged_for_their_days(app, at_roots, zone):
    with arranged(app) as db:
        make_regime(db)
        wang = make_person(db, "wang", name="王芳", duty=None)
        make_posting(db, wang, unit=zone, duty=Duty.DEPUTY, from_on=date(2026, 7, 1))

    at_roots.post(f"{LIST}/wang/transfer", data=posting(zone, "recruiter", "2026-07-16"))

    board = at_roots.get("/compliance?period=2026-07").text
    for rule in ("deputy-monthly", "recruiter-monthly"):
        page = at_roots.get(f"/compliance/figure?rule={rule}&person=wang&period=2026-07").text
        assert "王芳" in page
        assert f"/{rule}/wang" in board
    with arranged(app) as db:
        found = figures(db, period=Period.parse("2026-07"), as_of=NOW)
        owed = {f.figure.rule.code: f.figure.required for f in found if f.username == "wang"}
    assert owed == {"deputy-monthly": 3, "recruiter-monthly": 11}  # 11 and 12 of 23 working days
