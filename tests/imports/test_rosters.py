"""A bureau's roster: people and units read, compared with the zone, kept once, taken back."""

from collections import Counter
from datetime import date

import pytest
from sqlalchemy import func, select

from crm.base.errors import Refused
from crm.base.sheets import Format, write_records
from crm.imports import service, undoing
from crm.imports.models import ImportMade
from crm.imports.rules import PEOPLE, RowState, RunState
from crm.imports.settings import QuestionKind, Report
from crm.people.accounts import disable_person
from crm.people.first_passwords import give_first_passwords
from crm.people.models import Person, Posting, Unit
from crm.people.rules import Duty, Role, UnitKind
from crm.people.sessions import begin
from tests.bureau_sheets import roster_rows, roster_sheet
from tests.conftest import NOW
from tests.factories import make_person, make_unit

ZONE = "临江经济技术开发区"
HEAD = ("姓名", "单位", "科室", "职务", "手机", "任职时间")


@pytest.fixture
def zone(db):
    """The zone, one bureau, and the admin who imports."""
    zone = make_unit(db, ZONE, code="zone", kind=UnitKind.ZONE)
    make_unit(db, "招商局", code="invest", parent=zone)
    return make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=zone, name="单兴洲")


class Table:
    """A roster on its way."""

    def __init__(self, db, by, content):
        self.db, self.by = db, by
        given = {"content": content, "file_name": "花名册.xlsx", "by": by, "now": NOW}
        self.run = service.begin(db, kind=PEOPLE, **given)
        codes = service.uploaded(self.run).codes
        usual = {"duty": "staff", "from_on": "2026-01-01"}
        service.choose_columns(db, run=self.run, codes=codes, usual=usual, by=by, now=NOW)

    @property
    def report(self):
        return Report.unpacked(self.run.report)

    @property
    def counts(self):
        return {state: count for state, count in self.report.counts.items() if count}

    def row(self, line):
        return next(row for row in self.report.rows if row.line == line)

    def asked(self, kind):
        return [question for question in self.report.questions if question.kind is kind]

    def answer(self, kind, key, value):
        answers = {kind: {key: value}}
        service.answer(self.db, run=self.run, answers=answers, by=self.by, now=NOW)

    def apply(self, *, only_usable=False):
        given = {"only_usable": only_usable, "by": self.by, "now": NOW}
        service.apply(self.db, run=self.run, **given)
        self.db.flush()

    def undo(self):
        undoing.undo(self.db, run=self.run, by=self.by, now=NOW)
        self.db.expire_all()


def texts(*rows, head=HEAD):
    return write_records([head, *rows], Format.CSV)


def count(db, table):
    return db.scalar(select(func.count()).select_from(table))


def units(db):
    """The name, code and kind of each unit, and the name of the one above it."""
    rows = {unit.id: unit for unit in db.scalars(select(Unit))}
    return {
        (unit.name, unit.code, unit.kind, rows[unit.parent_id].name if unit.parent_id else None)
        for unit in rows.values()
    }


@pytest.mark.slow_on_postgresql
def test_a_bureaus_roster_becomes_people_postings_and_units(db, zone):
    table = Table(db, zone, roster_sheet(roster_rows(300)))
    assert table.row(5).texts[:3] == ["李芳", "lifang", "招商局 / 二科"]
    before = count(db, Person)
    table.apply()

    assert (table.run.state, table.run.added, count(db, Person)) == (
        RunState.DONE,
        300,
        before + 300,
    )
    first = db.scalars(select(Person).where(Person.phone == "13900000001")).one()
    assert (first.name, first.username, first.password_hash) == ("李芳", "lifang", None)
    posting = db.scalars(select(Posting).where(Posting.person_id == first.id)).one()
    assert (posting.duty, posting.from_on, posting.is_primary) == (
        Duty.DEPUTY,
        date(2023, 9, 1),
        True,
    )
    assert first.role is Role.LEADER
    duties = Counter(db.scalars(select(Posting.duty).where(Posting.from_on <= NOW.date())))
    assert duties[Duty.PRINCIPAL] == 30
    assert duties[Duty.DEPUTY] == 90
    assert {unit for unit in units(db) if unit[1] != "zone"} == {
        ("招商局", "invest", UnitKind.BUREAU, ZONE),
        ("一科", "invest-yike", UnitKind.TEAM, "招商局"),
        ("二科", "invest-erke", UnitKind.TEAM, "招商局"),
        ("经济发展局", "jingjifazhanju", UnitKind.BUREAU, ZONE),
        ("一科", "jingjifazhanju-yike", UnitKind.TEAM, "经济发展局"),
        ("二科", "jingjifazhanju-erke", UnitKind.TEAM, "经济发展局"),
        ("园区发展局", "yuanqufazhanju", UnitKind.BUREAU, ZONE),
        ("一科", "yuanqufazhanju-yike", UnitKind.TEAM, "园区发展局"),
        ("二科", "yuanqufazhanju-erke", UnitKind.TEAM, "园区发展局"),
    }
    usernames = set(db.scalars(select(Person.username)))
    assert len(usernames) == count(db, Person)


