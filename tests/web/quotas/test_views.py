"""The board of a period, the explanation of a figure, and the late visits."""

import re
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import event, select, update

from crm.base.audit import record
from crm.base.clock import at_civil
from crm.base.periods import Period, PeriodKind
from crm.extensions import db as database_of_app
from crm.jobs import ledger
from crm.people.models import Posting
from crm.people.rules import Duty, Role
from crm.quotas.models import FigureRecord, RuleVersion
from crm.quotas.rules import FigureStatus
from crm.visits.models import Visit, VisitParticipant
from crm.visits.rules import Channel, Kind, Status, Verdict
from tests.conftest import NOW
from tests.counting import statements_of
from tests.factories import (
    DEPUTY,
    PRINCIPAL,
    RECRUITER,
    arranged,
    make_absence,
    make_person,
    make_posting,
    make_rule,
    make_unit,
    make_visit,
    sign_in,
)

LATE = datetime(2026, 7, 14, 2, tzinfo=UTC)
JULY = "/compliance?period=2026-07"
WHOLE_JULY = date(2026, 7, 1), date(2026, 7, 31)
FIGURE = "/compliance/figure?rule=recruiter-monthly&person={}&period={}"


class Zone:
    """A zone with two bureaus and a team, a recruiter in each, and people who look at them."""

    def __init__(self, db):
        for values in (PRINCIPAL, DEPUTY, RECRUITER):
            make_rule(db, values)
        self.top = make_unit(db, "开发区", code="zone")
        self.invest = make_unit(db, "招商局", code="invest", parent=self.top)
        self.other = make_unit(db, "经发局", code="economy", parent=self.top)
        self.team = make_unit(db, "信息科", code="it", parent=self.invest)
        self.an = make_person(db, "an", name="安一", unit=self.invest)
        self.bai = make_person(db, "bai", name="白二", unit=self.team)
        self.chen = make_person(db, "chen", name="陈三", unit=self.other)
        for username, role, unit in (
            ("watch", Role.SUPERVISOR, self.invest),
            ("elsewhere", Role.SUPERVISOR, self.other),
            ("chief", Role.LEADER, self.top),
            ("reader", Role.READER, self.top),
        ):
            make_person(db, username, role=role, duty=Duty.STAFF, unit=unit)
        make_person(db, "root", role=Role.ADMIN, duty=None)


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


@pytest.fixture
def watch(app, zone):
    return sign_in(app, "watch")


def given(app, leader, on=date(2026, 7, 14), **values):
    with arranged(app) as db:
        return make_visit(db, leader, on, **values)


def late(app, leader, on=date(2026, 7, 3), **values):
    return given(app, leader, on, logged_at=LATE, entered_at=LATE, **values)


def freeze(db, person, period, status):
    """Keep a frozen figure of that status, of the unit of the person's posting."""
    numbers = {
        "required": 20,
        "achieved": 0,
        "planned": 0,
        "pace": 0,
        "workdays": 21,
        "present": 21,
    }
    rule = db.scalars(select(RuleVersion).where(RuleVersion.code == RECRUITER["code"])).one()
    unit_id = db.scalars(select(Posting.unit_id).where(Posting.person_id == person.id)).one()
    db.add(
        FigureRecord(
            rule_id=rule.id,
            rule_code=rule.code,
            person_id=person.id,
            unit_id=unit_id,
            period=period.name,
            first_on=period.first,
            last_on=period.last,
            explanation='{"counted": [], "not_counted": []}',
            frozen_at=at_civil(period.last),
            frozen_status=FigureStatus(status),
            **{f"frozen_{name}": number for name, number in numbers.items()},
        )
    )
    db.flush()


def verdict(app, visit):
    with arranged(app) as db:
        return db.get(Visit, visit.id).verdict


def figure(username, period="2026-07", rule="recruiter-monthly"):
    return f"/compliance/figure?rule={rule}&person={username}&period={period}"


def page_title(answer):
    return answer.text.partition("<title>")[2].partition("</title>")[0]


@contextmanager
def statements(app):
    """The statements that are sent meanwhile."""
    sent = []

    def note(_connection, _cursor, statement, *_rest):
        sent.append(statement)

    with app.app_context():
        engine = database_of_app.engine
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


