"""Bureaus' own tables of leads, follow-ups, absences and receipts, imported on pages (ENTRY 6)."""

import io
import re
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from crm.base.sheets import Format, read_records, write_records
from crm.followups.models import Followup
from crm.imports.models import ImportRun
from crm.leads.models import Company, Contact, Lead, LeadRole
from crm.leads.rules import LeadRoleKind
from crm.people.models import Absence
from crm.people.rules import AbsenceKind, Duty, Role
from crm.results.receipt_forms import plant_forms
from crm.results.receipt_models import Receipt
from tests.bureau_sheets import lead_sheet
from tests.conftest import NOW
from tests.factories import arranged, make_company, make_lead, make_person, make_unit, sign_in


@pytest.fixture
def root(app):
    with arranged(app) as db:
        bureau = make_unit(db, "招商局")
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=bureau, name="单行舟")
        make_person(db, "shen", unit=bureau, name="沈若川")
        make_person(db, "wei", unit=bureau, name="魏子谦")
        make_lead(db, "云海研发中心", unit=bureau, company=make_company(db, "云海科技有限公司"))
        plant_forms(db, NOW)
    return sign_in(app, "root")


def upload(client, kind, content, name="台账.xlsx"):
    """Upload a bureau's table; its address and the page of its columns, or of its preview."""
    at = "/import" if kind == "receipts" else "/admin/import"
    answer = client.post(f"{at}/{kind}", data={"file": (io.BytesIO(content), name)})
    assert answer.status_code == 302, answer.text
    return answer.location, client.get(answer.location)


def matched(page):
    """What each column is imported as."""
    selects = re.findall(r'<select[^>]*name="column".*?</select>', page.text, re.DOTALL)
    found = [re.search(r'value="([^"]*)" selected', select) for select in selects]
    return [option[1] if option else "" for option in found]


def go_on(client, address, page, **more):
    data = {"column": matched(page)} | more
    return client.post(f"{address}/columns", data=data, follow_redirects=True)


def previewed(client, kind, content, **more):
    address, page = upload(client, kind, content)
    if "核对各列" in page.text:
        page = go_on(client, address, page, **more)
    return address, page


def apply(client, address, rows="all"):
    return client.post(f"{address}/apply", data={"rows": rows}, follow_redirects=True)


def table(head, *rows):
    return write_records([head, *rows], Format.CSV)


def rows_of(app, model, **by):
    with arranged(app) as db:
        return db.scalars(select(model).filter_by(**by).order_by(model.id)).all()


LEADS = [
    (
        1,
        "显示面板模组",
        "溟南显示有限公司",
        "王总",
        13_800_000_001,
        12.5,
        "招商局",
        "沈若川",
        "7月3日",
    ),
    (2, "封测二期", "沧海封测有限公司", "李工", "13800000002", 3, "招商局", "魏子谦", "2026.7.6"),
]


def test_a_bureaus_table_of_leads_becomes_leads_with_the_unit_of_its_amounts(app, root):
    address, columns = upload(root, "leads", lead_sheet(LEADS))
    preview = go_on(root, address, columns)
    apply(root, address)

    assert matched(columns) == [
        *("number", "title", "company", "contact", "contact_phone", "amount"),
        *("unit", "tracker", "entered_on"),
    ]
    assert "新增 2" in preview.text
    panel, test = rows_of(app, Lead)[1:]
    assert (panel.title, panel.amount) == ("显示面板模组", Decimal(1_250_000_000))
    assert (panel.entered_on, test.entered_on) == (date(2026, 7, 3), date(2026, 7, 6))
    with arranged(app) as db:
        phones = select(Contact.phone).order_by(Contact.id)
        assert db.scalars(phones).all() == ["13800000001", "13800000002"]
        trackers = select(func.count()).where(LeadRole.role == LeadRoleKind.TRACKER)
        assert db.scalar(trackers) == 2


def test_the_columns_are_remembered_as_the_units_template(app, root):
    previewed(root, "leads", lead_sheet(LEADS[:1]))

    _, page = upload(root, "leads", lead_sheet(LEADS[1:]))

    assert "新增 1" in page.text


def test_an_amount_without_a_unit_is_refused_as_nobody_knows_what_12_is(app, root):
    address, page = previewed(root, "leads", lead_sheet(LEADS, unit="填报单位：招商局"))

    assert re.search(r'href="/admin" class="active"', page.text)  # not under 拜访
    assert "没有写明单位" in page.text
    assert "没有可以导入的行" in page.text
    apply(root, address, "usable")
    assert len(rows_of(app, Lead)) == 1


def test_refused_rows_are_fetched_with_their_reason_and_the_others_imported(app, root):
    wrong = (3, "无投资方项目", "", "", "", 1, "招商局", "沈若川", "7月9日")
    address, page = previewed(root, "leads", lead_sheet([*LEADS, wrong]))

    nothing = apply(root, address)
    refused = read_records(root.get(f"{address}/refused.xlsx").data)
    result = apply(root, address, "usable")

    assert "只导入可用的 2 行" in page.text
    assert "有 1 行不能导入" in nothing.text
    assert [(cells[1], cells[-1]) for _, cells in refused] == [
        ("项目名称", "原因"),
        ("无投资方项目", "企业名称：请填写此项。"),
    ]
    assert "未导入" in result.text
    assert len(rows_of(app, Lead)) == 3


