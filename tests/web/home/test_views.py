"""My day: my figures, my visits and follow-ups, and the trouble of my units."""

from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import pytest
from sqlalchemy import update

from crm.jobs import lease, ledger
from crm.jobs.models import JobRun
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.leads.tiers import Tier
from crm.people.queries import by_username
from crm.people.rules import Duty, Role
from crm.supervision.rules import OrderState
from crm.targets.models import Target
from crm.targets.rules import Metric, TargetMeasure
from crm.visits.models import Visit
from crm.visits.rules import Kind, Status
from crm.web.visits.rows import steps
from tests.conftest import NOW
from tests.counting import statements_of
from tests.factories import (
    arranged,
    make_absence,
    make_followup,
    make_lead,
    make_order,
    make_person,
    make_regime,
    make_role,
    make_unit,
    make_visit,
    sign_in,
)

YESTERDAY, TODAY = date(2026, 7, 14), date(2026, 7, 15)
MOST_OF_ADMIN = 60


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        make_regime(db)
        return make_unit(db, "开发区")


@pytest.fixture
def lina(app, zone):
    with arranged(app) as db:
        return make_person(db, "lina", name="李娜", unit=make_unit(db, "一局", parent=zone))


def day_of(app, username):
    return sign_in(app, username).get("/").text


def test_anonymous_visitors_are_redirected_to_the_login(client):
    assert client.get("/").location == "/login?next=/"


def test_a_quota_card_shows_what_is_missing_and_the_days_left(app, lina):
    with arranged(app) as db:
        make_visit(db, lina, date(2026, 7, 1), days=14, kind=Kind.RESIDENCY)

    page = day_of(app, "lina")

    assert "差 6 天，本月还有 13 个工作日，无计划。" in page
    assert "/figures/2026-07/recruiter-monthly/lina" in page


def test_leave_that_is_to_come_is_named(app, lina):
    with arranged(app) as db:
        make_absence(db, lina, date(2026, 7, 20), date(2026, 7, 31))

    assert "本月只剩 3 个在岗工作日（另请假 10 天）" in day_of(app, "lina")


def test_an_unreachable_figure_says_what_can_still_be_done(app, lina):
    assert "差 20 天，本月只剩 13 个工作日，无计划，最多再完成 17 天。" in day_of(app, "lina")


def test_an_empty_day_suggests_what_to_do(app, lina):
    page = day_of(app, "lina")

    assert "今天暂无拜访" in page
    assert "暂无到期跟进" in page
    assert "empty-state" not in page
    assert 'href="/visits/new"' in page


def test_a_past_planned_visit_can_be_settled(app, lina):
    with arranged(app) as db:
        visit = make_visit(db, lina, YESTERDAY, status=Status.PLANNED)

    page = day_of(app, "lina")

    assert "待办结拜访" in page
    assert f'action="/visits/{visit.id}/done"' in page
    assert f'action="/visits/{visit.id}/move"' in page
    assert f'action="/visits/{visit.id}/cancel"' in page


@pytest.mark.parametrize(("last", "text"), [(14, "7月17日前办结"), (11, "已逾期，办结后须确认")])
def test_a_stay_that_has_ended_says_until_when_it_is_set_done_in_time(app, lina, last, text):
    stay = {"days": 4, "kind": Kind.RESIDENCY, "status": Status.PLANNED}
    with arranged(app) as db:
        make_visit(db, lina, date(2026, 7, last - 3), **stay)

    assert text in day_of(app, "lina")


def test_a_figure_at_risk_says_its_gap_and_that_nothing_is_planned(app, lina):
    with arranged(app) as db:
        make_visit(db, lina, date(2026, 7, 1), days=5, kind=Kind.RESIDENCY)

    page = day_of(app, "lina")

    assert "差 15 天，本月只剩 13 个工作日，无计划。" in page