# the board


def test_the_board_shows_the_people_of_the_units_below(app, zone, watch):
    given(app, zone.an)

    page = watch.get(JULY).text

    assert "安一" in page
    assert "白二" in page
    assert "陈三" not in page
    assert "<td>1/20 天<td>19<td>" in page
    assert "差 19 天，本月" in page


@pytest.mark.parametrize(
    ("username", "seen"),
    [("chief", "安一白二陈三"), ("root", "安一白二陈三"), ("elsewhere", "陈三"), ("an", "")],
)
def test_each_sees_the_people_of_their_own_scope(app, zone, username, seen):
    page = sign_in(app, username).get(JULY).text.split("<main")[1].split("</main>")[0]

    assert "".join(name for name in ("安一", "白二", "陈三") if name in page) == seen


@pytest.mark.parametrize("username", ["watch", "an", "reader"])
def test_the_board_says_what_its_rules_ask_and_no_others(app, zone, username):
    page = sign_in(app, username).get(JULY).text

    assert "专职招商人员每月外出拜访或驻城招商至少 20 天" in page
    assert "分管负责同志每月" not in page  # nobody holds the duty


def test_a_recruiter_sees_their_own_figure_only(app, zone):
    page = sign_in(app, "an").get(JULY).text

    assert 'class="card quota-card"' in page
    assert "/figures/2026-07/recruiter-monthly/an" in page
    assert "bai" not in page


def test_a_reader_sees_how_units_stand_and_no_person(app, zone):
    page = sign_in(app, "reader").get(JULY).text

    assert "招商局" in page
    assert "已无法达标" in page
    assert "安一" not in page
    assert "/figures/" not in page


def test_a_reader_is_not_offered_to_choose_among_people_unseen(app, zone):
    page = sign_in(app, "reader").get(f"{JULY}&status=on_track").text

    assert "按状态筛选" not in page
    assert "暂无该状态的人员" not in page


def test_a_kind_of_period_without_rules_for_me_says_so(app, zone):
    page = sign_in(app, "an").get("/compliance?kind=week").text

    assert "本期暂无您的考核" in page


def test_a_period_that_is_over_asks_nothing_of_today(app, zone):
    at_ans = sign_in(app, "an")

    assert "按序时进度应完成 10 天" in at_ans.get(JULY).text
    assert "按序时进度" not in at_ans.get("/compliance?period=2026-06").text
    assert "按序时进度" not in at_ans.get(FIGURE.format("an", "2026-06")).text


def test_a_unit_narrowed_to_a_status_keeps_the_sums_of_all(app, zone, watch):
    with arranged(app) as db:
        make_absence(db, make_person(db, "ai", name="艾四", unit=zone.invest), *WHOLE_JULY)

    page = watch.get(f"{JULY}&status=exempt").text

    assert "应考核 1，<em>已无法达标 1</em>，共差 20 天" in page
    assert "艾四" in page
    assert "安一" not in page


def test_people_are_sorted_by_unit_then_danger_then_name_and_not_by_results(app, zone, watch):
    with arranged(app) as db:
        zhong = make_person(db, "zhong", name="钟九", unit=zone.invest)
        make_absence(db, make_person(db, "ai", name="艾四", unit=zone.invest), *WHOLE_JULY)
    given(app, zone.bai)
    given(app, zhong)

    page = watch.get(JULY).text

    assert page.index("安一") < page.index("钟九") < page.index("艾四") < page.index("白二")


def test_people_without_need_of_attention_are_folded_on_a_long_board(app, zone, watch):
    with arranged(app) as db:
        for number in range(20):
            made = make_person(db, f"away{number}", name=f"休{number}", unit=zone.team)
            make_absence(db, made, *WHOLE_JULY)

    in_sight, folded = watch.get(JULY).text.split('<tbody class="others">')

    assert "显示其余 20 人" in in_sight
    assert "白二" in in_sight
    assert "休9" not in in_sight
    assert "休9" in folded
    assert "显示其余" not in watch.get(f"{JULY}&all=1").text
    assert "显示其余" not in watch.get(f"{JULY}&status=exempt").text