def test_the_same_roster_again_changes_nothing(db, zone):
    content = roster_sheet(roster_rows(40))
    Table(db, zone, content).apply()

    assert Table(db, zone, content).counts == {RowState.SAME: 40}


def test_what_an_import_made_is_taken_back_with_units_and_can_be_imported_again(db, zone):
    content = roster_sheet(roster_rows(12))
    before = units(db)
    table = Table(db, zone, content)
    table.apply()
    table.undo()

    assert (table.run.state, units(db), count(db, Posting)) == (RunState.UNDONE, before, 1)
    closed = db.scalars(select(Person).where(Person.disabled_at.is_not(None))).all()
    assert len(closed) == 12
    again = Table(db, zone, content)
    assert again.counts == {RowState.CHANGED: 12}
    again.apply()
    assert not db.scalars(select(Person).where(Person.disabled_at.is_not(None))).all()
    again.undo()
    assert not db.scalars(select(ImportMade).where(ImportMade.kept_why.is_not(None))).all()


def test_a_new_unit_that_somebody_uses_by_now_stays_when_the_import_is_taken_back(db, zone):
    table = Table(db, zone, texts(("王芳", "经济发展局", "", "科员", "", "")))
    table.apply()
    bureau = db.scalars(select(Unit).where(Unit.name == "经济发展局")).one()
    make_person(db, "other", unit=bureau)
    table.undo()

    stayed = db.scalars(select(ImportMade).where(ImportMade.kept_why.is_not(None))).all()
    assert [(made.subject, made.subject_id) for made in stayed] == [("unit", bureau.id)]


def test_of_accounts_with_first_passwords_those_go_to_which_nobody_has_signed_in(db, zone):
    names = ("王芳", "赵明")
    table = Table(db, zone, texts(*((name, "经济发展局", "", "科员", "", "") for name in names)))
    table.apply()
    used, unused = db.scalars(select(Person).where(Person.name.in_(names)).order_by(Person.id))
    hashes = dict.fromkeys((used.username, unused.username), "a hash")
    give_first_passwords(db, hashes=hashes, by=zone, now=NOW, on=NOW.date())
    begin(db, person=used, address="192.0.2.1", browser=None, now=NOW)

    table.undo()

    assert (used.disabled_at, unused.disabled_at) == (None, NOW)
    assert (used.password_hash, unused.password_hash) == ("a hash", None)
    stayed = db.scalars(select(ImportMade).where(ImportMade.kept_why.is_not(None))).all()
    assert {made.subject for made in stayed} == {"unit", "person", "posting"}
    assert db.scalars(select(Posting.person_id).where(Posting.person_id != zone.id)).all() == [
        used.id
    ]


def test_words_of_posts_and_units_may_be_chosen_otherwise(db, zone):
    rows = [("王芳", "经发局", "", "片区网格长", "", ""), ("李伟", "管委会", "", "主任", "", "")]
    table = Table(db, zone, texts(*rows))

    assert [problem.code for problem in table.row(2).problems] == ["roster_duty_to_choose"]
    assert [(unit.text, unit.value) for unit in table.asked(QuestionKind.UNIT)] == [
        ("管委会", "zone")
    ]
    table.answer(QuestionKind.DUTY, "片区网格长", "recruiter")
    table.answer(QuestionKind.UNIT, "经发局", "invest")
    assert table.row(2).texts[2:6] == ["招商局", "片区网格长", "专职招商人员", "招商人员"]
    # what was chosen holds for the next table of the form
    assert Table(db, zone, texts(*rows)).row(2).texts[2] == "招商局"


