"""The pages of the working calendar: a year, a change by hand, an import with its preview."""

import io
from datetime import date

import pytest
from sqlalchemy import select

from crm.base.workdays import Source
from crm.people.rules import Duty, Role
from crm.quotas.models import WorkdayOverride
from crm.quotas.queries import working_calendar
from tests.factories import arranged, make_person, make_rule, make_unit, sign_in

YEAR = "/admin/calendar/2026"
IMPORT = "/admin/calendar/import"
DAYS = {"first": "2026-07-20", "last": "2026-07-21", "kind": "rest", "reason": "停电检修"}
FILE = "date,kind,name\n2026-07-20,休,停电\n2026-07-25,班,补班\n"


@pytest.fixture
def root(app):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
    return sign_in(app, "root")


def overrides(app):
    with arranged(app) as db:
        rows = db.scalars(select(WorkdayOverride).order_by(WorkdayOverride.on))
        return [(row.on.day, row.is_workday, row.source, row.note) for row in rows]


def upload(client, text):
    return client.post(IMPORT, data={"file": (io.BytesIO(text.encode()), "calendar.csv")})


def content_of(page):
    return page.split('name="content" type="hidden" value="')[1].split('"')[0]


def test_a_year_shows_each_month_with_its_working_days(root):
    page = root.get(YEAR).text

    assert "共 248 个工作日" in page
    assert '2月<span class="card-hint">16 个工作日' in page
    assert "2月14日：调休上班，国务院放假安排" in page
    assert "2月17日：放假，国务院放假安排" in page


def test_a_last_week_that_is_estimated_says_so(root):
    assert "2026年第53周" in root.get(YEAR).text


def test_a_year_that_is_estimated_says_so(root):
    page = root.get("/admin/calendar/2027").text

    assert "2027 年的放假安排尚未公布或导入" in page
    assert "7月1日：工作日，推算" in page


def test_the_first_page_is_the_year_of_today(root):
    assert "2026年 · 共" in root.get("/admin/calendar").text


def test_dates_are_set_by_hand_and_taken_back(root, app):
    saved = root.post(f"{YEAR}/days", data=DAYS, follow_redirects=True).text
    kept = overrides(app)
    back = {"first": "2026-07-20", "last": "2026-07-21"}
    undone = root.post(f"{YEAR}/take-back", data=back, follow_redirects=True).text

    assert "有 2 天的上班或休息发生变化" in saved
    assert "7月20日至21日" in saved
    assert kept == [(day, False, Source.OVERRIDE, "停电检修") for day in (20, 21)]
    assert "已撤回" in undone
    assert overrides(app) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"reason": ""}, "请填写原因。"),
        ({"kind": ""}, "请选择工作日或休息日。"),
        ({"first": ""}, "请选择日期。"),
        ({"last": "2026-07-01"}, "结束日期早于开始日期。"),
        ({"last": "2026-12-01"}, "一次最多调整 62 天"),
        ({"first": "1026-07-20"}, "请检查年份。"),
    ],
)
def test_bad_input_is_reported_at_its_field_and_kept(root, app, wrong, sentence):
    answer = root.post(f"{YEAR}/days", data=DAYS | wrong)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert wrong.get("reason") == "" or 'value="停电检修"' in answer.text
    assert overrides(app) == []


def test_a_file_is_previewed_then_applied(root, app):
    with arranged(app) as db:
        make_rule(db)
        make_person(db, "deputy", duty=Duty.DEPUTY, unit=make_unit(db))

    page = upload(root, FILE).text
    kept = overrides(app)
    applied = root.post(f"{IMPORT}/apply", data={"content": FILE}, follow_redirects=True).text

    assert "7月20日（周一）" in page
    assert "7月25日（周六）" in page
    assert kept == []
    assert "已导入 2 天" in applied
    assert overrides(app) == [
        (20, False, Source.IMPORTED, "停电"),
        (25, True, Source.IMPORTED, "补班"),
    ]


def test_a_preview_shows_what_the_open_periods_will_require(root, app):
    with arranged(app) as db:
        make_rule(db)
        make_person(db, "deputy", duty=Duty.DEPUTY, unit=make_unit(db))
    text = "date,kind\n" + "".join(f"2026-07-{day:02},休\n" for day in range(1, 32))

    page = upload(root, text).text

    assert "23 → 0" in page
    assert "1 人的应完成数有变化，例如 6 → 0" in page
    with arranged(app) as db:
        assert working_calendar(db).is_workday(date(2026, 7, 20))


def test_the_whole_preview_is_applied(root, app):
    page = upload(root, FILE).text
    content = content_of(page).replace("&#34;", '"')

    root.post(f"{IMPORT}/apply", data={"content": content})

    assert [day for day, *_ in overrides(app)] == [20, 25]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "请选择文件。"),
        ("date,kind\n2026-07-20,maybe\n", "第 2 行：“maybe”不在可选范围内"),
        ("date\n2026-07-20\n", "缺少列"),
        ("x" * 300_000, "文件过大"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(root, text, sentence):
    answer = upload(root, text)

    assert (answer.status_code, sentence in answer.text) == (422, True)


def test_a_template_can_be_downloaded(root):
    assert root.get("/admin/calendar/template.csv").text.startswith("\ufeff日期,类型")


def test_the_template_as_a_spreadsheet_can_be_previewed(root):
    template = root.get("/admin/calendar/template.xlsx")

    shown = root.post(IMPORT, data={"file": (io.BytesIO(template.data), "2027.xlsx")})

    assert "calendar.xlsx" in template.headers["Content-Disposition"]
    assert shown.status_code == 200
    assert "2027-02-08,holiday" in shown.text


@pytest.mark.parametrize("year", ["1999", "2101", "99999999999999999999"])
def test_a_year_out_of_range_is_not_found(root, year):
    assert root.get(f"/admin/calendar/{year}").status_code == 404


@pytest.mark.parametrize("path", ["/admin/calendar", YEAR, IMPORT])
def test_others_do_not_find_the_pages(app, root, path):
    with arranged(app) as db:
        make_person(db, "boss", role=Role.SUPERVISOR)

    assert sign_in(app, "boss").get(path).status_code == 404
    assert sign_in(app, "boss").post(f"{YEAR}/days", data=DAYS).status_code == 404


def test_without_login_each_page_redirects_to_login(client):
    assert client.get(YEAR).headers["Location"].startswith("/login")