def test_a_row_shows_how_the_six_periods_before_ended(app, zone, watch):
    with arranged(app) as db:
        for month, status in ((3, "met"), (4, "missed"), (5, "exempt"), (6, "missed")):
            freeze(db, zone.an, Period.parse(f"2026-0{month}"), status)

    page = watch.get(JULY).text

    assert "<td title=4月、6月未达标>✓<s>✗</s>–<s>✗</s>" in page


def test_a_unit_can_be_chosen_with_all_below_it(app, zone):
    page = sign_in(app, "chief").get(f"{JULY}&unit=invest").text

    assert "白二" in page
    assert "陈三" not in page


@pytest.mark.parametrize("unit", ["economy", "zone", "nowhere"])
def test_a_unit_out_of_scope_is_not_found(watch, unit):
    assert watch.get(f"{JULY}&unit={unit}").status_code == 404


def test_a_status_can_be_chosen(app, zone, watch):
    with arranged(app) as db:
        make_absence(db, zone.bai, date(2026, 7, 1), date(2026, 7, 31))

    page = watch.get(f"{JULY}&status=exempt").text

    assert "白二" in page
    assert "安一" not in page


def test_a_status_that_nobody_has_says_so(watch):
    assert "暂无该状态的人员" in watch.get(f"{JULY}&status=missed").text


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("/compliance", "2026年7月"),
        ("/compliance?period=2026-W28", "2026年第28周"),
        ("/compliance?period=2025-12", "2025年12月"),
        ("/compliance?kind=week&on=2026-05-02", "2026年第18周"),
        ("/compliance?kind=nonsense&on=nonsense&status=nonsense", "2026年7月"),
        ("/compliance?period=2026-07-X2", "2026年7月中旬"),
    ],
)
def test_any_period_is_shown(watch, address, label):
    assert label in watch.get(address).text


@pytest.mark.parametrize("name", ["nonsense", "2026-13", "2026-W54", "1999-01", "9999-12"])
def test_a_malformed_period_is_not_found(watch, name):
    assert watch.get(f"/compliance?period={name}").status_code == 404


def test_the_board_links_to_the_periods_before_and_after(watch):
    page = watch.get("/compliance?period=2026-06").text

    assert "period=2026-05" in page
    assert 'aria-label="下一期"' in page
    assert "回到本期" in page
    assert 'aria-label="下一期"' not in watch.get(JULY).text


def test_only_kinds_that_a_rule_has_are_offered(app, zone, watch):
    with arranged(app) as db:
        make_rule(db, RECRUITER, code="x", period=PeriodKind.QUARTER)

    page = watch.get("/compliance").text

    assert all(word in page for word in ("按周", "按月", "按季度"))
    assert "按旬" not in page


def test_an_open_period_says_what_still_waits(app, zone, watch):
    given(app, zone.an, date(2026, 7, 9), status=Status.PLANNED)
    late(app, zone.an)

    page = watch.get(JULY).text

    assert "初步数：本期尚未结束，还有 1 次拜访待办结、1 次拜访待确认。" in page


@pytest.mark.parametrize(
    ("day", "is_open"),
    [(date(2026, 8, 1), True), (date(2026, 8, 5), True), (date(2026, 8, 6), False)],
)
def test_a_period_stays_open_for_three_working_days(app, zone, day, is_open):
    with time_machine.travel(datetime(day.year, day.month, day.day, 4, tzinfo=UTC), tick=False):
        page = sign_in(app, "watch").get(JULY).text

    assert ("初步数：本期可补录至8月5日" in page) is is_open


def test_an_estimated_calendar_is_mentioned(watch):
    assert "工作日为推算" in watch.get("/compliance?period=2027-03").text
    assert "工作日为推算" not in watch.get(JULY).text


def test_a_zone_without_rules_says_so(app):
    with arranged(app) as db:
        make_person(db, "watch", role=Role.SUPERVISOR)

    assert "本期暂无考核数据" in sign_in(app, "watch").get("/compliance").text


def test_whoever_moved_is_listed_where_they_last_held_the_duty(app, zone, watch):
    with arranged(app) as db:
        gone = make_person(db, "gone", name="高七", duty=None)
        make_posting(db, gone, unit=zone.invest, to_on=date(2026, 7, 9))
        make_posting(db, gone, unit=zone.other, from_on=date(2026, 7, 10))

    assert "高七" not in watch.get(JULY).text
    assert "高七" in watch.get("/compliance?period=2026-06").text


