"""The pages of the rules: as sentences, changed from a date on, and tried over the past."""

import re
from datetime import date

import pytest
from sqlalchemy import select

from crm.people.rules import Duty, Role
from crm.quotas.models import RuleVersion
from crm.quotas.rule_versions import versions
from crm.quotas.rules import CountBy, Measure
from crm.visits.rules import Channel, Kind
from tests.factories import (
    RECRUITER,
    arranged,
    make_person,
    make_rule,
    make_unit,
    make_visit,
    sign_in,
)

LIST, NEW, ONE = "/admin/rules", "/admin/rules/new", "/admin/rules/deputy-monthly"
TRY = "/admin/rules/backtest"
TYPED = {
    "name": "分管负责同志每月带队拜访",
    "duty": "deputy",
    "period": "month",
    "measure": "visits_led",
    "minimum": "4",
    "count_by": "day",
    "kinds": ["outreach", "residency"],
    "channels": ["in_person"],
    "log_within_days": "3",
    "stay_within_days": "9",
    "proration": "workdays",
    "rounding": "ceil",
    "cap": "calendar_days",
    "valid_from": "2026-08-01",
}


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
        make_rule(db)
        make_rule(db, RECRUITER)
        top = make_unit(db, "开发区")
        for name, days in (("甲局", (2, 3, 4, 5)), ("乙局", (2,))):
            unit = make_unit(db, name, parent=top)
            deputy = make_person(db, f"d{len(days)}", name=f"{name}长", duty=Duty.DEPUTY, unit=unit)
            for day in days:
                make_visit(db, deputy, date(2026, 6, day))
    return sign_in(app, "root")


def kept_versions(app):
    with arranged(app) as db:
        return [
            (each.minimum, each.valid_from, each.valid_to)
            for each in versions(db, "deputy-monthly")
        ]


SHIPPED = [(6, date(2020, 1, 1), None)]
CHANGED = [(6, date(2020, 1, 1), date(2026, 7, 31)), (4, date(2026, 8, 1), None)]


def test_every_rule_is_a_sentence_with_the_number_of_its_people(zone):
    page = zone.get(LIST).text

    assert "自2020年1月1日起，分管负责同志每月带队外出拜访或驻城招商至少 6 次（限面谈）" in page
    assert "今天涉及 2 人" in page
    assert page.index("分管负责同志每月") < page.index("专职招商人员每月")


def test_the_form_begins_with_the_rule_as_it_is_from_the_next_period_on(zone):
    page = zone.get(ONE).text

    assert 'value="2026年8月1日 周六"' in page
    assert 'name="minimum" required type="text" value="6"' in page
    assert "生效日期在周期中间的，自下一期起执行" in page


def test_the_form_begins_with_what_was_already_decided_for_that_date(zone):
    zone.post(ONE, data=TYPED)

    page = zone.get(ONE).text

    assert 'value="2026年8月1日 周六"' in page
    assert 'name="minimum" required type="text" value="4"' in page


def test_what_begins_within_a_period_is_in_force_from_the_next_one_on(zone):
    zone.post(ONE, data=TYPED | {"valid_from": "2026-07-10"})

    told_of = zone.get(ONE).text.split("历次规定")[-1]

    first, second = told_of.index("自2026年7月10日起"), told_of.index("自2020年1月1日起至")
    assert told_of.index("未开始") < first < told_of.index("执行中") < second


def test_a_preview_says_in_words_what_the_rule_will_ask_and_saves_nothing(zone, app):
    sent = zone.post(ONE, data=TYPED | {"do": "preview"})

    assert sent.status_code == 200
    assert "预览（尚未保存）" in sent.text
    assert "自2026年8月1日起，分管负责同志每月带队外出拜访或驻城招商至少 4 次" in sent.text
    assert "从2026年8月起按此考核。今天担任分管负责同志的有 2 人。" in sent.text
    assert "原规定：自2020年1月1日起" in sent.text
    assert 'name="minimum" required type="text" value="4"' in sent.text
    assert kept_versions(app) == SHIPPED