def test_one_name_of_two_people_is_asked_and_two_posts_of_one_person_are_one_account(db, zone):
    invest = db.scalars(select(Unit).where(Unit.code == "invest")).one()
    make_person(db, "wangfang", name="王芳", unit=invest)
    rows = [
        ("王芳", "经济发展局", "", "科员", "", ""),
        ("李伟", "招商局", "", "副局长", "13900000001", ""),
        ("李　伟", "经济发展局", "", "局长", "13900000001", ""),
        ("李伟", "项目服务局", "", "科员", "13900000009", ""),
        ("张三、李四", "招商局", "", "科员", "", ""),
        ("空缺", "招商局", "", "科员", "", ""),
    ]
    table = Table(db, zone, texts(*rows))

    states = [(row.line, row.state) for row in table.report.rows]
    assert states[:4] == [
        (2, RowState.REFUSED),
        (3, RowState.NEW),
        (4, RowState.NEW),
        (5, RowState.NEW),
    ]
    (question,) = table.asked(QuestionKind.PERSON)
    table.answer(QuestionKind.PERSON, question.key, "+")
    assert table.row(2).texts[1] == "wangfang2"
    assert [table.row(line).texts[1] for line in (3, 4, 5)] == ["liwei", "liwei", "liwei2"]
    with pytest.raises(Refused, match="import_rows_refused"):
        table.apply()
    table.apply(only_usable=True)
    li = db.scalars(select(Person).where(Person.username == "liwei")).one()
    held = db.scalars(select(Posting).where(Posting.person_id == li.id).order_by(Posting.id)).all()
    assert [(each.duty, each.is_primary) for each in held] == [
        (Duty.DEPUTY, True),
        (Duty.PRINCIPAL, False),
    ]


def test_a_known_person_is_changed_and_moved_and_keeps_the_access_role(db, zone):
    invest = db.scalars(select(Unit).where(Unit.code == "invest")).one()
    person = make_person(db, "wangfang", name="王芳", unit=invest, role=Role.SUPERVISOR)
    person.phone = "13900000001"
    db.flush()
    table = Table(
        db, zone, texts(("王芳", "经济发展局", "", "副局长", "13900000001", "2026-07-01"))
    )

    assert table.row(2).state is RowState.CHANGED
    table.apply()
    held = db.scalars(
        select(Posting).where(Posting.person_id == person.id).order_by(Posting.id)
    ).all()
    assert [(each.duty, each.to_on) for each in held] == [
        (Duty.RECRUITER, date(2026, 6, 30)),
        (Duty.DEPUTY, None),
    ]
    assert person.role is Role.SUPERVISOR
    table.undo()
    held = db.scalars(select(Posting).where(Posting.person_id == person.id)).all()
    assert [(each.duty, each.to_on) for each in held] == [(Duty.RECRUITER, None)]


def test_what_others_changed_since_the_preview_is_shown_before_it_is_kept(db, zone):
    table = Table(db, zone, texts(("王芳", "招商局", "", "科员", "", "")))
    other = make_person(db, "wangfang", name="王方")
    disable_person(db, person=other, at=NOW, by=zone, now=NOW)

    with pytest.raises(Refused, match="import_preview_outdated"):
        table.apply()


@pytest.mark.parametrize(
    ("name", "unit", "code"),
    [
        ("王\x07芳", "招商局", "control_characters"),
        ("王芳", "招\x1b商局", "control_characters"),
        ("王芳", "/".join("一二三四五六七八九"), "roster_unit_too_deep"),
        ("王" * 60, "招商局", "bad_username"),
    ],
)
def test_what_no_person_or_unit_is_called_is_refused_in_the_preview(db, zone, name, unit, code):
    table = Table(db, zone, texts((name, unit, "", "科员", "", "")))

    assert [problem.code for problem in table.row(2).problems] == [code]


def test_what_is_kept_is_not_chosen_otherwise_by_a_page_left_open(db, zone):
    rows = [("王芳", "招商局", "", "科员", "", ""), ("空缺", "招商局", "", "科员", "", "")]
    table = Table(db, zone, texts(*rows))
    table.apply(only_usable=True)
    given = {"run": table.run, "by": zone, "now": NOW}

    table.answer(QuestionKind.UNIT, "招商局", "zone")
    service.choose_columns(db, codes=service.uploaded(table.run).codes, usual={}, **given)
    service.choose_people(db, chosen={}, **given)
    service.check_refused(db, **given)

    assert table.run.state is RunState.DONE
    table.undo()
    assert table.run.state is RunState.UNDONE


def test_only_an_admin_imports_a_roster(db, zone):
    with pytest.raises(Refused, match="not_yours"):
        Table(db, make_person(db, "zhao"), texts(("王芳", "招商局", "", "科员", "", "")))