def test_the_address_of_a_figure_may_be_a_path_or_a_query(watch):
    by_path = watch.get("/figures/2026-07/recruiter-monthly/an")

    assert by_path.status_code == 200
    assert page_title(by_path) == page_title(watch.get(FIGURE.format("an", "2026-07")))
    assert watch.get("/figures/2026-07/recruiter-monthly/chen").status_code == 404


def test_an_address_without_a_rule_shows_the_figure_that_is_seen(app, zone, watch):
    with arranged(app) as db:
        make_rule(db, RECRUITER, code="a-second", minimum=3)

    page = watch.get(JULY).text

    assert "href=/figures/2026-07/recruiter-monthly/an>" in page
    assert page_title(watch.get("/figures/2026-07/an")).startswith("安一 2026年7月")
    assert watch.get("/figures/2026-07/chen").status_code == 404


def test_a_unit_of_people_unseen_tells_no_sum_of_gaps(app, zone):
    with arranged(app) as db:
        boss = make_person(db, "boss", duty=Duty.DEPUTY, unit=zone.invest)
        make_person(db, "under", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=zone.invest)

    page = sign_in(app, "under").get(JULY).text

    assert boss.name not in page
    assert "共差 20 天" in page
    assert "6 次" not in page.partition("<tbody")[2]


def test_a_board_of_two_hundred_people_is_at_most_sixty_kilobytes(app, zone):
    with arranged(app) as db:
        for number in range(20):
            unit = make_unit(db, f"新一代信息技术产业园{number}", parent=zone.top)
            for place in range(10):
                duty = Duty.RECRUITER if place else Duty.DEPUTY
                name = f"王小{number}{place}"
                made = make_person(db, f"wang{number:02}{place}", name=name, duty=duty, unit=unit)
                freeze(db, made, Period.parse("2026-06"), "missed" if place < 2 else "met")
                if place % 4 == 0:
                    make_absence(db, made, *WHOLE_JULY)

    page = sign_in(app, "chief").get(JULY).text

    assert page.count("<tr class=") > 200
    assert len(page.encode()) <= 60_000


def test_a_board_of_many_costs_no_more_statements_than_a_board_of_few(app, zone, watch):
    with statements(app) as few:
        watch.get(JULY)
    with arranged(app) as db:
        for number in range(200):
            person = make_person(db, f"many{number}", unit=zone.team)
            make_visit(db, person, date(2026, 7, 1 + number % 14))

    with statements(app) as many:
        page = watch.get(JULY).text

    assert "many199" in page
    assert len(many) == len(few)
    assert len(many) <= 25, "\n\n".join(many)


# one figure


def test_a_figure_says_how_what_is_owed_came_about(app, zone, watch):
    with arranged(app) as db:
        make_absence(db, zone.an, date(2026, 7, 22), date(2026, 7, 31))

    page = watch.get(figure("an")).text

    assert "每月应完成 20 天；本期 23 个工作日，在岗 15 个。" in page
    assert "20 × 15 ÷ 23 ≈ 13.04，向上取整为 14 天。" in page
    assert "7月22日至31日 休假" in page


def test_a_figure_says_from_when_the_duty_was_held_and_what_bounds_it(app, zone):
    with arranged(app) as db:
        make_person(db, "new", unit=zone.invest, from_on=date(2026, 7, 16))
        make_rule(db, RECRUITER, code="x", minimum=40)

    page = sign_in(app, "watch").get(figure("new", rule="x")).text

    assert "40 × 12 ÷ 23 ≈ 20.87，向上取整为 21 天。" in page
    assert "不超过在岗自然日（16 天），按 16 天计。" in page
    assert "7月16日至31日" in page


def test_whoever_is_away_all_the_time_is_exempt(app, zone, watch):
    with arranged(app) as db:
        make_absence(db, zone.an, date(2026, 7, 1), date(2026, 7, 31))

    assert "本期没有在岗工作日，免考核。" in watch.get(figure("an")).text