def test_a_future_visit_can_be_moved_but_not_completed(app, lina):
    with arranged(app) as db:
        visit = make_visit(db, lina, date(2026, 7, 16), status=Status.PLANNED)

    page = day_of(app, "lina")

    assert "未来七天" in page
    assert f'action="/visits/{visit.id}/done"' not in page
    assert f'action="/visits/{visit.id}/move"' in page


def test_the_page_has_one_primary_button(app, lina):
    with arranged(app) as db:
        for on in (YESTERDAY, date(2026, 7, 13)):
            make_visit(db, lina, on, status=Status.PLANNED)

    assert day_of(app, "lina").count("btn-primary") == 1


def test_due_followups_are_listed_overdue_first(app, lina):
    with arranged(app) as db:
        lead = make_lead(db, "晶圆基地")
        make_followup(db, lead, lina, TODAY, what="寄送政策")
        make_followup(db, lead, lina, YESTERDAY, what="回访用地")
        make_followup(db, lead, lina, date(2026, 7, 20), what="约见电力")

    page = day_of(app, "lina")

    assert page.index("回访用地") < page.index("寄送政策") < page.index("约见电力")
    assert "已逾期 1 天" in page


def test_a_supervisor_sees_figures_in_danger_and_the_todo_list(app, zone, lina):
    with arranged(app) as db:
        make_person(db, "sun", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=zone)
        make_visit(db, lina, date(2026, 7, 3), logged_at=datetime(2026, 7, 12, tzinfo=UTC))

    page = day_of(app, "sun")

    assert "超期补录的拜访待确认" in page
    assert "一局" in page
    assert "李娜" in page


def test_a_single_order_is_named_and_several_are_counted(app, zone):
    with arranged(app) as db:
        watch = make_person(db, "sun", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=zone)
        first = make_order(db, zone, officer=watch, matter="厂房交付")
    alone = day_of(app, "sun")
    with arranged(app) as db:
        make_order(db, zone, officer=db.merge(watch), matter="道路交付")
    both = day_of(app, "sun")

    assert "厂房交付" in alone
    assert f'href="/supervision/{first.id}"' in alone
    assert "厂房交付" not in both
    assert 'href="/supervision?view=waiting"' in both


def test_an_empty_todo_list_is_not_shown(app, lina):
    assert "待我处理" not in day_of(app, "lina")


def test_figures_in_danger_follow_the_order_of_the_unit_tree(app, zone, lina):
    with arranged(app) as db:
        make_person(db, "sun", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=zone)
        make_person(db, "bo", name="薄云", unit=make_unit(db, "二局", code="a", parent=zone))
        make_person(db, "top", name="单一", unit=zone)

    page = day_of(app, "sun")

    assert page.index("单一") < page.index("李娜")
    assert page.index("单一") < page.index("薄云")
    assert page.index("薄云") < page.index("今天暂无拜访")


def test_of_many_in_danger_each_unit_has_one_before_any_has_a_second(app, zone, lina):
    with arranged(app) as db:
        make_person(db, "sun", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=zone)
        second = make_unit(db, "二局", code="a", parent=zone)
        for n in range(9):
            make_person(db, f"p{n}", name=f"甲{n}", unit=second)

    page = day_of(app, "sun")

    assert "10 人已无法达标" in page
    assert "甲6" in page
    assert "甲7" not in page
    assert "李娜" in page
    assert "其余 2 人，见达标看板" in page


def test_a_supervisor_reads_first_who_will_miss_a_quota_and_why(app, zone, lina):
    with arranged(app) as db:
        watch = make_person(db, "sun", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=zone)
        make_order(db, zone, officer=watch)

    page = day_of(app, "sun")

    assert "驻城天数 0/20 天，差 20 天，本月只剩 13 个工作日，无计划" in page
    assert page.index("李娜") < page.index("督办单待下达") < page.index("今天暂无拜访")