def test_a_preview_within_a_period_says_that_it_stays_as_it_was(zone):
    sent = zone.post(ONE, data=TYPED | {"do": "preview", "valid_from": "2026-07-20"})

    assert "2026年7月20日处于2026年7月，2026年7月整期仍按原规定考核。" in sent.text


def test_a_change_is_saved_and_reported(zone, app):
    sent = zone.post(ONE, data=TYPED, follow_redirects=True)

    assert "已保存：自2026年8月1日起" in sent.text
    assert "未开始" in sent.text
    assert kept_versions(app) == CHANGED


@pytest.mark.parametrize("do", [{}, {"do": "preview"}])
def test_a_change_that_reaches_back_is_refused_with_the_earliest_date(zone, app, do):
    sent = zone.post(ONE, data=TYPED | do | {"valid_from": "2026-05-01"})

    assert sent.status_code == 422
    assert "生效日期最早为 7月1日" in sent.text
    assert 'value="2026年5月1日 周五"' in sent.text
    assert 'name="minimum" required type="text" value="4"' in sent.text
    assert kept_versions(app) == SHIPPED


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"minimum": "六"}, "请填写整数。"),
        ({"minimum": ""}, "请填写数量。"),
        ({"minimum": "99"}, "请填写 1 至 31 之间的整数。"),
        ({"minimum": "9" * 30}, "请填写 1 至 31 之间的整数。"),
        ({"log_within_days": "-1"}, "请填写 0 至 92 之间的整数。"),
        ({"kinds": []}, "请至少选择一类。"),
        ({"channels": []}, "请至少选择一种。"),
        ({"name": " "}, "请填写规则名称。"),
        ({"valid_from": "x"}, "无法识别日期"),
        ({"valid_from": "0202-08-01"}, "请检查年份。"),
    ],
)
def test_bad_input_is_reported_at_its_field_and_kept(zone, app, given, sentence):
    sent = zone.post(ONE, data=TYPED | {"name": "改过的名称"} | given)

    assert (sent.status_code, sentence in sent.text) == (422, True)
    assert kept_versions(app) == SHIPPED


def test_a_change_that_changes_nothing_is_reported(zone):
    sent = zone.post(ONE, data=TYPED | {"minimum": "6"})

    assert (sent.status_code, "与现行规定相同" in sent.text) == (422, True)


@pytest.mark.parametrize("field", ["duty", "period", "measure", "kinds", "rounding"])
def test_a_choice_that_is_not_offered_is_refused(zone, app, field):
    assert zone.post(ONE, data=TYPED | {field: "x"}).status_code == 422
    assert kept_versions(app) == SHIPPED


def test_days_are_counted_by_day_whatever_was_hidden(zone, app):
    zone.post(ONE, data=TYPED | {"measure": "days_resident", "count_by": "visit"})

    with arranged(app) as db:
        version = versions(db, "deputy-monthly")[-1]
    assert (version.measure, version.count_by) == (Measure.DAYS_RESIDENT, CountBy.DAY)


def test_a_new_rule_is_added_under_a_code_of_its_own(zone, app):
    assert "添加规则" in zone.get(NEW).text

    shown = zone.post(NEW, data=TYPED | {"do": "preview", "duty": "staff", "name": "工作人员"})
    sent = zone.post(NEW, data=TYPED | {"duty": "staff", "name": "工作人员"}, follow_redirects=True)

    assert "今天担任工作人员的有 1 人" in shown.text
    assert "已保存" in sent.text
    with arranged(app) as db:
        added = db.scalars(select(RuleVersion).where(RuleVersion.duty == Duty.STAFF)).one()
    assert (added.code, added.valid_from) == ("staff-month", date(2026, 8, 1))
    assert added.kinds == frozenset({Kind.OUTREACH, Kind.RESIDENCY})
    assert added.channels == frozenset({Channel.IN_PERSON})


