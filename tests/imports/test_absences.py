"""Absences from files."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.base.sheets import SheetRefused, write_template
from crm.people.absence_imports import ABSENCES, import_absences
from crm.people.models import Absence, Person
from crm.people.rules import AbsenceKind
from tests.conftest import NOW
from tests.factories import make_person


@pytest.fixture
def take(db):
    """Import a file; what became of its rows."""
    make_person(db, "zhao")

    def take(text):
        outcome = import_absences(db, content=text.encode(), by=None, now=NOW)
        return outcome.added, outcome.updated, outcome.unchanged

    return take


def test_an_absence_is_leave_and_approved_on_import(db, take):
    done = take("username,from,to,reason\nzhao,2026-07-06,2026-07-10,年休假\n")

    absence = db.scalars(select(Absence)).one()
    assert done == (1, 0, 0)
    assert (absence.from_on, absence.to_on) == (date(2026, 7, 6), date(2026, 7, 10))
    assert (absence.kind, absence.reason) == (AbsenceKind.LEAVE, "年休假")
    assert (absence.approved_at, absence.approved_by_id) == (NOW, None)


def test_who_imports_approves_no_absence_of_their_own(db, take):
    zhao = db.scalars(select(Person)).one()
    content = b"username,from,to,reason\nzhao,2026-07-06,2026-07-10,x\n"

    with pytest.raises(SheetRefused) as caught:
        import_absences(db, content=content, by=zhao, now=NOW)

    assert [p.why.code for p in caught.value.problems] == ["own_absence_in_file"]


def test_kinds_may_be_chinese_or_left_empty_and_absences_may_overlap(db, take):
    done = take(
        "账号,开始日期,结束日期,事由,类别\n"
        "zhao,2026-07-06,2026-07-10,,培训\n"
        "zhao,2026-07-06,2026-07-10,,\n"
    )

    assert done == (2, 0, 0)
    kinds = db.scalars(select(Absence.kind).order_by(Absence.id)).all()
    assert kinds == [AbsenceKind.TRAINING, AbsenceKind.LEAVE]


def test_a_repeat_is_harmless(db, take):
    text = "username,from,to,reason,kind\n" + "zhao,2026-07-06,2026-07-10,流感,sick\n" * 2
    first = take(text)

    again = take(text)

    assert (first, again) == ((1, 0, 1), (0, 0, 2))
    assert len(db.scalars(select(Absence)).all()) == 1


def test_everything_wrong_is_told_at_once(db, take):
    with pytest.raises(SheetRefused) as caught:
        take(
            "username,from,to,reason,kind\n"
            "zhao,2026-07-06,2026-07-05,,\n"
            "nobody,2026-07-06,2026-07-07,,\n"
            "zhao,2026-07-06,,,idle\n"
        )

    result = [(p.why.code, p.line, p.column) for p in caught.value.problems]
    assert result == [
        ("last_day_before_first", 2, "to"),
        ("unknown_username", 3, "username"),
        ("required", 4, "to"),
        ("unknown_word", 4, "kind"),
    ]


def test_the_template_can_be_imported(db):
    make_person(db, "zhaomou")

    outcome = import_absences(db, content=write_template(ABSENCES), by=None, now=NOW)

    assert outcome.added == 1