def test_a_leader_reads_targets_people_and_orders_before_the_own_figure(app, zone, lina):
    issued = {"state": OrderState.ISSUED, "number_year": 2026, "issued_at": NOW}
    with arranged(app) as db:
        make_person(db, "yan", role=Role.LEADER, duty=Duty.DEPUTY, unit=zone)
        goal = {"metric": Metric.SIGNED, "tier": Tier.YI_10, "measure": TargetMeasure.COUNT}
        db.add(Target(year=2026, unit_id=zone.id, count=7, **goal))
        for n, (matter, due_on) in enumerate((("道路", TODAY), ("厂房", YESTERDAY)), start=1):
            make_order(db, zone, matter=matter, number=n, due_on=due_on, **issued)

    page = day_of(app, "yan")

    parts = ("差 7 个，落后 50", "差 20 天", "在办 2 件，逾期 1 件", "差 6 次")
    places = [page.index(part) for part in parts]
    assert places == sorted(places)
    assert page.rindex("厂房") < page.rindex("道路")


def test_a_supervisor_without_a_posting_sees_nobody(app, zone, lina):
    with arranged(app) as db:
        make_person(db, "sun", role=Role.SUPERVISOR, duty=None)

    assert "需要关注" not in day_of(app, "sun")


def test_a_supervisor_of_another_unit_sees_nothing(app, lina):
    with arranged(app) as db:
        make_person(db, "sun", role=Role.SUPERVISOR, duty=Duty.STAFF)
        make_visit(db, lina, date(2026, 7, 3), logged_at=datetime(2026, 7, 12, tzinfo=UTC))

    page = day_of(app, "sun")

    assert "待确认" not in page
    assert "李娜" not in page
    assert "本期暂无需关注人员" in page


def test_a_reader_sees_units_and_digests_but_no_people_and_no_records(app, zone, lina):
    with arranged(app) as db:
        make_person(db, "reader", role=Role.READER, duty=Duty.STAFF, unit=zone)
        for n in range(2):
            make_person(db, f"p{n}", unit=zone)

    page = day_of(app, "reader")

    assert "本月应考核" in page
    assert "已无法达标 3" in page
    assert 'href="/digests"' in page
    assert "李娜" not in page
    assert "登记拜访" not in page


@pytest.fixture
def silent(app, zone):
    """A clock that nobody has run for an hour, and an admin."""
    with arranged(app) as db:
        ledger.install(db, clock_from=NOW, now=NOW)
        lease.acquire(db, "a node", lasts=lease.LASTS - timedelta(hours=1))
        make_person(db, "chen", role=Role.ADMIN, duty=Duty.STAFF, unit=zone)


def test_an_admin_is_warned_of_a_stopped_clock(app, silent):
    page = day_of(app, "chen")

    assert "定时任务已停止 1 小时" in page
    assert "crm clock" in page


def test_others_are_not_warned_of_the_clock(app, silent, lina):
    assert "定时任务" not in day_of(app, "lina")


def test_an_admin_is_warned_of_an_overdue_slot(app, silent):
    with arranged(app) as db:
        lease.acquire(db, "a node")
        db.execute(update(JobRun).values(due_at=NOW - timedelta(days=1)))

    page = day_of(app, "chen")

    assert "“进度提醒”（2026-07-14）应于 7月14日 12:00 执行，至今未完成" in page
    assert "crm doctor" in page


def test_a_running_clock_gives_no_warning(app, silent):
    with arranged(app) as db:
        lease.acquire(db, "a node")

    assert "定时任务" not in day_of(app, "chen")


def test_the_number_of_queries_is_constant(app, lina):
    with arranged(app) as db:
        lead = make_lead(db)
        for _ in range(12):
            make_visit(db, lina, TODAY, status=Status.PLANNED, leads=[lead])
            make_followup(db, lead, lina, TODAY)
    client = sign_in(app, "lina")

    with statements_of(app) as statements:
        assert client.get("/").status_code == 200

    assert len(statements) <= 36, f"{len(statements)}"


