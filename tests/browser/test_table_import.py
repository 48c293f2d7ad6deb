"""Somebody who never saw the product imports a bureau's table on a phone (ENTRY 6)."""

import pytest
from playwright.sync_api import expect

from crm.people.rules import Duty, Role
from crm.transactions import transaction
from tests.bureau_sheets import bureau_rows, bureau_sheet
from tests.factories import make_person, make_regime, make_unit

ROWS = 300
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def zone(served):
    """A supervisor, and two recruiters whose names are in the table."""
    with transaction(served.sessions) as db:
        make_regime(db)
        bureau = make_unit(db, "招商局")
        make_person(db, "wu", name="伍思齐", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=bureau)
        make_person(db, "shen", name="沈若川", unit=bureau)
        make_person(db, "tang", name="汤启航", unit=bureau)


def bureaus_file():
    """A month of visits: a driver who has no account in one row, a date nobody reads in another."""
    rows = [list(row) for row in bureau_rows(ROWS, ["沈若川", "汤启航"])]
    rows[3][3] = "沈司机"
    rows[7][1] = "月初"
    content = bureau_sheet(rows, sheets=("填表说明",))
    return {"name": "招商活动统计表.xlsx", "mimeType": XLSX, "buffer": content}


def in_sight(button):
    """Whether a finger reaches it without scrolling."""
    expect(button).to_be_in_viewport(ratio=1)
    return button


def test_a_bureaus_table_is_imported_on_a_phone_by_its_buttons_alone(zone, phone):
    page = phone.page
    phone.be("wu")
    phone.open("/visits")

    page.get_by_role("link", name="导入表格").tap()
    page.get_by_label("文件").set_input_files(bureaus_file())
    in_sight(page.get_by_role("button", name="上传并预览")).tap()
    expect(page.get_by_role("heading", name="选择工作表")).to_be_visible()
    phone.examine()
    in_sight(page.get_by_role("button", name="下一步")).tap()
    expect(page.get_by_role("heading", name="核对各列")).to_be_visible()
    phone.examine()
    in_sight(page.get_by_role("button", name="预览")).tap()
    in_sight(page.get_by_label("沈司机")).select_option(label="不是本系统人员，写入备注")
    page.get_by_role("button", name="选定并重新检查").tap()
    expect(page.get_by_text("请选定人员")).to_have_count(0)
    expect(page.get_by_text("“月初”不是有效日期")).to_be_visible()
    phone.examine()
    in_sight(page.get_by_role("button", name=f"只导入可用的 {ROWS - 1} 行")).tap()

    expect(page.get_by_role("heading", name="已导入")).to_be_visible()
    expect(page.get_by_text(f"{ROWS - 1} 条")).to_be_visible()
    expect(page.get_by_role("button", name="确认撤销")).to_be_hidden()  # not by one touch
    in_sight(page.get_by_text("撤销本次导入")).tap()
    expect(in_sight(page.get_by_role("button", name="确认撤销"))).to_be_enabled()
    phone.examine()
