"""A newcomer with a phone: from the code of the console to the people of the bureau's roster."""

import pytest
from playwright.sync_api import expect

from crm.base.workbooks import read_workbook
from crm.cli import seeds
from crm.jobs import ledger
from crm.people.first_run import setup_code
from crm.transactions import transaction
from tests.bureau_sheets import roster_rows, roster_sheet
from tests.conftest import NOW
from tests.databases import SECRET

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FIELDS = {
    "zone_name": "临江经济技术开发区",
    "name": "单兴洲",
    "username": "shanxingzhou",
    "password": "xin-kai-fa-qu-1",
    "again": "xin-kai-fa-qu-1",
}


@pytest.fixture
def code(served):
    """What the console prints of an installation in which nobody is."""
    with transaction(served.sessions) as db:
        seeds.plant(db, now=NOW)
        ledger.install(db, clock_from=NOW, now=NOW)
    return setup_code(SECRET, NOW)


def test_a_newcomer_gets_from_the_code_to_the_people_of_the_roster(code, phone):
    page = phone.page
    rows = [list(row) for row in roster_rows(30)]
    rows[7][5] = "网格长"
    file = {"name": "花名册.xlsx", "mimeType": XLSX, "buffer": roster_sheet(rows)}

    phone.open("/setup")
    for name, text in (FIELDS | {"code": code}).items():
        page.locator(f"[name={name}]").fill(text)
    page.get_by_role("button", name="建立账号并登录").tap()
    page.get_by_role("link", name="导入花名册").tap()
    page.get_by_label("文件").set_input_files(file)
    page.get_by_role("button", name="预览").tap()
    expect(page.get_by_role("heading", name="核对各列")).to_be_visible()
    phone.examine()
    page.get_by_role("button", name="预览").tap()
    page.get_by_label("网格长职务类别").select_option(label="工作人员")
    phone.examine()
    page.get_by_role("button", name="按选定的重新检查").tap()
    page.get_by_role("button", name="导入 30 行").tap()

    expect(page.get_by_role("heading", name="已导入")).to_be_visible()
    page.get_by_text("生成初始密码（30 个账号）").tap()
    phone.examine()
    with page.expect_download() as download:
        page.get_by_role("button", name="确认生成并下载").tap()

    rows = read_workbook(download.value.path().read_bytes()).rows
    head, *people, _note = (cells for _, cells in rows if any(cells))
    assert [*head] == ["姓名", "账号", "单位", "初始密码"]
    assert len({password for *_, password in people}) == 30
    page.reload()
    expect(page.get_by_text("生成初始密码")).to_have_count(0)