def fill_bureaus(app, zone, numbers):
    """Give each bureau people with late visits and orders, and the admin a visit and follow-up."""
    with arranged(app) as db:
        chen = by_username(db, "chen")
        lead = make_lead(db)
        for n in numbers:
            bureau = make_unit(db, f"{n}局", parent=zone)
            make_order(db, bureau, officer=chen, matter=f"事项{n}")
            make_visit(db, chen, TODAY, status=Status.PLANNED, leads=[lead])
            make_followup(db, lead, chen, TODAY)
            for person in (make_person(db, f"p{n}{k}", unit=bureau) for k in range(3)):
                make_absence(db, person, TODAY, TODAY, approved_at=None)
                make_visit(db, person, date(2026, 7, 3), logged_at=NOW)


def test_the_queries_of_an_admin_are_constant(app, silent, zone):
    client = sign_in(app, "chen")
    fill_bureaus(app, zone, range(2))
    with statements_of(app) as of_few:
        client.get("/")
    fill_bureaus(app, zone, range(2, 10))

    with statements_of(app) as of_many:
        page = client.get("/").text

    assert "待我处理" in page
    assert "需要关注" in page
    assert len(of_many) == len(of_few) <= MOST_OF_ADMIN


@pytest.mark.parametrize(
    ("on", "days", "finish"),
    [(14, 1, "办结"), (15, 1, "提前办结"), (15, 2, None), (16, 1, None)],
)
def test_a_visit_can_be_finished_from_its_last_day(db, on, days, finish):
    visit = make_visit(db, make_person(db), date(2026, 7, on), days=days, status=Status.PLANNED)

    assert steps(visit, NOW).finish == finish


@pytest.mark.parametrize(
    ("on", "labels", "dates"),
    [
        (14, ["明天", "7月21日 周二"], [16, 21]),
        (15, ["明天", "7月22日 周三"], [16, 22]),
        (20, ["后延一天", "7月27日 周一"], [21, 27]),
        (2, ["明天", "7月23日 周四"], [16, 23]),
    ],
)
def test_a_visit_moves_to_a_future_date(db, on, labels, dates):
    visit = make_visit(db, make_person(db), date(2026, 7, on), status=Status.PLANNED)

    moves = steps(visit, NOW).moves

    assert [move.label for move in moves] == labels
    assert [move.on.day for move in moves] == dates


def test_a_visit_of_another_year_shows_the_year(app, lina):
    with arranged(app) as db:
        make_visit(db, lina, date(2025, 7, 14))

    page = sign_in(app, "lina").get("/visits?period=all").text
    assert "2025年7月14日 周一" in page


class Touches(HTMLParser):
    """By address, how many menus are opened before a form of the page is in reach."""

    def __init__(self, page):
        super().__init__()
        self.depth, self.found = 0, {}
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.depth += tag == "details"
        if tag == "form":
            self.found.setdefault(dict(attrs).get("action"), self.depth)

    def handle_endtag(self, tag):
        self.depth -= tag == "details"


def test_a_planned_visit_is_done_moved_or_cancelled_in_two_touches_at_most(app, lina):
    with arranged(app) as db:
        visit = make_visit(db, lina, YESTERDAY, status=Status.PLANNED)
    client = sign_in(app, "lina")

    touches = {
        step: 1 + Touches(client.get("/").text).found[f"/visits/{visit.id}/{step}"]
        for step in ("done", "move", "cancel")
    }
    client.post(f"/visits/{visit.id}/move", data={"on": "2026-07-16"})

    assert touches == {"done": 1, "move": 2, "cancel": 2}
    with arranged(app) as db:
        assert db.get_one(Visit, visit.id).first_on == date(2026, 7, 16)


def test_a_restricted_lead_is_shown_to_a_person_newly_named_on_it(app, lina):
    with arranged(app) as db:
        lead = make_lead(db, "海棠", secrecy=Secrecy.RESTRICTED, tracker=make_person(db))
        role = LeadRoleKind.TASK_FORCE_MEMBER
        make_role(db, lead, role, person=lina, from_on=YESTERDAY)

    page = day_of(app, "lina")

    assert "新增您知悉的限知线索" in page
    assert "海棠" in page