def test_a_figure_goes_through_every_visit(app, zone, watch):
    given(app, zone.an, date(2026, 7, 6), kind=Kind.RESIDENCY, days=3, city="上海")
    given(app, zone.an, date(2026, 7, 7), city="苏州")
    given(app, zone.an, date(2026, 7, 9), channel=Channel.PHONE, city="无锡")
    given(app, zone.an, date(2026, 7, 10), status=Status.CANCELLED, city="常州")

    counted, left_out = watch.get(figure("an")).text.split("未计入的拜访", maxsplit=1)

    assert "7月6日至8日" in counted
    assert "计 3 天" in counted
    assert "同一天已计一次" in left_out
    assert "不重复计" in left_out
    assert left_out.count("未计 1 天") == 2  # the call and the cancelled one, no date that counts
    assert "“线上对接”不在计入的类型内" in left_out
    assert "已取消" in left_out


def test_a_figure_shows_each_day_with_what_happened_on_it(app, zone, watch):
    given(app, zone.an, date(2026, 7, 6), city="苏州")
    given(app, zone.an, date(2026, 7, 9), channel=Channel.PHONE, city="无锡")
    given(app, zone.an, date(2026, 7, 16), status=Status.PLANNED)

    page = watch.get(figure("an")).text
    squares = page.split("<table")[1].split("</table>")[0]

    assert "差 19 天，本月" in page.split("<table")[0]
    found = re.findall(r'<td class="day-(counted|uncounted|planned)', squares)
    assert found == ["counted", "uncounted", "planned"]
    assert "<b>7月9日 周四</b> 未计入" in squares
    assert "“线上对接”不在计入的类型内" in squares
    assert "计入 1 天" in page


@pytest.mark.parametrize(
    ("period", "rows"), [("2026-W28", 1), ("2026-07", 5), ("2026-Q3", 14), ("2026-07-X2", 3)]
)
def test_a_period_is_shown_in_weeks(app, zone, watch, period, rows):
    with arranged(app) as db:
        make_rule(db, RECRUITER, code="x", period=Period.parse(period).kind)

    page = watch.get(figure("an", period, rule="x")).text

    assert page.split("<tbody>")[1].split("</tbody>")[0].count("<tr>") == rows


def test_a_stay_under_way_says_that_it_counts_beforehand(app, zone, watch):
    given(app, zone.an, date(2026, 7, 13), kind=Kind.RESIDENCY, days=5, status=Status.PLANNED)

    assert "驻城进行中，今天以前的日期先行计入" in watch.get(figure("an")).text


def test_a_hidden_visit_is_listed_without_its_details(app, zone, watch):
    with arranged(app) as db:
        gone = make_person(db, "gone", duty=None)
        make_posting(db, gone, unit=zone.invest, to_on=date(2026, 6, 30))
        make_posting(db, gone, unit=zone.other, from_on=date(2026, 7, 1))
        visit = make_visit(db, gone, date(2026, 6, 5), city="苏州")

    page = watch.get(figure("gone", "2026-06")).text

    assert "详情不在您的权限范围内" in page
    assert "苏州" not in page
    assert f"/visits/{visit.id}" not in page


@pytest.mark.parametrize(
    ("username", "whose", "status"),
    [
        ("an", "an", 200),
        ("an", "bai", 404),
        ("watch", "bai", 200),
        ("watch", "chen", 404),
        ("chief", "chen", 200),
        ("root", "chen", 200),
        ("reader", "an", 404),
        ("watch", "nobody", 404),
        ("watch", "watch", 404),
    ],
)
def test_a_figure_is_shown_to_its_person_and_the_line_of_command(
    app, zone, username, whose, status
):
    assert sign_in(app, username).get(figure(whose)).status_code == status


@pytest.mark.parametrize(
    "address",
    [
        "/compliance/figure",
        figure("an", "nonsense"),
        figure("an", "2026-W28"),
        figure("an", rule="nonsense"),
        figure("an", "2019-01"),
        figure("%00"),
    ],
)
def test_a_figure_that_does_not_exist_is_not_found(watch, address):
    assert watch.get(address).status_code == 404


# what waits for a verdict


def waiting(client):
    return client.get("/compliance?tab=waiting").text


def test_what_was_logged_late_waits_for_the_supervisor(app, zone, watch):
    visit = late(app, zone.bai)
    given(app, zone.an)
    late(app, zone.chen)

    page = waiting(watch)

    assert f"/visits/{visit.id}/confirm" in page
    assert page.count("/confirm") == 1
    assert "结束 11 天后办结（7月14日）" in page


