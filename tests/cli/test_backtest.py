"""`crm quota backtest` as a shell sees it."""

import csv
import io
import json
from datetime import date

import pytest
import yaml
from click.testing import CliRunner

from crm.base.shipped import SEEDS
from crm.cli import base, main
from crm.cli.rules_file import read_rules
from crm.extensions import db as database_of_app
from crm.people.rules import Duty
from crm.transactions import transaction
from tests.databases import SECRET
from tests.factories import make_person, make_regime, make_unit, make_visit

JUNE = ("--from", "2026-06", "--to", "2026-06")
SHIPPED = yaml.safe_load((SEEDS / "regime.yaml").read_text(encoding="utf-8"))
DEPUTY = next(row for row in SHIPPED if row["code"] == "deputy-monthly")


@pytest.fixture
def crm(database_url, sessions, monkeypatch, moment, tmp_path):
    """Run the command on a zone of one deputy with two visits in June, with a file of rules."""
    monkeypatch.setenv("CRM_DATABASE_URL", database_url)
    monkeypatch.setenv("CRM_SECRET_KEY", SECRET)
    base.settings.cache_clear()
    base.app.cache_clear()
    with transaction(sessions) as db:
        make_regime(db)
        deputy = make_person(db, "lihua", duty=Duty.DEPUTY, unit=make_unit(db, code="bureau"))
        for day in (2, 3):
            make_visit(db, deputy, date(2026, 6, day))
    file = tmp_path / "rules.yaml"

    def run(rules, *words):
        text = rules if isinstance(rules, str) else yaml.safe_dump(rules, allow_unicode=True)
        file.write_text(text, encoding="utf-8")
        return CliRunner().invoke(main, ["quota", "backtest", str(file), *words])

    yield run
    with base.app().app_context():
        database_of_app.engine.dispose()
    base.settings.cache_clear()
    base.app.cache_clear()


ROW = {
    "rule": "deputy-monthly",
    "person": "lihua",
    "unit": "bureau",
    "period": "2026-06",
    "frozen": False,
    "basis": "preliminary",
    "changed": True,
    "was_required": 6,
    "was_achieved": 2,
    "was_status": "missed",
    "would_required": 2,
    "would_achieved": 2,
    "would_status": "met",
}


def test_the_backtest_is_printed_as_json(crm):
    text = crm([DEPUTY | {"minimum": 2}], *JUNE, "--format", "json")

    assert (text.exit_code, json.loads(text.stdout)) == (0, [ROW])


def test_the_backtest_is_printed_as_csv(crm):
    text = crm([DEPUTY | {"minimum": 2}], *JUNE, "--format", "csv")

    (row,) = csv.DictReader(io.StringIO(text.stdout))
    assert row == {key: str(value) for key, value in ROW.items()}


def test_the_backtest_sums_up_by_rule_and_period(crm):
    text = crm([DEPUTY | {"minimum": 2}], *JUNE, "--summary", "--format", "json")

    assert json.loads(text.stdout) == [
        {
            "rule": "deputy-monthly",
            "period": "2026-06",
            "was_owing": 1,
            "was_met": 0,
            "would_owing": 1,
            "would_met": 1,
            "changed": 1,
            "turned": 1,
        }
    ]


def test_it_shows_people_both(crm):
    text = crm(SHIPPED, *JUNE)

    assert text.exit_code == 0
    assert "would_met" in text.stdout
    assert "lihua" in text.stdout


def test_each_rule_takes_the_periods_of_its_own_kind(crm):
    weekly = DEPUTY | {"code": "by-week", "period": "week", "minimum": 1}

    text = crm([DEPUTY, weekly], "--from", "2026-06-X1", "--to", "2026-06", "--format", "json")

    result = [(row["rule"], row["period"]) for row in json.loads(text.stdout)]
    weeks = [("by-week", f"2026-W{week}") for week in (23, 24, 25, 26)]
    assert result == [("deputy-monthly", "2026-06"), *weeks]


def test_a_draft_need_not_say_when_it_begins(crm):
    draft = {name: value for name, value in DEPUTY.items() if name != "valid_from"}

    assert crm([draft], *JUNE).exit_code == 0


def test_a_draft_that_does_not_say_by_when_to_log_means_three_days(tmp_path):
    file = tmp_path / "rules.yaml"
    draft = {name: value for name, value in DEPUTY.items() if name != "log_within_days"}
    file.write_text(yaml.safe_dump([draft], allow_unicode=True), encoding="utf-8")

    (rule,) = read_rules(file, since=date(2026, 7, 1))

    assert rule.log_within_days == 3


def test_words_may_be_chinese(crm):
    draft = DEPUTY | {"duty": "分管负责同志", "kinds": ["外出拜访"], "period": "月"}

    assert crm([draft], *JUNE).exit_code == 0


WRONG = """- code: a
  name: 甲
  duty: boss
  measure: visits_led
  count_by: day
  minimum: six
  period: month
  kinds: outreach
  channels: []
  log_within_days: 3
  proration: workdays
  rounding: ceil
  cap: calendar_days
  colour: red
- 5
- code: b
  valid_from: 2026-02-31
"""


def test_every_problem_of_the_file_is_told_with_its_line_and_field(crm):
    text = crm(WRONG, *JUNE)

    assert (text.exit_code, text.stdout) == (1, "")
    for part in (
        "第 3 行，duty：“boss”不在可选范围内，可选：principal（主要负责同志）、",
        "第 6 行，minimum：“six”不是整数",
        "第 8 行，kinds：此处应为列表",
        "第 14 行，colour：该字段不存在",
        "第 15 行：此处应为一条规则的各字段",
        "第 16 行，measure：缺少该字段",
        "第 17 行，valid_from：“2026-02-31”不是有效日期",
    ):
        assert part in text.stderr


def test_what_no_rule_can_ask_is_told_with_its_line(crm):
    text = crm([DEPUTY | {"minimum": 99}], *JUNE)

    assert (text.exit_code, "minimum：请填写 1 至 31 之间的整数。" in text.stderr) == (1, True)


def test_a_code_may_appear_only_once_in_a_file(crm):
    assert "重复出现" in crm([DEPUTY, DEPUTY], *JUNE).stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "规则的列表"),
        ("code: a", "规则的列表"),
        ("- code: [", "不是正确的 YAML"),
        ("- {a: b", "第 1 行不是正确的 YAML"),
        ("- ? [1]\n  : 2", "该字段不存在"),
    ],
)
def test_what_is_no_list_of_rules_is_refused(crm, text, reason):
    output = crm(text, *JUNE)

    assert (output.exit_code, reason in output.stderr) == (1, True)


def test_a_file_that_is_not_there_is_refused(crm):
    text = CliRunner().invoke(main, ["quota", "backtest", "/nowhere.yaml", *JUNE])

    assert (text.exit_code, "无法打开文件" in text.stderr) == (1, True)


def test_a_span_that_ends_before_it_begins_is_a_usage_error(crm):
    assert crm(SHIPPED, "--from", "2026-06", "--to", "2026-05").exit_code == 2
