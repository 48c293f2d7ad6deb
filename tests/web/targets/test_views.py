"""The pages of annual targets: progress, the projects counted, and the admin's page."""

from datetime import date
from io import BytesIO

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.base.money import Currency
from crm.base.periods import Period
from crm.base.sheets import read_records
from crm.leads.rules import LAUNCHED, Secrecy, Stage
from crm.leads.tiers import Tier
from crm.people.models import Unit
from crm.people.rules import Duty, Role, UnitKind
from crm.results.models import ClaimKindSpan
from crm.results.rules import ClaimKind
from crm.targets.freezing import freeze_results
from crm.targets.models import Target
from crm.targets.rules import Metric, TargetMeasure
from tests.factories import (
    arranged,
    make_lead,
    make_milestone,
    make_person,
    make_posting,
    make_unit,
    sign_in,
)

ADMIN = "/admin/targets"


@pytest.fixture
def zone(app):
    """A zone with a target of ten projects; one open and one restricted project are signed."""
    with arranged(app) as db:
        top = make_unit(db, "滨海开发区", kind=UnitKind.ZONE)
        bureau = make_unit(db, "投资促进局", parent=top)
        other = make_unit(db, "经济发展局", parent=top)
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=top)
        make_person(db, "boss", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=top)
        make_person(db, "outside", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=other)
        tracker = make_person(db, "liwei", unit=bureau)
        reader = make_person(db, "reader", role=Role.READER, duty=None)
        make_posting(db, reader, unit=top, is_primary=False, duty=Duty.STAFF)
        for title, secrecy in (("公开项目", Secrecy.OPEN), ("机密项目", Secrecy.RESTRICTED)):
            lead = make_lead(db, title, unit=bureau, yi="12", secrecy=secrecy, tracker=tracker)
            make_milestone(db, lead, Stage.SIGNED, date(2026, 7, 1))
        columns = {"metric": Metric.SIGNED, "tier": Tier.YI_10, "measure": TargetMeasure.COUNT}
        target = Target(year=2026, unit_id=top.id, count=10, **columns)
        db.add(target)
        db.flush()
        return target.id


def test_the_board_compares_progress_with_the_elapsed_months(app, zone):
    page = sign_in(app, "boss").get("/targets").text

    assert "签约10亿元以上项目数" in page
    assert "2 个 / 10 个" in page
    assert "20.0%" in page
    assert "50.0%" in page  # of the months: six are gone
    assert "落后 30.0 个百分点" in page
    assert "已认定" in page


def test_a_target_lists_only_the_projects_the_viewer_may_see(app, zone):
    page = sign_in(app, "boss").get(f"/targets/{zone}").text

    assert "公开项目" in page
    assert "机密项目" not in page
    assert "另有 1 个项目按知悉范围未列出" in page


def test_a_reader_sees_figures_and_no_projects(app, zone):
    reader = sign_in(app, "reader")

    assert "2 个 / 10 个" in reader.get("/targets").text
    assert reader.get(f"/targets/{zone}").status_code == 404


def test_targets_of_other_units_are_hidden(app, zone):
    client = sign_in(app, "outside")

    assert "本年度暂无目标" in client.get("/targets").text
    assert client.get(f"/targets/{zone}").status_code == 404


def test_where_no_target_is_set_the_page_says_who_sets_it_and_an_admin_gets_there(app, zone):
    boss, root = (sign_in(app, name) for name in ("boss", "root"))

    assert "请联系系统管理员在“年度目标管理”中填写目标值" in boss.get("/targets").text
    assert "请联系系统管理员在“年度目标管理”中设定" in boss.get("/targets?year=2025").text
    assert (
        '<a href="/admin/targets?year=2026">年度目标管理</a>中填写目标值'
        in root.get("/targets").text
    )
    assert 'href="/admin/targets?year=2025"' in root.get("/targets?year=2025").text


def test_a_recruiter_gets_404(app, zone):
    client = sign_in(app, "liwei")

    assert client.get("/targets").status_code == 404
    assert client.get(f"/targets/{zone}").status_code == 404


def test_the_year_is_taken_from_the_address(app, zone):
    client = sign_in(app, "boss")

    assert "year=2025" in client.get("/targets").text
    assert "本年度暂无目标" in client.get("/targets?year=2025").text
    assert client.get("/targets?year=1").status_code == 404


def test_the_board_shows_how_long_projects_take(app, zone):
    with arranged(app) as db:
        lead = make_lead(db, stage=Stage.LEAD, yi="12")
        make_milestone(db, lead, LAUNCHED, date(2026, 1, 1))
        make_milestone(db, lead, Stage.STARTED, date(2026, 7, 10))

    page = sign_in(app, "boss").get("/targets").text

    assert "项目启动至开工" in page
    assert "4至6个月，0/1 个在时限内" in page


