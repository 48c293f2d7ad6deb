"""`crm import`: what it says, and that nothing is kept where it says no."""

import csv
import json

import pytest
from sqlalchemy import func, select
from xlsxwriter import Workbook

from crm.imports.rules import BATCH
from crm.people.models import Absence, Person
from crm.visits.models import Visit
from tests.conflicts import meanwhile, person_called
from tests.factories import make_unit

PEOPLE = "username,name,email,phone,unit,duty,role,from,to\n"
ZHAO = "zhao,赵某,,,ip,recruiter,recruiter,2026-01-01,\n"
VISITS = (
    "ref,kind,channel,status,starts_at,ends_at,city,"
    "leader,participants,leads,logged_at,verdict,note\n"
)


@pytest.fixture
def file(tmp_path):
    """A file of that text."""

    def file(text, name="people.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="gb18030")
        return str(path)

    return file


@pytest.fixture
def count(sessions):
    """How many rows of a table there are."""
    with sessions.begin() as db:
        make_unit(db, "招商局", code="ip")

    def count(table):
        with sessions() as db:
            return db.scalar(select(func.count()).select_from(table))

    return count


def test_a_file_is_imported_once(crm, file, count):
    path = file(PEOPLE + ZHAO)
    first = crm("import", "people", path)

    again = crm("import", "people", path)

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert first.stdout == "人员：共 1 行，新增 1，更新 0，不变 0\n"
    assert again.stdout == "人员：共 1 行，新增 0，更新 0，不变 1\n"
    assert count(Person) == 1


def test_visits_are_imported_once(crm, file, count):
    crm("import", "people", file(PEOPLE + ZHAO))
    row = "V1,outreach,in_person,done,2026-07-14T09:00,2026-07-14T10:00,上海,zhao,,,,,\n"
    path = file(VISITS + row, "visits.csv")
    trial = crm("import", "visits", path, "--dry-run")
    first = crm("import", "visits", path)

    again = crm("import", "visits", path)

    assert trial.stdout == "拜访：共 1 行，新增 1，更新 0，不变 0（试运行，未保存）\n"
    assert first.stdout == "拜访：共 1 行，新增 1，更新 0，不变 0\n"
    assert again.stdout == "拜访：共 1 行，新增 0，更新 0，不变 1\n"
    assert count(Visit) == 1


def test_a_long_file_of_visits_is_imported_once(crm, file, count):
    crm("import", "people", file(PEOPLE + ZHAO))
    rows = [
        f"V{number},outreach,in_person,done,2026-07-14T09:00,2026-07-14T10:00,上海,zhao,,,,,\n"
        for number in range(BATCH + 1)
    ]
    path = file(VISITS + "".join(rows), "visits.csv")
    trial = crm("import", "visits", path, "--dry-run", "--format", "json")
    kept = count(Visit)
    first = crm("import", "visits", path, "--format", "json")

    again = crm("import", "visits", path, "--format", "json")

    [tried], [done], [repeated] = (json.loads(each.stdout) for each in (trial, first, again))
    assert (tried["added"], kept) == (BATCH + 1, 0)
    assert (done["added"], done["unchanged"]) == (BATCH + 1, 0)
    assert (repeated["added"], repeated["unchanged"]) == (0, BATCH + 1)
    assert count(Visit) == BATCH + 1


def test_a_dry_run_says_what_would_happen_and_keeps_nothing(crm, file, count):
    done = crm("import", "people", file(PEOPLE + ZHAO), "--dry-run", "--format", "json")

    assert done.exit_code == 0
    assert json.loads(done.stdout) == [
        {
            "kind": "people",
            "rows": 1,
            "added": 1,
            "updated": 0,
            "unchanged": 0,
            "dry_run": True,
            "notices": [],
        }
    ]
    assert count(Person) == 0


def test_all_problems_are_told_with_line_and_column_and_nothing_is_kept(crm, file, count):
    text = VISITS + (
        "V1,outreach,in_person,done,2026-07-14T09:00,2026-07-14T08:00,上海,zhao,,,,,\n"
        "V2,outreach,in_person,done,2026-07-16T09:00,2026-07-16T10:00,上海,zhao,li,,,,\n"
    )
    crm("import", "people", file(PEOPLE + ZHAO))
    path = file(text, "visits.csv")

    done = crm("import", "visits", path)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"{path} 有 2 处问题，未导入任何内容：\n"
        "  第 2 行，“ends_at”列：结束时间必须晚于开始时间。\n"
        "  第 3 行，“participants”列：未找到账号为“li”的人员。\n"
    )
    assert count(Visit) == 0


def test_a_malformed_file_is_told_with_its_line_and_cell(crm, file, count):
    done = crm("import", "people", file(PEOPLE + 'zhao,"赵"某,,,ip,recruiter,recruiter,,\n'))

    assert done.exit_code == 1
    assert "第 2 行：第 2 格的引号不成对" in done.stderr