def test_a_taken_code_is_reported(zone):
    sent = zone.post(NEW, data=TYPED | {"code": "deputy-monthly"})

    assert (sent.status_code, "已被使用" in sent.text) == (422, True)


def test_a_rule_is_ended(zone, app):
    early = zone.post(f"{ONE}/end", data={"last_on": "2026-06-15"})
    sent = zone.post(f"{ONE}/end", data={"last_on": "2026-08-31"}, follow_redirects=True)

    assert (early.status_code, "截止日期最早为 6月30日" in early.text) == (422, True)
    assert "截止日期为2026年8月31日" in sent.text
    assert kept_versions(app) == [(6, date(2020, 1, 1), date(2026, 8, 31))]


def test_a_future_version_is_withdrawn(zone, app):
    zone.post(ONE, data=TYPED)
    with arranged(app) as db:
        first, second = (each.id for each in versions(db, "deputy-monthly"))

    refused = zone.post(f"{ONE}/withdraw", data={"version": first}, follow_redirects=True)
    before = kept_versions(app)
    done = zone.post(f"{ONE}/withdraw", data={"version": second}, follow_redirects=True)

    assert ("已用于考核，不能撤回" in refused.text, before) == (True, CHANGED)
    assert "已撤回" in done.text
    assert kept_versions(app) == SHIPPED


def test_an_unknown_rule_is_not_found(zone):
    assert zone.get(f"{LIST}/no-such").status_code == 404
    assert zone.post(f"{LIST}/no-such", data=TYPED).status_code == 404
    assert zone.post(f"{LIST}/no-such/end", data={"last_on": "2026-08-31"}).status_code == 404
    assert zone.post(f"{ONE}/withdraw", data={"version": "1000000"}).status_code == 404
    assert zone.post(f"{ONE}/withdraw", data={"version": "x"}).status_code == 404


def test_the_audit_page_describes_a_change(zone):
    zone.post(ONE, data=TYPED | {"kinds": ["outreach"]})

    page = zone.get("/admin/audit").text

    assert "考核规则 分管负责同志每月带队拜访" in page
    assert "外出拜访、驻城招商 → 外出拜访" in page
    assert "2020年1月1日 → 2026年8月1日" in page


JUNE = {"code": "deputy-monthly", "first_on": "2026-06-01", "last_on": "2026-06-30"}


def test_the_draft_is_compared_with_the_figures_units_first(zone):
    page = zone.get(TRY, query_string=TYPED | JUNE).text

    assert "原结果达标 0 / 2 人次，试算达标 1 / 2 人次" in page
    assert page.index("按单位") < page.index("甲局长")
    assert "乙局长" not in page  # missed before and after
    assert "乙局长" in zone.get(TRY, query_string=TYPED | JUNE | {"all": "y"}).text


def test_several_periods_are_summed_up_each(zone):
    page = zone.get(TRY, query_string=TYPED | JUNE | {"first_on": "2026-05-01"}).text

    assert "2026年5月至2026年6月共 2 期" in page
    assert "按周期" in page


def test_a_trial_hides_the_figure_of_one_principal_from_an_admin(zone, app):
    with arranged(app) as db:
        unit = make_unit(db, "丙局")
        make_person(db, "canary", name="金丝雀", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=unit)
        inspecting = make_unit(db, "督查室", inspects=True)
        make_person(db, "ins", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=inspecting)
    asked = TYPED | JUNE | {"code": "", "duty": "principal", "first_on": "2026-05-01"}

    page = zone.get(TRY, query_string=asked | {"all": "y"}).text

    assert "不列合计" in page
    assert page.count("不足3人，不分项") == 3  # the unit and the two months
    assert not re.search(r"\d+ ?/ ?\d+|金丝雀|所有人员的结果均无变化", page.split("<main")[1])
    assert "部分人员的结果不在您的查看权限内" in page


