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
