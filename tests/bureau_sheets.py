"""Sheets as bureaus make them, for the tests of imports."""

import io
from datetime import datetime

from xlsxwriter import Workbook

TITLE = "招商局2026年7月招商活动情况统计表"
UNIT = "填报单位：招商局　　　填报日期：2026年7月14日"
UPPER = (
    "序号",
    "时间",
    "带队领导",
    "陪同人员",
    "拜访企业情况",
    "",
    "",
    "",
    "地点",
    "洽谈情况",
    "备注",
)
LOWER = ("", "", "", "", "企业名称", "会见人", "职务", "联系电话", "", "", "")
MERGED_DOWN = (0, 1, 2, 3, 8, 9, 10)


def bureau_sheet(rows, *, title=TITLE, total=True, sheets=(), merges=(), name="7月"):
    """A sheet with a title, a head of two rows, the rows, a total and who filled it in.

    `merges` are ranges of the rows: first row, first column, last row, last column, text.
    """
    content = io.BytesIO()
    with Workbook(content, {"default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet(name)
        width = len(UPPER) - 1
        sheet.merge_range(0, 0, 0, width, title)
        sheet.merge_range(1, 0, 1, width, UNIT)
        for column in MERGED_DOWN:
            sheet.merge_range(2, column, 3, column, UPPER[column])
        sheet.merge_range(2, 4, 2, 7, UPPER[4])
        sheet.write_row(3, 4, LOWER[4:8])
        for at, cells in enumerate(rows, 4):
            for column, cell in enumerate(cells):
                write = sheet.write_datetime if isinstance(cell, datetime) else sheet.write
                write(at, column, cell)
        for first, left, last, right, text in merges:
            sheet.merge_range(first + 4, left, last + 4, right, text)
        if total:
            end = len(rows) + 4
            sheet.merge_range(end, 0, end, 3, "合　计")
            sheet.write(end, 4, f"{len(rows)}家")
            sheet.merge_range(end + 1, 0, end + 1, width, "备注：本表每月5日前报送。")
            sheet.write_row(end + 2, 0, ["填表人：", "", "", "审核人："])
        for other in sheets:
            book.add_worksheet(other).write_row(0, 0, ["说明", "每月填报"])
    return content.getvalue()


def bureau_rows(count, leaders):
    """Rows of July 2026 that are all readable, with dates typed in several ways."""
    forms = ("7月{}日", "2026.7.{}", "7月{}日上午", "2026-07-{:02}", "7.{}")
    return [
        (
            number + 1,
            forms[number % len(forms)].format(number % 14 + 1),
            leaders[number % len(leaders)],
            leaders[(number + 1) % len(leaders)],
            f"样例{number}科技有限公司",
            "王　总",
            "总经理",
            13_800_000_000 + number,
            ("上海", "苏州市", "深圳市南山区")[number % 3],
            f"第{number}次洽谈",
            "",
        )
        for number in range(count)
    ]


ROSTER_TITLE = "临江经济技术开发区招商人员花名册"
POSTS = (
    *("局长", "副局长", "分管领导", "招商一科科长", "招商专员"),
    *("驻沪招商代表", "科员", "项目经理", "一级主任科员", "党组成员"),
)
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = "芳伟敏静磊洋勇艳杰娟涛明超霞平刚桂英华玲"


def roster_rows(count, *, bureaus=("招商局", "经济发展局", "园区发展局"), teams=("一科", "二科")):
    """Rows of a roster: number, name, sex, bureau, team, post, mobile, e-mail, since, note."""
    rows = []
    for number in range(count):
        surname = SURNAMES[number % len(SURNAMES)]
        given = GIVEN[number // len(SURNAMES) % len(GIVEN)]
        name = f"{surname}　{given}" if number % 3 else f"{surname}{given}{GIVEN[number % 7]}"
        bureau = bureaus[number * len(bureaus) // count]
        team = teams[number % len(teams)] if number % 5 else ""
        since = ("2021年3月", "2023.09.01", "2020/7/15", "")[number % 4]
        phone = 13_900_000_000 + number
        post = POSTS[number % len(POSTS)]
        rows.append((number + 1, name, "女", bureau, team, post, phone, "", since, ""))
    return rows


def roster_sheet(rows, *, title=ROSTER_TITLE):
    """A roster with a title, a head of two rows, merged cells of bureaus, and a total."""
    content = io.BytesIO()
    head = ("序号", "姓 名", "性别", "所在单位", "", "职务", "联系方式", "", "任职时间", "备注")
    with Workbook(content) as book:
        sheet = book.add_worksheet("花名册")
        sheet.merge_range(0, 0, 0, 9, title)
        for column in (0, 1, 2, 5, 8, 9):
            sheet.merge_range(1, column, 2, column, head[column])
        sheet.merge_range(1, 3, 1, 4, "所在单位")
        sheet.write_row(2, 3, ["局办", "科室"])
        sheet.merge_range(1, 6, 1, 7, "联系方式")
        sheet.write_row(2, 6, ["手机", "邮箱"])
        for at, cells in enumerate(rows, 3):
            sheet.write_row(at, 0, cells)
        first = 0
        for at in range(1, len(rows) + 1):
            if at == len(rows) or rows[at][3] != rows[first][3]:
                if at - first > 1:
                    sheet.merge_range(first + 3, 3, at + 2, 3, rows[first][3])
                first = at
        end = len(rows) + 3
        sheet.merge_range(end, 0, end, 3, "合　计")
        sheet.write(end, 4, f"{len(rows)}人")
        sheet.write(end + 1, 0, "填表人：")
    return content.getvalue()


def lead_sheet(rows, *, unit="单位：亿元"):
    """A table of leads: title, unit of the amounts, a head of two rows, the rows, a total."""
    upper = (
        "序号",
        "项目名称",
        "投资方情况",
        "",
        "",
        "总投资",
        "责任单位",
        "跟踪人",
        "首次接洽时间",
    )
    content = io.BytesIO()
    with Workbook(content) as book:
        sheet = book.add_worksheet("台账")
        sheet.merge_range(0, 0, 0, 8, "2026年在谈招商项目台账")
        sheet.merge_range(1, 0, 1, 8, unit)
        for column in (0, 1, 5, 6, 7, 8):
            sheet.merge_range(2, column, 3, column, upper[column])
        sheet.merge_range(2, 2, 2, 4, upper[2])
        sheet.write_row(3, 2, ["企业名称", "联系人", "联系电话"])
        for at, cells in enumerate(rows, 4):
            sheet.write_row(at, 0, cells)
        sheet.write_row(len(rows) + 4, 0, ["合计", f"{len(rows)}个"])
        sheet.write_row(len(rows) + 5, 0, ["填表人：路知遥"])
    return content.getvalue()
