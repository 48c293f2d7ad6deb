"""Rows of a bureau's table as rows of a file of visits."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.base.cities import cities
from crm.base.clock import civil
from crm.base.errors import Refused
from crm.base.table_people import People, names_in
from crm.visits.table_dates import TitlePeriod, moments
from crm.visits.table_rows import Defaults, Reading, companies_in, visit_row

NOW = datetime(2026, 7, 15, 2, 0, tzinfo=UTC)
TITLE = TitlePeriod(date(2026, 7, 15), 2026, 7)
NAMES = {"沈若川": "shen", "严书禾": "yan", "单行舟": "shan", "shen": "shen"}


class Zone:
    """Whom the zone knows; two are called 魏子谦."""

    def find(self, text, field):
        name = text.replace(" ", "")
        if name not in NAMES:
            code = "ambiguous_person" if name == "魏子谦" else "unknown_person_in_file"
            raise Refused(code, field=field, person=text)
        return type("Found", (), {"username": NAMES[name]})


def read(chosen=None, defaults=None, **cells):
    people = People(Zone(), chosen or {})
    reading = Reading(people, {"云海二期": "L1"}, cities(), TITLE, NOW, defaults or Defaults())
    row = visit_row({"date": "7月3日", "city": "上海", "leader": "沈若川"} | cells, reading)
    return row, people


def span(day, hours="", title=TITLE, **more):
    begin, end = moments(day, hours, title, **more)
    return f"{civil(begin):%Y-%m-%d %H:%M}", f"{civil(end):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ("11月3日", "2026-11-03", "2026-11-03"),
        ("2026.11.3", "2026-11-03", "2026-11-03"),
        ("2026年11月3日", "2026-11-03", "2026-11-03"),
        ("２０２６－１１－０３", "2026-11-03", "2026-11-03"),
        ("20261103", "2026-11-03", "2026-11-03"),
        ("46329", "2026-11-03", "2026-11-03"),
        ("2026-11-03", "2026-11-03", "2026-11-03"),
        ("11.3", "2026-11-03", "2026-11-03"),
        ("11/3", "2026-11-03", "2026-11-03"),
        ("十一月三日", "2026-11-03", "2026-11-03"),
        ("3-4日", "2026-07-03", "2026-07-04"),
        ("3日", "2026-07-03", "2026-07-03"),
        ("31", "2026-07-31", "2026-07-31"),
        ("11月3-4日", "2026-11-03", "2026-11-04"),
        ("11月3日—11月5日", "2026-11-03", "2026-11-05"),
        ("11.3-11.5", "2026-11-03", "2026-11-05"),
        ("2026.11.3-2026.11.5", "2026-11-03", "2026-11-05"),
        ("11月3日至5日", "2026-11-03", "2026-11-05"),
        ("1月1日", "2026-01-01", "2026-01-01"),
        ("12月31日", "2026-12-31", "2026-12-31"),
        ("11月3日\n（星期二）", "2026-11-03", "2026-11-03"),
    ],
)
def test_dates_are_read_as_bureaus_type_them(day, first, last):
    assert span(day) == (f"{first} 09:00", f"{last} 17:00")


@given(st.dates(date(2024, 1, 1), date(2028, 12, 31)))
def test_a_date_without_a_year_is_of_the_titles_year(on):
    title = TitlePeriod(date(2026, 7, 15), on.year)

    begin, _ = moments(f"{on.month}月{on.day}日", "", title)

    assert civil(begin).date() == on


@pytest.mark.parametrize(
    ("day", "hours", "begin", "end"),
    [
        ("7月3日上午", "", "07-03 09:00", "07-03 11:30"),
        ("7月3日下午2点到4点", "", "07-03 14:00", "07-03 16:00"),
        ("7月3日 9:30-11:00", "", "07-03 09:30", "07-03 11:00"),
        ("2026-07-03", "上午", "07-03 09:00", "07-03 11:30"),
        ("2026-07-03", "14:00:00", "07-03 14:00", "07-03 15:00"),
        ("2026-07-03", "0.395833333333333", "07-03 09:30", "07-03 10:30"),
        ("7月3日", "９：３０－１１：００", "07-03 09:30", "07-03 11:00"),
        ("46206.395833333", "", "07-03 09:30", "07-03 10:30"),
        ("7.3-7.5", "上午9点", "07-03 09:00", "07-05 10:00"),
        ("7月3日下午至7月4日上午", "", "07-03 14:00", "07-04 11:30"),
    ],
)
def test_hours_are_read_as_words_numbers_and_fractions(day, hours, begin, end):
    assert span(day, hours) == (f"2026-{begin}", f"2026-{end}")


@pytest.mark.parametrize(
    ("starts", "ends", "begin", "end"),
    [
        ("2026-07-03T09:00", "2026-07-03T11:30", "07-03 09:00", "07-03 11:30"),
        ("7月3日", "7月5日", "07-03 09:00", "07-05 17:00"),
        ("7月3日9:00", "11:30", "07-03 09:00", "07-03 11:30"),
        ("7月3日上午", "7月4日下午", "07-03 09:00", "07-04 16:00"),
        ("2026-07-03T00:00:00", "", "07-03 09:00", "07-03 17:00"),
    ],
)
def test_begin_and_end_may_have_columns_of_their_own(starts, ends, begin, end):
    assert span("", starts=starts, ends=ends) == (f"2026-{begin}", f"2026-{end}")


@pytest.mark.parametrize(
    ("day", "title", "code"),
    [
        ("近期", TITLE, "bad_date"),
        ("", TITLE, "required"),
        ("7月32日", TITLE, "bad_date"),
        ("31-32日", TITLE, "bad_date"),
        ("7月3日、9日", TITLE, "bad_date"),
        ("3-4日", TitlePeriod(date(2026, 7, 15), 2026), "day_without_month"),
        ("7月3日16点-14点", TITLE, None),
    ],
)
def test_what_is_no_date_is_refused(day, title, code):
    if code is None:  # over midnight
        assert span(day, title=title) == ("2026-07-03 16:00", "2026-07-04 14:00")
        return
    with pytest.raises(Refused) as caught:
        moments(day, "", title)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("cell", "companies"),
    [
        ("云海科技、沧海智能，溟南显示；甲/乙", ["云海科技", "沧海智能", "溟南显示", "甲", "乙"]),
        ("1.云海科技\n2.沧海智能", ["云海科技", "沧海智能"]),
        ("1、云海科技 2、沧海智能", ["云海科技", "沧海智能"]),
        ("云海科技、沧海智能等2家企业", ["云海科技", "沧海智能"]),
        ("云海\u3000\u3000沧海", ["云海", "沧海"]),
        ("360集团", ["360集团"]),
        ("", []),
    ],
)
def test_several_firms_of_a_cell_are_companies_of_one_visit(cell, companies):
    assert companies_in(cell) == companies


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("严书禾、沈若川", ["严书禾", "沈若川"]),
        ("张　三", ["张三"]),
        ("严书禾（党工委书记） 沈若川", ["严书禾", "沈若川"]),
        ("沈若川等3人", ["沈若川"]),
        ("沈若川\u00a0严书禾", ["沈若川", "严书禾"]),
    ],
)
def test_names_of_a_cell(cell, names):
    assert list(names_in(cell)) == names


def test_a_row_becomes_a_row_of_a_file_of_visits():
    row, _ = read(
        leader="严书禾主任、沈若川",
        participants="单行舟",
        kind="接待来访",
        city="江苏省苏州市工业园区",
        companies="云海科技、沧海智能",
        leads="云海二期；别的项目",
        phone="１３８００００００００.0",
        minutes="谈设备选型",
    )

    assert row.problems == []
    assert row.cells | {"note": ""} == {
        "ref": "",
        "trip": "",
        "logged_at": "",
        "entered_at": "",
        "verdict": "",
        "kind": "reception",
        "channel": "in_person",
        "status": "done",
        "leader": "yan",
        "participants": "shen;shan",
        "starts_at": "2026-07-03T09:00:00",
        "ends_at": "2026-07-03T17:00:00",
        "city": "苏州",
        "leads": "L1",
        "companies": "云海科技;沧海智能",
        "met": "",
        "position": "",
        "minutes": "谈设备选型",
        "next_step": "",
        "note": "",
    }
    assert row.cells["note"] == "项目：别的项目\n电话：13800000000"


def test_what_is_not_said_comes_from_the_defaults_and_from_the_date():
    row, _ = read(leader="", city="", date="7月20日", defaults=Defaults(city="南京", leader="shen"))

    assert row.problems == []
    assert [row.cells[name] for name in ("kind", "city", "leader", "status")] == [
        *("outreach", "南京", "shen", "planned")
    ]


def test_a_name_of_two_people_or_of_none_is_asked_for_once():
    row, people = read(leader="魏子谦", participants="王司机")

    assert [why.code for why in row.problems] == ["person_to_choose"] * 2
    assert people.open == {"魏子谦": "魏子谦", "王司机": "王司机"}


def test_a_name_that_was_chosen_is_that_person_or_goes_into_the_note():
    row, _ = read({"魏子谦": "wei2", "王司机": ""}, leader="魏子谦", participants="王司机")

    assert row.problems == []
    assert (row.cells["leader"], row.cells["note"]) == ("wei2", "其他同行人员：王司机")


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"kind": "其他"}, "unknown_word"),
        ({"channel": "飞鸽"}, "unknown_word"),
        ({"status": "也许"}, "unknown_word"),
        ({"city": ""}, "required"),
        ({"date": "近期"}, "bad_date"),
    ],
)
def test_what_cannot_be_read_is_a_problem_of_its_row(cells, code):
    assert [why.code for why in read(**cells)[0].problems] == [code]