def entered_late(app, leader, **given):
    """A stay under way, from the 1st to the 20th, entered on the 13th."""
    stay = {"kind": Kind.RESIDENCY, "status": Status.PLANNED, "late_by_days": 12}
    with arranged(app) as db:
        return make_visit(db, leader, date(2026, 7, 1), days=20, **stay | given)


def test_days_entered_late_wait_for_the_supervisor_while_the_stay_is_under_way(app, zone, watch):
    visit = entered_late(app, zone.bai)

    page = waiting(watch)

    assert f"/visits/{visit.id}/confirm" in page
    assert "最早一天过去 12 天后才登记" in page


def test_days_that_nobody_owes_need_no_verdict(app, zone, watch):
    with arranged(app) as db:
        deputy = make_person(db, "deputy", duty=Duty.DEPUTY, unit=zone.team)
    entered_late(app, deputy)

    assert "暂无待确认的拜访" in waiting(watch)


def test_what_waits_says_whom_they_met_and_what_was_said_or_that_it_is_missing(app, zone, watch):
    late(app, zone.bai, met="韩总", position="投资总监", minutes="谈了用地")
    bare = waiting(watch)
    late(app, zone.bai)

    page = waiting(watch)

    assert "韩总 投资总监" in page
    assert "谈了用地" in page
    assert "未填写会见人和洽谈情况" not in bare
    assert "未填写会见人和洽谈情况" in page


def test_a_colleague_named_late_makes_a_visit_wait(app, zone, watch):
    visit = entered_late(app, zone.bai, late_by_days=0, participants=[zone.an])
    with arranged(app) as db:
        db.execute(update(VisitParticipant).values(late_by_days=15))

    page = waiting(watch)

    assert f"/visits/{visit.id}/confirm" in page
    assert "最早一天过去 15 天后才登记" in page


def test_a_stay_under_way_is_confirmed_from_its_page_and_its_days_count(app, zone, watch):
    visit = entered_late(app, zone.bai)
    page = watch.get(f"/visits/{visit.id}").text

    watch.post(f"/visits/{visit.id}/confirm")

    assert f"/visits/{visit.id}/confirm" in page
    assert "待确认" in page
    assert "共 14 天" in watch.get(figure("bai")).text


def test_the_explanation_says_why_days_entered_late_wait(app, zone, watch):
    entered_late(app, zone.bai)

    sentence = "最早一天过去 12 天后才登记，超过 9 天的补录期限，督查人员确认后计入"
    assert sentence in watch.get(figure("bai")).text


def test_a_stay_that_has_ended_says_until_when_it_counts_beforehand(app, zone, watch):
    with arranged(app) as db:
        stay = {"kind": Kind.RESIDENCY, "status": Status.PLANNED}
        make_visit(db, zone.bai, date(2026, 7, 6), days=8, **stay)

    assert "待办结：已先行计入，7月16日前办结即可" in watch.get(figure("bai")).text


def test_the_explanation_says_why_a_figure_is_at_risk(app, zone, watch):
    with arranged(app) as db:
        make_visit(db, zone.bai, date(2026, 7, 6), days=5, kind=Kind.RESIDENCY)

    sentence = "有风险：还需 15 天，剩余 13 个在岗工作日；即使按平均进度的1.5倍推进也难以完成"
    assert sentence in watch.get(figure("bai")).text


def test_what_no_rule_counts_needs_no_verdict(app, zone, watch):
    late(app, zone.bai, kind=Kind.RECEPTION)

    assert "暂无待确认的拜访" in waiting(watch)


@pytest.mark.parametrize("username", ["an", "chief", "reader"])
def test_only_supervisors_have_the_list_of_late_visits(app, zone, username):
    client = sign_in(app, username)

    assert client.get("/compliance?tab=waiting").status_code == 404
    assert "待确认</a>" not in client.get("/compliance").text