def test_a_company_that_is_followed_up_already_is_left_out_or_imported_as_another_project(
    app, root
):
    row = (1, "云海二期", "云海科技有限公司", "", "", 2, "招商局", "沈若川", "7月3日")

    address, page = previewed(root, "leads", lead_sheet([row]))
    root.post(f"{address}/change")
    anyway = go_on(root, address, root.get(address), takes_alike="y")
    apply(root, address)

    assert "疑似与线索" in page.text
    assert "没有可以导入的行" in page.text
    assert "新增 1" in anyway.text
    assert len(rows_of(app, Company)) == 1


def test_rows_that_refer_to_refused_ones_are_refused_after_a_few_checks(app, root):
    head = ["编号", "项目名称", "企业名称", "前期项目"]
    rows = [[f"X{n}", f"项目{n}", f"样例{n}科技有限公司", f"X{n - 1}"] for n in range(1, 16)]

    address, page = previewed(root, "leads", table(head, *rows))

    assert "不能导入 15" in page.text
    assert "所引用的行不能导入" in root.get(f"{address}?state=refused").text


def test_what_an_import_made_is_taken_back(app, root):
    address, _ = previewed(root, "leads", lead_sheet(LEADS))
    apply(root, address)

    root.post(f"{address}/undo")

    assert len(rows_of(app, Lead)) == 1
    assert len(rows_of(app, Company)) == 1


def test_a_name_that_two_bear_is_asked_once_and_remembered(app, root):
    with arranged(app) as db:
        make_person(db, "shen2", name="沈若川")
    head = ["项目名称", "责任人", "完成时限", "下一步工作"]

    address, asked = previewed(
        root, "followups", table(head, ["云海研发中心", "沈若川", "7月31日", "寄测算表"])
    )
    chosen = root.post(f"{address}/people", data={"person-0": "shen"}, follow_redirects=True)
    apply(root, address)
    _, again = previewed(
        root, "followups", table(head, ["云海研发中心", "沈若川", "8月3日", "约见"])
    )

    assert "请选定人员" in asked.text
    assert "新增 1" in chosen.text
    assert "请选定人员" not in again.text
    [followup] = rows_of(app, Followup)
    assert (followup.what, followup.due_on) == ("寄测算表", date(2026, 7, 31))


def test_absences_come_by_name_with_both_dates_in_one_cell(app, root):
    head = ["序号", "姓名", "起止时间", "假别", "事由"]
    rows = [["1", "沈若川", "7月6日-10日", "年休假", ""], ["2", "魏子谦", "7月8日", "学习", "党校"]]

    address, page = previewed(root, "absences", table(head, *rows))
    before = len(rows_of(app, Absence))
    apply(root, address)

    assert "新增 2" in page.text
    assert before == 0
    first, second = rows_of(app, Absence)
    assert (first.from_on, first.to_on) == (date(2026, 7, 6), date(2026, 7, 10))
    assert (first.kind, second.kind) == (AbsenceKind.LEAVE, AbsenceKind.TRAINING)


def test_receipts_come_by_project_and_a_repeat_adds_nothing(app, root):
    head = ["项目名称", "到账时间", "到账金额（万元）", "到资形式", "付款单位"]
    row = ["云海研发中心", "2026.7.10", "3,000", "实缴注册资本", "云海集团"]

    address, _ = previewed(root, "receipts", table(head, row))
    apply(root, address)
    _, again = previewed(root, "receipts", table(head, row))

    [receipt] = rows_of(app, Receipt)
    assert receipt.amount == Decimal(30_000_000)
    assert "表中各行都与已有记录一致" in again.text


def test_a_preview_keeps_nothing_of_what_it_tried(app, root):
    head = ["姓名", "起止时间", "事由"]
    previewed(root, "absences", table(head, ["沈若川", "7月6日", "年假"], ["某人", "7月6日", ""]))

    assert rows_of(app, Absence) == []
    [run] = rows_of(app, ImportRun)
    assert run.added == 0


def test_of_a_file_of_ours_with_a_wrong_row_the_others_are_imported_row_by_row(app, root):
    head = ["账号", "开始日期", "结束日期", "事由"]
    content = table(
        head, ["shen", "2026-07-06", "2026-07-07", ""], ["nobody", "2026-07-06", "", ""]
    )

    problems = root.post("/admin/import/absences", data={"file": (io.BytesIO(content), "a.csv")})
    sent = re.search(r'name="content"[^>]*value="([^"]*)"', problems.text)[1]
    answer = root.post("/admin/import/absences/rows", data={"content": sent, "file_name": "a.csv"})
    page = go_on(root, answer.location, root.get(answer.location))
    apply(root, answer.location, "usable")

    assert "逐行核对，只导入可用的行" in problems.text
    assert "只导入可用的 1 行" in page.text
    assert len(rows_of(app, Absence)) == 1


@pytest.mark.parametrize("kind", ["leads", "followups", "absences"])
def test_a_table_of_admins_is_nobody_elses(app, root, kind):
    content = table(["姓名", "起止时间"], ["沈若川", "7月6日"])

    answer = sign_in(app, "shen").post(
        f"/admin/import/{kind}", data={"file": (io.BytesIO(content), "a.csv")}
    )

    assert answer.status_code == 404
