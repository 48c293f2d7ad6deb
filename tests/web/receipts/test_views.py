"""Pages of money that arrived: recording, the list with its sums, what is asked (PROJECTS 8)."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.money import Currency
from crm.base.periods import Period
from crm.leads.rules import Secrecy, Stage
from crm.people.models import Unit
from crm.people.rules import Duty, Role
from crm.results.models import ClaimKindSpan
from crm.results.receipt_forms import form_rows, plant_forms
from crm.results.receipt_models import Receipt
from crm.results.rules import ClaimKind
from crm.targets.freezing import freeze_results
from crm.targets.models import Target
from crm.targets.rules import Metric, TargetMeasure, Tier
from crm.web.messages import SENTENCES
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_lead,
    make_milestone,
    make_person,
    make_unit,
    sign_in,
)

MONTH = "/receipts?year=2026&month={}"


class Zone:
    """A signed project of 1亿元, and one that a stranger may not see."""

    def __init__(self, db):
        unit = make_unit(db, "招商服务公司")
        tracker = make_person(db, "tracker", unit=unit)
        make_person(db, "stranger")
        make_person(db, "admin", role=Role.ADMIN, duty=None)
        roles = {"unit": unit, "tracker": tracker, "entered_on": date(2026, 1, 5)}
        self.lead = make_lead(db, "研发中心", yi="1", **roles)
        make_milestone(db, self.lead, Stage.SIGNED, date(2026, 6, 1))
        secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "代号一"}
        self.hidden = make_lead(db, "机密项目", yi="1", **secret, **roles)
        make_milestone(db, self.hidden, Stage.SIGNED, date(2026, 6, 1))
        plant_forms(db, NOW)
        db.add(ClaimKindSpan(kind=ClaimKind.MONEY, from_on=date(2026, 4, 1)))
        self.forms = {row.code: row.id for row in form_rows(db)}


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


def typed(zone, form="paid_in_capital", **given):
    values = {
        "amount": "3000万元",
        "arrived_on": "2026-07-10",
        "form_id": zone.forms[form],
        "payer": "云海科技",
    }
    return values | given


def record(client, zone, lead=None, **given):
    url = f"/leads/{(lead or zone.lead).id}/receipts/new"
    return client.post(url, data=typed(zone, **given), follow_redirects=True)


def kept(app):
    with arranged(app) as db:
        return db.scalars(select(Receipt).order_by(Receipt.id)).all()


def test_money_is_recorded_on_a_lead_and_summed_on_the_list(app, zone):
    client = sign_in(app, "tracker")

    page = record(client, zone).text
    record(client, zone, form="foreign_cash", amount="120万美元", do="keep")
    listed = client.get("/receipts").text
    lead = client.get(f"/leads/{zone.lead.id}").text

    assert "到资 3,000万元" in page
    assert "添加佐证材料" in page
    assert all(text in listed for text in ("2026年7月", "3,000万元", "研发中心"))
    assert "首笔到资" in lead
    assert "登记 3,000万元，尚未认定" in lead
    assert "签约以来" in lead


def test_a_reversal_has_no_form_of_its_own(app, zone):
    client = sign_in(app, "tracker")
    record(client, zone)
    values = {"arrived_on": "2026-07-14", "amount": "500万元", "reason": "退回"}
    client.post(f"/receipts/{kept(app)[0].id}/reverse", data=values)
    path = f"/receipts/{kept(app)[-1].id}/edit"

    answers = [client.get(path), client.post(path, data=typed(zone))]

    assert [answer.status_code for answer in answers] == [404, 404]


def test_the_list_says_how_each_receipt_stands_and_in_which_month_it_counts(app, zone):
    client = sign_in(app, "tracker")
    record(client, zone, arrived_on="2026-06-20")
    values = {"document_number": "进账单", "document_issuer": "开户银行", "is_declared": "y"}
    claim = values | {"document_on": "2026-06-20"}
    client.post(f"/receipts/{kept(app)[0].id}/claim", data=claim)

    waiting = client.get("/receipts?year=2026&month=7&state=waiting").text
    others = client.get("/receipts?state=recognised").text
    file = client.get("/receipts/export.csv").text

    assert all(text in waiting for text in ("已申报待认定", "2026年7月", "补报6月", "其中已认定"))
    assert "未找到符合条件的到资" in others
    assert "已申报待认定,2026-07,补报6月" in file


def test_a_target_of_money_lists_what_counts_and_what_does_not_and_why(app, zone):
    client = sign_in(app, "tracker")
    record(client, zone)
    early = {"arrived_on": "2026-03-20", "amount": "200万元"}
    question = record(client, zone, **early).text
    assert "到账日期早于签约日期 6月1日。" in question
    button = question.split('name="do" value="')[1].split('"')[0]
    record(client, zone, **early, do=button)
    record(client, zone, lead=zone.hidden)
    with arranged(app) as db:
        unit = db.scalars(select(Unit)).first()
        given = {
            "metric": Metric.MONEY,
            "tier": Tier.ANY,
            "measure": TargetMeasure.AMOUNT,
            "currency": Currency.CNY,
        }
        db.add(target := Target(year=2026, unit_id=unit.id, amount=Decimal(10**9), **given))
        make_person(db, "head", role=Role.SUPERVISOR, unit=unit)
        db.flush()
        url = f"/targets/{target.id}"

    page = sign_in(app, "head").get(url).text
    counted, _, other = page.partition("登记而未计入的到资")

    assert "计入的到资" in counted
    assert "200万元" in counted
    assert "按登记" in counted
    assert "未申报" in other
    assert "另有 1 笔到资按知悉范围未列出" in other
    assert zone.lead.title in other


def test_an_unlikely_receipt_is_asked_about_once_and_kept_when_confirmed(app, zone):
    client = sign_in(app, "tracker")
    asked = record(client, zone, form="foreign_cash", amount="2亿元")
    button = asked.text.split('name="do" value="')[1].split('"')[0]

    saved = record(client, zone, form="foreign_cash", amount="2亿元", do=button)

    assert asked.status_code == 422
    assert "超过项目总投资 1亿元" in asked.text
    assert "未登记外资或境外投资方" in asked.text
    assert saved.status_code == 200
    assert "待补汇率" in saved.text
    assert [row.counted_amount for row in kept(app)] == [None]


def test_where_a_frozen_month_differs_both_pages_say_why_and_lead_to_each_other(app, zone):
    with arranged(app) as db:
        unit = db.scalar(select(Unit).where(Unit.name == "招商服务公司"))
        make_person(db, "boss", role=Role.LEADER, duty=Duty.PRINCIPAL, unit=unit)
        freeze_results(db, period=Period.parse("2026-06"), at=at_civil(date(2026, 7, 4)))
    # entered after the freeze, so the table of months tells it in July
    record(sign_in(app, "tracker"), zone, arrived_on="2026-06-20", do="keep")

    boss = sign_in(app, "boss")
    board, june, may = (boss.get(path).text for path in ("/targets", *map(MONTH.format, (6, 5))))

    assert '<a href="/receipts?year=2026&amp;month=6">6月</a>、<a' in board
    assert "与“到位资金”页不同" in board
    assert "6月与年度目标的" in june
    assert "月份定稿后该表不再变动" in june
    assert '<a href="/targets?year=2026#months">各月成果</a>' in june
    assert "各月成果" not in may
    assert "各月成果" not in sign_in(app, "tracker").get(MONTH.format(6)).text


def test_a_rate_that_is_entered_later_lets_the_receipt_count(app, zone):
    asked = record(sign_in(app, "tracker"), zone, form="offshore_yuan", amount="7200万元")
    button = asked.text.split('name="do" value="')[1].split('"')[0]
    record(sign_in(app, "tracker"), zone, form="offshore_yuan", amount="7200万元", do=button)

    values = {"on": "2026-07-10", "currency": Currency.USD.value, "rate": "7.2"}
    sign_in(app, "admin").post("/admin/rates", data=values)

    assert [row.counted_amount for row in kept(app)] == [Decimal(10_000_000)]


def test_a_refusal_stands_at_its_field_with_what_was_typed(app, zone):
    page = record(sign_in(app, "tracker"), zone, amount="三千万", account_tail="12a4")

    assert page.status_code == 422
    assert "请写明金额和单位" in page.text
    assert 'value="三千万"' in page.text


@pytest.mark.parametrize("typed", ["1234.567元", "9" * 60 + "亿元"])
def test_an_amount_that_cannot_be_kept_is_refused_at_its_field(app, zone, typed):
    page = record(sign_in(app, "tracker"), zone, amount=typed)

    assert page.status_code == 422
    assert "最多两位小数" in page.text
    assert f'value="{typed}"' in page.text


def test_a_receipt_is_changed_reversed_and_withdrawn(app, zone):
    client = sign_in(app, "tracker")
    record(client, zone)
    url = f"/receipts/{kept(app)[0].id}"

    changed = client.post(f"{url}/edit", data=typed(zone, amount="2000万元"), follow_redirects=True)
    back = {"amount": "500万元", "arrived_on": "2026-07-13", "reason": "多汇退回"}
    too_much = client.post(f"{url}/reverse", data=back | {"amount": "2001万元"})
    reversed_ = client.post(f"{url}/reverse", data=back, follow_redirects=True)
    client.post(f"/receipts/{kept(app)[1].id}/withdraw", follow_redirects=True)

    assert "到资 2,000万元" in changed.text
    assert "冲减金额不能超过" in too_much.text
    assert "冲减 -500万元" in reversed_.text
    assert kept(app)[1].withdrawn_at == NOW


def test_receipts_of_a_hidden_lead_do_not_exist_for_others(app, zone):
    record(sign_in(app, "tracker"), zone, lead=zone.hidden)
    row, stranger = kept(app)[0], sign_in(app, "stranger")

    listed = stranger.get("/receipts").text
    file = stranger.get("/receipts/export.csv").text

    assert "机密" not in listed + file
    assert "导出人：" in file
    assert "3,000万元" not in listed
    paths = (f"/receipts/{row.id}", f"/receipts/{row.id}/files", f"/receipts/{row.id}/edit")
    assert [stranger.get(path).status_code for path in paths] == [404, 404, 404]
    assert stranger.get(f"/leads/{zone.hidden.id}/receipts/new").status_code == 404


def test_signed_out_one_is_sent_to_sign_in(app, zone):
    assert "/login" in app.test_client().get("/receipts").headers["Location"]


def test_an_admin_renames_a_form_but_not_the_line_of_one_that_is_used(app, zone):
    record(sign_in(app, "tracker"), zone)
    admin, url = sign_in(app, "admin"), f"/admin/receipt-forms/{zone.forms['paid_in_capital']}"
    values = {"name": "注册资本实缴", "position": "1", "is_offered": "y", "line": "domestic"}

    renamed = admin.post(url, data=values, follow_redirects=True)
    moved = admin.post(url, data=values | {"line": "foreign"})

    assert "注册资本实缴" in renamed.text
    assert "不能改变计入方向" in moved.text


def test_a_receipt_is_claimed_from_its_page(app, zone):
    client = sign_in(app, "tracker")
    record(client, zone)
    url = f"/receipts/{kept(app)[0].id}"
    values = {
        "document_number": "银行进账单",
        "document_issuer": "开户银行",
        "document_on": "2026-07-10",
        "is_declared": "y",
    }

    form = client.get(f"{url}/claim").text
    refused = client.post(f"{url}/claim", data=values | {"is_declared": ""})
    page = client.post(f"{url}/claim", data=values, follow_redirects=True).text

    assert "计入2026年7月" in form
    assert "请核对不予认定情形" in refused.text
    assert "到资登记和佐证材料" in page
    assert "已申报" in client.get(url).text
    assert "申报" in client.get(f"/leads/{zone.lead.id}").text


def test_the_claim_to_a_reversal_says_that_money_is_taken_back(app, zone):
    client = sign_in(app, "tracker")
    record(client, zone)
    back = {"amount": "500万元", "arrived_on": "2026-07-13", "reason": "多汇退回"}
    client.post(f"/receipts/{kept(app)[0].id}/reverse", data=back)
    url = f"/receipts/{kept(app)[1].id}/claim"
    form = client.get(url).text
    values = {"document_number": "退款凭证", "document_issuer": "开户银行", "is_declared": "y"}
    page = client.post(url, data=values | {"document_on": "2026-07-13"}, follow_redirects=True).text

    assert "-500万元，7月13日冲减" in form
    assert "银行退款凭证" in form
    assert all(text in page for text in ("到位资金冲减认定", "冲减日期", "-500万元"))
    listed = client.get("/claims?view=all").text
    assert all(text in listed for text in ("到位资金冲减", "-500万元"))
    assert "到位资金冲减,已申报,-5000000" in client.get("/claims/export.csv").text
    assert "到位资金冲减认定：申报" in client.get(f"/leads/{zone.lead.id}").text


def test_all_faults_of_a_receipt_are_shown_at_once(app, zone):
    sent = typed(zone, amount="12", arrived_on="2026-07-16", payer="", account_tail="12a4")
    page = sign_in(app, "tracker").post(f"/leads/{zone.lead.id}/receipts/new", data=sent).text

    assert "请写明金额和单位" in page
    assert "请填写付款方。" in page
    assert SENTENCES["bad_account_tail"] in page
    assert "不能晚于今天" in page