def test_the_months_say_what_their_figures_rest_on(app, zone):
    with arranged(app) as db:
        db.add(ClaimKindSpan(kind=ClaimKind.SIGNED, from_on=date(2026, 6, 10)))
        bureau = db.scalar(select(Unit).where(Unit.name == "投资促进局"))
        lead = make_lead(db, unit=bureau, yi="12", entered_on=date(2026, 1, 5))
        make_milestone(db, lead, Stage.SIGNED, date(2026, 6, 1))
        freeze_results(db, period=Period.parse("2026-06"), at=at_civil(date(2026, 7, 4)))

    page = sign_in(app, "boss").get("/targets").text
    table = page[page.index("各月成果") :]

    assert [table.count(basis) for basis in ("按现有记录回溯", "初步数")] == [5, 1]
    june = table[table.index("6月</th>") : table.index("5月</th>")]
    assert "1 · 0 · 1" in june
    assert "定稿" in june
    july = table[table.index("7月</th>") : table.index("6月</th>")]
    assert "2 · 0 · 0" in july


def test_anonymous_visitors_are_redirected_to_the_login(client):
    assert "/login" in client.get("/targets").location
    assert "/login" in client.get(ADMIN).location


def typed(**given):
    defaults = {
        "year": "2026",
        "metric": "started",
        "tier": "yi5",
        "measure": "count",
        "value": "7",
    }
    return defaults | given


@pytest.fixture
def root(app, zone):
    return sign_in(app, "root")


def a_unit(app):
    with arranged(app) as db:
        return str(db.scalar(select(Target.unit_id)))


def test_an_admin_sets_a_target(app, root):
    answer = root.post(ADMIN, data=typed(unit_id=a_unit(app)), follow_redirects=True).text

    assert "目标已添加" in answer
    assert "开工5亿元以上项目数" in answer
    assert "7 个" in answer
    with arranged(app) as db:
        assert (
            db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()[-1]
            == "target.added"
        )


def test_an_amount_may_carry_a_chinese_unit(app, root):
    data = typed(unit_id=a_unit(app), measure="amount", value="600亿元", tier="any")

    assert "600亿元" in root.post(ADMIN, data=data, follow_redirects=True).text


def test_a_target_of_an_amount_has_a_currency_and_foreign_projects_one_of_their_own(app, root):
    data = typed(unit_id=a_unit(app), metric="signed", measure="amount", tier="any")
    with arranged(app) as db:
        lead = make_lead(db, yi="2", currency=Currency.USD)
        make_milestone(db, lead, Stage.SIGNED, date(2026, 7, 1))

    root.post(ADMIN, data=data | {"value": "600亿元"})
    root.post(ADMIN, data=data | {"value": "5亿美元"})
    twice = root.post(ADMIN, data=data | {"value": "6亿美元"})
    board = sign_in(app, "boss").get("/targets").text
    table = exported_targets(sign_in(app, "boss"))

    assert "本年度已有相同目标" in twice.text
    assert "签约项目总投资（美元）" in board
    assert "2亿美元 / 5亿美元" in board
    assert "另有 2亿美元" in board  # beside the sum in yuan, never converted
    assert table["签约项目总投资（美元）"]["登记（万美元）"] == "20000"


def exported_targets(client, suffix=".csv"):
    """The rows of the exported file by the name of the target."""
    records = read_records(client.get(f"/targets/export{suffix}").data)
    heads = records[0][1]
    rows = [dict(zip(heads, cells, strict=True)) for _, cells in records[1:]]
    return {row["指标"]: row for row in rows if row["指标"]}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_the_file_has_numbers_as_numbers_with_their_units_in_the_headings(app, zone, suffix):
    with arranged(app) as db:
        lead = make_lead(db, yi="12.5")
        make_milestone(db, lead, Stage.NEGOTIATING, date(2026, 7, 1))

    row = exported_targets(sign_in(app, "boss"), suffix)["签约10亿元以上项目数"]

    assert row == row | {
        "登记（个）": "2",
        "已申报待认定（个）": "0",
        "已认定（个）": "2",
        "目标（个）": "10",
        "在手（个）": "1",
        "在手（亿元）": "12.5",
        "完成进度（%）": "20.0" if suffix == ".csv" else "20",
        "超前（负数为落后，百分点）": "-30.0" if suffix == ".csv" else "-30",
    }
    assert "登记（万美元）" not in row


def test_a_workbook_has_no_numbers_in_text_cells(app, zone):
    content = sign_in(app, "boss").get("/targets/export.xlsx").data

    rows = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()
    cells = dict(zip(rows[0], rows[1], strict=True))

    assert {type(cells[name]) for name in cells if name.endswith("（个）")} == {float}
    assert (cells["登记（个）"], cells["超前（负数为落后，百分点）"]) == (2, -30)


