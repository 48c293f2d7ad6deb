"""People with their postings, from files."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.sheets import SheetRefused, write_template
from crm.people.fields import PEOPLE_COLUMNS
from crm.people.imports import import_people
from crm.people.models import Person, Posting
from crm.people.rules import Duty, Role
from tests.conftest import NOW
from tests.factories import make_person, make_unit

HEAD = "username,name,email,phone,unit,duty,role,from,to,primary\n"
ZHAO = "zhao,赵某,zhao@crm.test,0513-1,{unit},recruiter,recruiter,2026-01-01,{to},1\n"


@pytest.fixture
def take(db):
    """Import rows beneath the head; what became of them."""
    make_unit(db, "招商局", code="ip")
    make_unit(db, "科技局", code="st")

    def take(*rows, head=HEAD):
        content = (head + "".join(f"{row.strip()}\n" for row in rows)).encode()
        outcome = import_people(db, content=content, by=None, now=NOW)
        db.expire_all()
        return outcome.added, outcome.updated, outcome.unchanged

    return take


def refused(take, *rows, **given):
    """The code, line and column of each problem."""
    with pytest.raises(SheetRefused) as caught:
        take(*rows, **given)
    return [(p.why.code, p.line, p.column) for p in caught.value.problems]


def postings(db):
    """All postings as plain values."""
    rows = db.scalars(select(Posting).order_by(Posting.from_on, Posting.id))
    return [(row.duty, row.is_primary, row.from_on, row.to_on) for row in rows]


def actions(db):
    """What the audit trail tells."""
    return list(db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_a_person_comes_with_a_posting_and_without_a_password(db, take):
    done = take(ZHAO.format(unit="ip", to=""))

    person = db.scalars(select(Person)).one()
    assert done == (1, 0, 0)
    assert (person.name, person.role, person.phone) == ("赵某", Role.RECRUITER, "0513-1")
    assert (person.pinyin, person.password_hash) == ("zhao mou", None)
    assert postings(db) == [(Duty.RECRUITER, True, date(2026, 1, 1), None)]
    assert actions(db) == ["person.added", "posting.added"]


def test_chinese_headers_names_and_excels_dates_are_understood(db, take):
    done = take(
        "Zhao,赵某,,,科技局,分管负责同志,领导,2026/1/1,2026/6/30 0:00",
        head="账号,姓名,邮箱,电话,单位,职务类别,权限角色,任职起,任职止\n",
    )

    assert done == (1, 0, 0)
    assert db.scalars(select(Person.username)).one() == "zhao"
    assert postings(db) == [(Duty.DEPUTY, True, date(2026, 1, 1), date(2026, 6, 30))]


def test_a_repeat_changes_nothing(db, take):
    rows = ZHAO.format(unit="ip", to="2026-03-31"), ZHAO.format(unit="招商局", to="2026-03-31")
    take(*rows)
    before = actions(db)

    assert take(*rows) == (0, 0, 2)
    assert actions(db) == before


def test_several_rows_are_several_postings(db, take):
    done = take(
        ZHAO.format(unit="ip", to="2026-03-31"),
        "zhao,赵某,zhao@crm.test,0513-1,st,staff,recruiter,2026-02-01,,0",
        "zhao,赵某,zhao@crm.test,0513-1,st,deputy,recruiter,2026-04-01,,1",
    )

    assert done == (3, 0, 0)
    assert [posting[:2] for posting in postings(db)] == [
        (Duty.RECRUITER, True),
        (Duty.STAFF, False),
        (Duty.DEPUTY, True),
    ]


def test_what_is_new_of_a_known_person_is_updated(db, take):
    take(ZHAO.format(unit="ip", to=""))

    done = take("zhao,赵二,,,ip,recruiter,supervisor,2026-01-01,,1")

    person = db.scalars(select(Person)).one()
    assert done == (0, 1, 0)
    assert (person.name, person.pinyin, person.email) == ("赵二", "zhao er", None)
    assert person.role is Role.SUPERVISOR
    assert actions(db)[-1] == "person.changed"


def test_a_posting_that_ends_makes_room_for_the_next(db, take):
    take(ZHAO.format(unit="ip", to=""))

    done = take(
        "zhao,赵某,zhao@crm.test,0513-1,st,deputy,recruiter,2026-07-01,,1",
        ZHAO.format(unit="ip", to="2026-06-30"),
    )

    assert done == (1, 1, 0)
    assert postings(db) == [
        (Duty.RECRUITER, True, date(2026, 1, 1), date(2026, 6, 30)),
        (Duty.DEPUTY, True, date(2026, 7, 1), None),
    ]


def test_a_new_posting_of_a_known_person_is_added(db, take):
    person = make_person(db, "qian", duty=None, name="钱某", email=None)

    done = take("qian,钱某,,,ip,staff,recruiter,2026-01-01,,")

    assert done == (1, 0, 0)
    assert db.scalars(select(Posting.person_id)).one() == person.id


def test_primary_postings_that_overlap_in_the_file_are_told_with_the_line(take):
    result = refused(
        take,
        "zhao,赵某,,,ip,staff,recruiter,2026-03-01,2026-03-31,1",
        "zhao,赵某,,,st,staff,recruiter,2026-01-01,2026-12-31,1",
        "zhao,赵某,,,st,staff,recruiter,2026-06-01,,1",
    )

    assert result == [("overlapping_posting", 2, "from"), ("overlapping_posting", 4, "from")]


@pytest.mark.parametrize("since", ["2025-01-01", "2026-03-01"])
def test_a_primary_posting_that_overlaps_a_known_one_is_told_with_the_line(take, since):
    take(ZHAO.format(unit="ip", to=""))

    result = refused(take, f"zhao,赵某,zhao@crm.test,0513-1,st,staff,recruiter,{since},,1")

    assert result == [("overlapping_posting", 2, "from")]


def test_everything_wrong_is_told_at_once(take):
    result = refused(
        take,
        "zhao,赵某,,,ip,staff,recruiter,2026-01-01,2025-12-31,1",
        "qian,,li@example.com.,1.38E+10,ip,boss,king,2026-02-30,3月31日,maybe",
        "sun li,孙某,,,nowhere,staff,recruiter,,,1",
        "li,李某,,,nowhere,staff,recruiter,1026-01-01,,1",
        "wu,吴某,,,nowhere,staff,recruiter,2026-01-01,,1",
        "zhou,周某,,,ip,staff,recruiter,2026-01-01,,1",
        "zhou,周谋,a@b,,st,staff,reader,2026-01-01,,0",
        "zhou,周某,,,ip,staff,recruiter,2026-01-01,2026-02-01,1",
    )

    assert result == [
        ("last_day_before_first", 2, "to"),
        ("required", 3, "name"),
        ("bad_email", 3, "email"),
        ("phone_in_scientific", 3, "phone"),
        ("unknown_word", 3, "duty"),
        ("unknown_word", 3, "role"),
        ("no_such_date", 3, "from"),
        ("bad_date", 3, "to"),
        ("bad_yes_no", 3, "primary"),
        ("bad_username", 4, "username"),
        ("required", 4, "from"),
        ("year_out_of_range", 5, "from"),
        ("unknown_unit", 6, "unit"),
        ("row_disagrees", 8, "name"),
        ("row_disagrees", 8, "email"),
        ("row_disagrees", 8, "role"),
        ("row_disagrees", 9, "to"),
    ]


def test_a_person_may_come_without_a_posting(db, take):
    first = take("zhao,赵某,,,,,reader,,,")

    again = take("zhao,赵某,,,,,reader,,,", "qian,钱某,,,,,reader,,,0")

    assert (first, again) == ((1, 0, 0), (1, 0, 1))
    assert postings(db) == []


def test_a_row_that_tells_of_no_posting_ends_none(db, take):
    take(ZHAO.format(unit="ip", to=""))

    assert take("zhao,赵工,zhao@crm.test,0513-1,,,recruiter,,,") == (0, 1, 0)
    assert postings(db) == [(Duty.RECRUITER, True, date(2026, 1, 1), None)]


def test_a_part_of_a_posting_is_none(take):
    result = refused(take, "zhao,赵某,,,,,recruiter,,2026-01-01,")

    assert result == [("required", 2, "unit"), ("required", 2, "duty"), ("required", 2, "from")]


def test_a_problem_names_the_column_as_the_file_does(take):
    result = refused(
        take,
        "zhao,赵某,,,ip,staff,recruiter,,",
        head="账号,姓名,邮箱,电话,单位,职务类别,权限角色,任职起,任职止\n",
    )

    assert result == [("required", 2, "任职起")]


def test_a_name_of_two_units_does_not_do(db, take):
    make_unit(db, "招商局", code="ip2")

    assert refused(take, ZHAO.format(unit="招商局", to="")) == [("ambiguous_unit", 2, "unit")]


def test_nothing_is_taken_of_a_file_with_one_mistake(db, take):
    result = refused(take, ZHAO.format(unit="ip", to=""), ZHAO.format(unit="xx", to=""))

    assert result == [("unknown_unit", 3, "unit")]
    assert db.scalars(select(Person)).all() == []


def test_the_template_can_be_imported(db, take):
    content = write_template(PEOPLE_COLUMNS)

    outcome = import_people(db, content=content, by=None, now=NOW)

    assert outcome.added == 1


def test_a_unit_is_known_however_its_name_is_typed(db, take):
    assert take("zhao,赵某,,,招　商局,staff,recruiter,2026-01-01,,") == (1, 0, 0)
