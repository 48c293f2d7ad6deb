"""`crm import calendar`: the arrangement of a year from a file, tried first."""

from datetime import date

import pytest

from crm.quotas.queries import working_calendar

FILE = "日期,类型,名称\n2026-07-20,休,停电\n2026/7/25,班,\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "calendar.csv"
    path.write_text(FILE, encoding="gb18030")
    return str(path)


def test_a_calendar_is_tried_then_imported(crm, file, sessions):
    tried = crm("import", "calendar", file, "--dry-run")
    with sessions() as db:
        kept = working_calendar(db).is_workday(date(2026, 7, 20))
    done = crm("import", "calendar", file)

    assert "工作日历：共 2 行，新增 2，更新 0，不变 0（试运行，未保存）" in tried.stdout
    assert kept
    assert done.exit_code == 0
    with sessions() as db:
        calendar = working_calendar(db)
        assert [calendar.is_workday(date(2026, 7, day)) for day in (20, 25)] == [False, True]


def test_problems_are_told_with_line_and_column(crm, tmp_path):
    path = tmp_path / "calendar.csv"
    path.write_text("日期,类型\n2026-07-20,不知道\n", encoding="utf-8")

    done = crm("import", "calendar", str(path))

    assert done.exit_code == 1
    assert (
        "第 2 行，“类型”列：“不知道”不在可选范围内，可选：班（workday）、休（holiday）。"
        in done.stderr
    )