def test_the_projects_in_hand_are_told_beside_and_named_as_far_as_one_may_know(app, zone):
    with arranged(app) as db:
        for title, yi, secrecy in (
            ("在谈的项目", "12", Secrecy.OPEN),
            ("保密的项目", "20", Secrecy.RESTRICTED),
        ):
            lead = make_lead(db, title, yi=yi, secrecy=secrecy)
            make_milestone(db, lead, Stage.NEGOTIATING, date(2026, 7, 1))

    boss = sign_in(app, "boss")
    board, page = boss.get("/targets").text, boss.get(f"/targets/{zone}").text
    listed = page[page.index("在手的项目") :]

    assert "2 个<br><small>32亿元</small>" in board
    assert "2 个、32亿元" in listed
    assert "在谈的项目" in listed
    assert "保密的项目" not in listed
    assert "另有 1 个在手项目按知悉范围未列出" in listed


def test_a_target_in_dollars_lists_no_project_in_yuan(app, zone):
    with arranged(app) as db:
        lead = make_lead(db, "海外项目", yi="2", currency=Currency.USD)
        make_milestone(db, lead, Stage.SIGNED, date(2026, 7, 1))
        columns = {"metric": Metric.SIGNED, "tier": Tier.ANY, "measure": TargetMeasure.AMOUNT}
        top = db.get(Target, zone).unit_id
        pair = [
            Target(year=2026, unit_id=top, amount=10**9, currency=currency, **columns)
            for currency in (Currency.USD, Currency.CNY)
        ]
        db.add_all(pair)
        db.flush()
        in_dollars, in_yuan = (target.id for target in pair)

    boss = sign_in(app, "boss")
    dollars = boss.get(f"/targets/{in_dollars}").text
    yuan = boss.get(f"/targets/{in_yuan}").text

    assert "海外项目" in dollars
    assert "公开项目" not in dollars
    assert "未列出" not in dollars  # the hidden project is in yuan, too
    assert "只计以美元计的项目" in dollars
    assert "海外项目" in yuan[yuan.index("登记而未计入的项目") :]
    assert "以美元计，另列" in yuan


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"value": "很多"}, "请填写项目个数，例如 20。"),
        ({"value": "0"}, "请填写项目个数，例如 20。"),
        ({"value": "600", "measure": "amount"}, "请写明数额，例如 600亿元。"),
        ({"value": "5000万欧元", "measure": "amount"}, "请写明数额，例如 600亿元。"),
        ({"value": ""}, "请填写目标值。"),
        ({"year": "20"}, "请检查年度。"),
        ({"metric": "money"}, "到位资金按金额设目标"),
        ({"metric": "signed", "tier": "yi10"}, "该单位本年度已有相同目标"),
    ],
)
def test_an_invalid_target_is_refused_with_the_reason(app, root, given, reason):
    answer = root.post(ADMIN, data=typed(unit_id=a_unit(app), **given))

    assert answer.status_code == 422
    assert reason in answer.text


def test_an_admin_changes_a_target(app, root, zone):
    data = typed(unit_id=a_unit(app), metric="signed", tier="yi10", value="25")

    assert 'value="10"' in root.get(f"{ADMIN}/{zone}").text
    assert "25 个" in root.post(f"{ADMIN}/{zone}", data=data, follow_redirects=True).text


def test_a_target_cannot_become_a_duplicate_of_another(app, root, zone):
    root.post(ADMIN, data=typed(unit_id=a_unit(app)))

    answer = root.post(f"{ADMIN}/{zone}", data=typed(unit_id=a_unit(app)))

    assert answer.status_code == 422
    assert "本年度已有相同目标" in answer.text


def test_an_admin_removes_a_target(app, root, zone):
    answer = root.post(f"{ADMIN}/{zone}/remove", follow_redirects=True).text

    assert "目标已删除" in answer
    assert "2026年暂无目标" in answer
    assert root.get(f"{ADMIN}/{zone}").status_code == 404


def test_a_new_target_starts_with_the_year_shown(root):
    assert 'value="2027"' in root.get(f"{ADMIN}/new?year=2027").text
    assert f"{ADMIN}/new?year=2027" in root.get(f"{ADMIN}?year=2027").text


@pytest.mark.parametrize("path", [ADMIN, f"{ADMIN}/1", f"{ADMIN}/new"])
def test_only_admins_reach_the_admin_page(app, zone, path):
    assert sign_in(app, "boss").get(path).status_code == 404


def test_the_audit_page_describes_a_changed_target(app, root, zone):
    root.post(f"{ADMIN}/{zone}", data=typed(unit_id=a_unit(app), metric="signed", tier="yi20"))

    page = root.get("/admin/audit").text

    assert "修改年度目标" in page
    assert "10亿元以上 → 20亿元以上" in page