def test_the_form_of_a_rule_leads_to_its_trial_with_what_was_typed(zone, app):
    sent = zone.post(ONE, data=TYPED | {"do": "backtest"}, follow_redirects=True)

    assert (sent.request.path, sent.status_code) == (TRY, 200)
    assert 'name="minimum" required type="text" value="4"' in sent.text
    assert "2026年4月至2026年6月共 3 期" in sent.text
    assert "csrf_token" not in sent.request.query_string.decode()
    assert kept_versions(app) == SHIPPED


def test_a_trial_leads_back_to_the_form_with_what_was_tried(zone):
    tried = zone.get(TRY, query_string=TYPED | JUNE).text
    link = tried.split('">按此修改规则')[0].rsplit('href="', 1)[1].replace("&amp;", "&")

    page = zone.get(link).text

    assert link.startswith(f"{ONE}?")
    assert 'name="minimum" required type="text" value="4"' in page
    assert 'value="2026年8月1日 周六"' in page


def test_a_draft_of_a_new_rule_leads_back_to_its_form(zone):
    tried = zone.get(TRY, query_string=TYPED | JUNE | {"code": ""}).text
    link = tried.split('">按此修改规则')[0].rsplit('href="', 1)[1].replace("&amp;", "&")

    assert link.startswith(f"{NEW}?")
    assert 'name="minimum" required type="text" value="4"' in zone.get(link).text


def test_a_new_rule_is_tried_too(zone):
    sent = zone.post(NEW, data=TYPED | {"do": "backtest", "period": "week"}, follow_redirects=True)

    assert "2026年第26周至2026年第28周共 3 期" in sent.text


def test_the_backtest_begins_with_a_rule_as_it_is(zone):
    page = zone.get(TRY, query_string={"code": "recruiter-monthly"}).text

    assert 'name="minimum" required type="text" value="20"' in page
    assert 'name="minimum" required type="text" value="6"' in zone.get(TRY).text
    assert zone.get(TRY, query_string={"code": "no-such"}).status_code == 200


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"first_on": "2026-06-02"}, "没有已开始的完整周期"),
        ({"first_on": "2026-07-01"}, "没有已开始的完整周期"),
        ({"first_on": "2000-01-01"}, "一次最多试算 60 个周期"),
        ({"last_on": ""}, "请选择日期。"),
        ({"minimum": "99"}, "请填写 1 至 31 之间的整数。"),
        ({"minimum": "x"}, "请填写整数。"),
        ({"period": "x"}, "请修改"),
    ],
)
def test_an_impossible_trial_is_reported_at_its_field(zone, given, sentence):
    got = zone.get(TRY, query_string=TYPED | JUNE | given)

    assert (got.status_code, sentence in got.text) == (422, True)


def test_bad_input_on_the_way_to_a_trial_is_reported_there(zone):
    sent = zone.post(ONE, data=TYPED | {"do": "backtest", "period": "x"}, follow_redirects=True)

    assert sent.status_code == 422


@pytest.mark.parametrize("address", [LIST, NEW, ONE, TRY])
def test_nobody_else_finds_the_pages(zone, app, address):
    with arranged(app) as db:
        make_person(db, "boss", role=Role.SUPERVISOR)

    assert sign_in(app, "boss").get(address).status_code == 404


@pytest.mark.parametrize("address", [ONE, NEW, f"{ONE}/end", f"{ONE}/withdraw"])
def test_nobody_else_changes_anything(zone, app, address):
    with arranged(app) as db:
        make_person(db, "boss", role=Role.SUPERVISOR)

    assert sign_in(app, "boss").post(address, data=TYPED).status_code == 404
    assert kept_versions(app) == SHIPPED


@pytest.mark.parametrize("address", [LIST, NEW, ONE, TRY])
def test_without_login_each_page_redirects_to_login(client, address):
    assert client.get(address).headers["Location"].startswith("/login")
