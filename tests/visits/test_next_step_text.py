"""The next step of a visit with its due date, in one text."""

from datetime import date

import pytest

from crm.visits.next_step_text import with_due_date, without_due_date

VISITED_ON = date(2026, 11, 27)  # a Friday


def test_a_due_date_is_written_after_the_step():
    assert with_due_date("送测算表", date(2026, 12, 2)) == "送测算表（12月2日前）"


@pytest.mark.parametrize(("what", "due_on"), [("送测算表", None), ("", date(2026, 12, 2))])
def test_a_step_without_a_due_date_or_a_date_without_a_step_is_written_as_it_is(what, due_on):
    assert with_due_date(what, due_on) == what


@pytest.mark.parametrize(
    ("text", "what", "due_on"),
    [
        ("送测算表（12月2日前）", "送测算表", date(2026, 12, 2)),
        ("送测算表(12-2)", "送测算表", date(2026, 12, 2)),
        ("送测算表（1月5日前）", "送测算表", date(2027, 1, 5)),
        ("12月2日前送测算表", "12月2日前送测算表", date(2026, 12, 2)),
        ("下周三送测算表", "下周三送测算表", date(2026, 12, 2)),
        ("周三送样，周四前回复", "周三送样，周四前回复", date(2026, 12, 3)),
        ("12月10日前发函（12月2日前）", "12月10日前发函", date(2026, 12, 2)),
        ("送测算表\n（12月2日前）", "送测算表", date(2026, 12, 2)),
    ],
)
def test_the_due_date_is_read_as_of_the_day_of_the_visit(text, what, due_on):
    assert without_due_date(text, VISITED_ON) == (what, due_on)


@pytest.mark.parametrize(
    "text", ["送测算表", "按10月8日纪要办理", "送测算表（2月30日前）", "报价3.5亿元（二期）"]
)
def test_a_text_without_a_day_after_the_visit_has_no_due_date(text):
    assert without_due_date(text, VISITED_ON) == (text, None)