def test_a_visit_is_confirmed_in_the_list_and_the_effect_is_shown(app, zone, watch):
    visit = late(app, zone.bai)
    back = "/compliance?tab=waiting"

    answer = watch.post(f"/visits/{visit.id}/confirm", data={"back": back})

    page = watch.get(answer.location).text
    assert answer.location == back
    assert verdict(app, visit) is Verdict.CONFIRMED
    assert "0/20 → 1/20" in page
    assert "暂无待确认的拜访" in page


def test_the_explanation_leads_to_the_page_of_the_verdict_and_says_what_it_was(app, zone, watch):
    visit = late(app, zone.bai)

    page = watch.get(figure("bai")).text
    watch.post(f"/visits/{visit.id}/reject", data={"reason": "没有成行"})

    assert f'class="btn" href="/visits/{visit.id}"' in page
    assert verdict(app, visit) is Verdict.REJECTED
    assert "已被督查人员退回：没有成行" in watch.get(figure("bai")).text


def test_a_rejected_visit_can_be_confirmed_after_all(app, zone, watch):
    visit = given(app, zone.bai, verdict=Verdict.REJECTED)

    assert "查看并核定" in watch.get(figure("bai")).text
    page = watch.get(f"/visits/{visit.id}").text
    assert f"/visits/{visit.id}/confirm" in page
    assert f"/visits/{visit.id}/reject" not in page


def test_nobody_judges_a_visit_of_their_own(app, zone, watch):
    with arranged(app) as db:
        own = make_person(db, "both", role=Role.SUPERVISOR, unit=zone.invest)
    late(app, own)

    page = sign_in(app, "both").get(figure("both")).text

    assert "督查人员确认后计入" in page
    assert "查看并核定" not in page


@pytest.mark.parametrize("path", ["/compliance", "/compliance?tab=waiting", figure("an")])
def test_strangers_are_sent_to_the_door(client, path):
    assert "/login" in client.get(path).location


def test_a_month_before_the_installation_says_that_it_is_retraced(app, zone, watch):
    with arranged(app) as db:
        ledger.install(db, clock_from=at_civil(date(2026, 7, 10)), now=NOW)

    june, july = (watch.get(f"/compliance?period=2026-{month}").text for month in ("06", "07"))
    of_june = watch.get(figure("an", period="2026-06")).text

    assert "按现有记录回溯：本期早于系统启用，不核算、不定稿。" in june
    assert "初步数" not in june
    assert "初步数" in july
    assert "按现有记录回溯" in of_june


def test_days_of_a_late_stay_that_count_by_another_visit_are_not_called_uncounted(app, zone, watch):
    given(app, zone.an, date(2026, 7, 2), kind=Kind.RESIDENCY, days=3, city="上海")
    late = {"logged_at": at_civil(date(2026, 7, 14)), "late_by_days": 13}
    given(app, zone.an, date(2026, 7, 1), kind=Kind.RESIDENCY, days=4, city="苏州", **late)

    page = watch.get(figure("an")).text

    assert "未计 1 天，3 天已由其他拜访计入" in page


def test_a_later_view_of_the_board_reads_no_visits(app):
    with arranged(app) as db:
        make_rule(db, RECRUITER)
        boss = make_person(db, "boss", role=Role.ADMIN, duty=Duty.STAFF)
        make_visit(db, make_person(db, "someone"))
        record(db, "person.added", boss, by=None, at=NOW)
    client = sign_in(app, "boss")
    first = client.get("/compliance?period=2026-07")

    with statements_of(app) as statements:
        second = client.get("/compliance?period=2026-07")

    assert second.data == first.data
    assert [statement for statement in statements if "FROM visit" in statement] == []


def test_a_board_that_is_opened_again_follows_the_time_and_every_change(app, zone, watch):
    with arranged(app) as db:
        visit = make_visit(db, zone.an, date(2026, 7, 16), status=Status.PLANNED)
        record(db, "visit.planned", visit, by=zone.an, at=NOW)
    before = board_rows(watch)

    with arranged(app) as db:
        db.get(Visit, visit.id).status = Status.CANCELLED
        record(db, "visit.cancelled", visit, by=zone.an, at=NOW)
    changed = board_rows(watch)
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        next_day = board_rows(watch)

    assert board_rows(watch) == changed
    assert len({before, changed, next_day}) == 3


def board_rows(client):
    return client.get(JULY).text.split('class="board-rows')[1].split("</table>")[0]