def test_many_problems_are_told_in_part(crm, file, count):
    done = crm("import", "people", file(PEOPLE + "zhao,,,,,,,,2026-12-31\n" * 100))

    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == "  …… 另有 300 处"


def test_a_file_that_is_not_there_is_told(crm, tmp_path, count):
    done = crm("import", "people", str(tmp_path / "none.csv"))

    assert done.exit_code == 1
    assert done.stderr.startswith("无法打开文件")


def test_without_a_file_it_is_a_matter_of_usage(crm):
    done = crm("import", "people")

    assert done.exit_code == 2


@pytest.mark.parametrize("what", ["units", "people", "absences", "visits", "calendar"])
def test_a_template_is_written_with_chinese_headers_and_never_over_a_file(crm, tmp_path, what):
    path = tmp_path / "template.csv"
    crm("import", what, str(path), "--template")
    written = path.read_bytes()

    again = crm("import", what, str(path), "--template")

    head, example = written.decode("utf-8-sig").splitlines()
    assert head.startswith(("单位名称", "账号", "编号", "日期"))
    assert example.count(",") == head.count(",")
    assert again.exit_code == 1
    assert path.read_bytes() == written


def test_who_was_entered_on_a_page_at_the_same_moment_is_told_without_a_trace(crm, file, count):
    with meanwhile(person_called("zhao")):
        done = crm("import", "people", file(PEOPLE + ZHAO))

    assert done.exit_code == 1
    assert done.stderr == ("他人同时修改了相关内容，本次未保存，请重新运行命令。\n")
    assert count(Person) == 0


@pytest.mark.parametrize("form", ["json", "csv"])
def test_the_faults_of_a_file_come_back_as_rows(crm, file, count, form):
    path = file(PEOPLE + ZHAO + "qian,,,,nowhere,recruiter,recruiter,2026-01-01,\n")

    done = crm("import", "people", path, "--format", form)

    rows = (
        json.loads(done.stdout)
        if form == "json"
        else list(csv.DictReader(done.stdout.splitlines()))
    )
    assert done.exit_code == 1
    assert [(str(row["line"]), row["column"], row["code"]) for row in rows] == [
        ("3", "name", "required")
    ]
    assert done.stderr == f"{path} 有 1 处问题，未导入任何内容。\n"


def test_what_a_workbook_hides_or_leaves_out_is_said_with_the_result(crm, tmp_path, count):
    path = tmp_path / "people.xlsx"
    with Workbook(path) as book:
        for name in ("7月", "8月"):
            sheet = book.add_worksheet(name)
            for at, line in enumerate((PEOPLE, ZHAO)):
                sheet.write_row(at, 0, line.strip().split(","))
        book.get_worksheet_by_name("7月").set_row(1, None, None, {"hidden": True})

    table = crm("import", "people", str(path), "--dry-run")
    rows = json.loads(crm("import", "people", str(path), "--format", "json").stdout)

    hidden = "表格里隐藏或筛选掉的 1 行（第 2 行）也已读取。"
    unread = "另有工作表“8月”未读取；只读取第一个可见的工作表。"
    assert table.stderr == f"注意：{hidden}\n注意：{unread}\n"
    assert rows[0]["notices"] == [hidden, unread]
    assert rows[0]["added"] == 1


def test_a_roster_is_imported_where_nothing_must_be_asked(crm, file, count):
    head = "姓名,部门,科室,职务,手机\n"
    asked = crm("import", "people", file(f"{head}王芳,招商局,一科,网格长,\n", "asked.csv"))
    path = file(f"{head}王芳,招商局,一科,科员,13900000001\n", "roster.csv")
    first, again = crm("import", "people", path), crm("import", "people", path)

    assert asked.exit_code == 1
    assert "“网格长”不能确定职务类别" in asked.stderr
    assert "新增 1" in first.stdout
    assert "新建单位：一科（yike）" in first.stderr
    assert "新增 0，更新 0，不变 1" in again.stdout
    assert count(Person) == 1


def test_a_bureaus_table_of_records_is_imported_by_the_words_of_its_head(crm, file, count):
    people = "姓名,部门,科室,职务,手机\n王芳,招商局,一科,科员,13900000001\n"
    crm("import", "people", file(people, "roster.csv"))
    title, head = "2026年7月请假统计表,,,\n", "序号,姓名,起止时间,假别\n"
    wrong = crm("import", "absences", file(f"{title}{head}1,王芳,近期,年假\n", "wrong.csv"))

    path = file(f"{title}{head}1,王芳,6-10日,年假\n合计,1人,,\n", "absences.csv")
    first, again = crm("import", "absences", path), crm("import", "absences", path)

    assert wrong.exit_code == 1
    assert "第 3 行" in wrong.stderr
    assert "新增 1" in first.stdout
    assert "新增 0，更新 0，不变 1" in again.stdout
    assert count(Absence) == 1
