"""Visits from files."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from crm.base.audit import record
from crm.base.audit_entries import AuditEntry
from crm.base.audit_trail import first_break
from crm.base.sheets import SheetRefused, write_sheet, write_template
from crm.leads.merged import Mergeable
from crm.leads.models import Lead
from crm.people.models import Person
from crm.people.rules import Role
from crm.reassignment.merges import Pair, merge
from crm.transactions import transaction
from crm.visits.companies import companies_of
from crm.visits.exports import visit_rows
from crm.visits.fields import VISIT_COLUMNS, CompanyMet
from crm.visits.imports import check_visits, keep_visits
from crm.visits.models import Visit, VisitCompany, VisitLead, VisitParticipant
from crm.visits.rules import Channel, Kind, Status, Verdict
from tests.conftest import NOW
from tests.counting import statements_on
from tests.factories import make_company, make_lead, make_person, make_unit, make_visit

HEAD = (
    "ref,kind,channel,status,starts_at,ends_at,city,"
    "leader,participants,leads,logged_at,verdict,note"
)
ROW = (
    "V1,outreach,in_person,done,2026-07-14T09:00,2026-07-14T11:00,上海,"
    "zhao,{with_},{leads},{logged},,"
)
MOST_STATEMENTS = 20
FAMILIAR = ROW.format(with_="qian;sun", leads="L1", logged="2026-07-14T18:00")


def import_visits(db, *, content, now):
    """Check and add the visits of a file, both in the transaction of the session."""
    return keep_visits(db, file=check_visits(db, content=content, now=now), now=now)


@pytest.fixture
def take(db):
    """Import rows beneath the head; what became of them."""
    for username in ("zhao", "qian", "sun"):
        make_person(db, username)
    make_lead(db, ref="L1")

    def take(*rows, head=HEAD, now=NOW):
        content = "\n".join((head, *rows)).encode()
        outcome = import_visits(db, content=content, now=now)
        db.expire_all()
        return outcome.added, outcome.updated, outcome.unchanged

    return take


def only(db):
    """The one visit that there is."""
    beside = selectinload(Visit.participants), selectinload(Visit.leads)
    return db.scalars(select(Visit).options(*beside)).one()


def refused(take, *rows, **given):
    """The code, line and column of each problem."""
    with pytest.raises(SheetRefused) as caught:
        take(*rows, **given)
    return [(p.why.code, p.line, p.column) for p in caught.value.problems]


def test_the_reference_of_a_merged_lead_is_that_of_the_survivor(db, take):
    unit = make_unit(db)
    boss = make_person(db, "boss", unit=unit, role=Role.SUPERVISOR)
    kept, gone = make_lead(db, ref="L2", unit=unit), make_lead(db, ref="L3", unit=unit)
    kept_id = kept.id
    merge(db, pair=Pair(Mergeable.LEAD, kept.id, gone.id), by=boss, now=NOW)

    take(ROW.format(with_="", leads="L3", logged=""))

    assert db.scalars(select(VisitLead.lead_id)).all() == [kept_id]


def test_a_visit_comes_with_its_people_and_leads(db, take):
    done = take(FAMILIAR)

    visit = only(db)
    assert done == (1, 0, 0)
    assert (visit.kind, visit.channel, visit.status) == (
        Kind.OUTREACH,
        Channel.IN_PERSON,
        Status.DONE,
    )
    assert visit.starts_at == datetime(2026, 7, 14, 1, tzinfo=UTC)
    assert (visit.first_on, visit.last_on) == (date(2026, 7, 14), date(2026, 7, 14))
    assert sorted(person.username for person in visit.participants) == ["qian", "sun"]
    assert [lead.ref for lead in visit.leads] == ["L1"]
    assert visit.logged_at == visit.entered_at == datetime(2026, 7, 14, 10, tzinfo=UTC)
    assert (visit.entered_by_id, visit.verdict, visit.note) == (None, None, None)


def test_a_done_visit_without_a_moment_is_logged_by_the_import(db, take):
    take(ROW.format(with_="", leads="", logged=""))

    assert (only(db).entered_at, only(db).logged_at) == (NOW, NOW)


def test_a_verdict_is_as_old_as_the_logging(db, take):
    take(FAMILIAR[:-1] + "已确认,")

    visit = only(db)
    assert (visit.verdict, visit.verdict_at) == (Verdict.CONFIRMED, visit.logged_at)


def test_chinese_words_offsets_and_optional_columns_are_understood(db, take):
    take(
        "V1,驻城招商,面谈,计划,2026-07-13T00:00+08:00,2026/7/18 0:00,苏州,Zhao,qian；sun；qian,,"
        "2026-07-10T02:00Z,,备注,李经理,经理,谈得好,再访,批次一",
        head="编号,类型,方式,状态,开始时间,结束时间,城市,带队人,同行人,线索,登记时间,核定,备注,"
        "会见人,会见人职务,洽谈纪要,下一步,批次",
    )

    visit = only(db)
    assert (visit.kind, visit.status) == (Kind.RESIDENCY, Status.PLANNED)
    assert (visit.first_on, visit.last_on) == (date(2026, 7, 13), date(2026, 7, 17))
    assert (visit.entered_at, visit.logged_at) == (datetime(2026, 7, 10, 2, tzinfo=UTC), None)
    assert len(visit.participants) == 2
    assert (visit.note, visit.met, visit.position) == ("备注", "李经理", "经理")
    assert (visit.minutes, visit.next_step, visit.trip) == ("谈得好", "再访", "批次一")


@pytest.mark.parametrize("logged", ["2026-07-14T18:00", ""])
def test_a_repeat_is_harmless_whenever_it_comes(db, take, logged):
    row = ROW.format(with_="zhao;sun", leads="L1", logged=logged)
    take(row, row)
    entries = len(db.scalars(select(AuditEntry)).all())

    again = take(row, now=NOW + timedelta(days=1))

    assert again == (0, 0, 1)
    assert only(db).entered_at <= NOW
    assert len(db.scalars(select(AuditEntry)).all()) == entries


def test_a_ref_that_says_something_else_is_refused_with_the_columns(db, take):
    take(FAMILIAR)

    with pytest.raises(SheetRefused) as caught:
        take(FAMILIAR.replace("上海", "杭州").replace("qian;sun", "qian").replace("L1", ""))

    (problem,) = caught.value.problems
    assert (problem.why.code, problem.line, problem.column) == ("ref_taken", 2, "ref")
    assert problem.why.facts["columns"] == "city、participants、leads"


def test_a_ref_twice_in_one_file_must_agree(take):
    assert refused(take, FAMILIAR, FAMILIAR, FAMILIAR.replace("outreach", "event")) == [
        ("ref_taken", 4, "ref")
    ]


def test_a_visit_that_was_not_imported_holds_its_ref(db, take):
    make_visit(db, make_person(db), ref="V1")

    assert refused(take, FAMILIAR) == [("ref_taken", 2, "ref")]


def test_everything_wrong_is_told_at_once(db, take):
    result = refused(
        take,
        ROW.format(with_="nobody;qian", leads="L1;L2", logged=""),
        "V2,outreach,in_person,done,2026-07-14T11:00,2026-07-14T09:00,上海,zhao,,,,,",
        "V3,outreach,in_person,done,2026-07-15T09:00,2026-07-15T11:00,上海,zhao,,,,,",
        "V4,outreach,in_person,done,2026-07-14T09:00,2026-07-14T11:00,上海,zhao,,,2026-07-14T10:00,,",
        "V5,residency,in_person,done,2026-03-01T09:00,2026-06-01T11:00,上海,zhao,,,,,",
        "V6,visit,in_person,done,14/7/2026,2026-07-14,上海,,,,2026-07-14T25:00,yes,",
        ",outreach,in_person,planned,2026-07-14T09:00,2026-07-14T11:00,上海,zhao,,,2026-07-16T10:00,,",
    )

    assert result == [
        ("unknown_username", 2, "participants"),
        ("unknown_lead_ref", 2, "leads"),
        ("ends_before_start", 3, "ends_at"),
        ("not_ended", 4, "status"),
        ("logged_before_end", 5, "logged_at"),
        ("too_long", 6, "ends_at"),
        ("unknown_word", 7, "kind"),
        ("bad_moment", 7, "starts_at"),
        ("moment_without_time", 7, "ends_at"),
        ("required", 7, "leader"),
        ("bad_moment", 7, "logged_at"),
        ("unknown_word", 7, "verdict"),
        ("required", 8, "ref"),
    ]
    assert db.scalars(select(Visit)).all() == []


def test_a_stay_of_92_days_is_the_longest(db, take):
    take("V5,residency,in_person,done,2026-03-01T09:00,2026-06-01T00:00,上海,zhao,,,,,")

    assert (only(db).last_on - only(db).first_on).days == 91


def test_the_template_can_be_imported(db):
    for username in ("zhaomou", "qianmou", "sunmou"):
        make_person(db, username)

    outcome = import_visits(db, content=write_template(VISIT_COLUMNS), now=NOW)

    assert outcome.added == 1


def test_times_are_read_as_people_type_them(db, take):
    row = ROW.format(with_="", leads="", logged="２０２６年７月１５日 上午9时30分")

    take(row.replace("2026-07-14T09:00,2026-07-14T11:00", "2026年7月14日下午2:30,2026-07-14 24:00"))

    visit = only(db)
    assert visit.starts_at == datetime(2026, 7, 14, 6, 30, tzinfo=UTC)
    assert visit.ends_at == datetime(2026, 7, 14, 16, tzinfo=UTC)
    assert (visit.last_on, visit.logged_at) == (
        date(2026, 7, 14),
        datetime(2026, 7, 15, 1, 30, tzinfo=UTC),
    )


def test_a_time_that_is_unclear_is_refused_with_its_place(take):
    row = ROW.format(with_="", leads="", logged="")

    result = refused(
        take, row.replace("2026-07-14T09:00", "7月14日9:00").replace("T11:00", " 上午13:00")
    )

    assert result == [("bad_moment", 2, "starts_at"), ("bad_moment", 2, "ends_at")]


# What older files call by another name


@pytest.mark.parametrize(
    ("kind", "channel", "read"),
    [
        ("外出拜访", "邮件", Kind.REMOTE),
        ("residency", "phone", Kind.REMOTE),
        ("event", "video", Kind.REMOTE),
        ("event", "online_event", Kind.EVENT),
        ("线上对接", "视频", Kind.REMOTE),
    ],
)
def test_what_is_not_in_person_is_read_as_remote(db, take, kind, channel, read):
    row = FAMILIAR.replace("outreach,in_person", f"{kind},{channel}")

    assert take(row) == (1, 0, 0)
    assert only(db).kind is read
    assert take(row) == (0, 0, 1)  # named as before, it is the same visit


def test_the_result_says_which_rows_are_read_as_remote(db, take):
    mail = FAMILIAR.replace("outreach,in_person", "outreach,email")
    rows = (
        mail,
        mail.replace("V1", "V2").replace("07-14T09", "07-13T09").replace("07-14T11", "07-13T11"),
    )
    content = "\n".join((HEAD, *rows)).encode()

    outcome = import_visits(db, content=content, now=NOW)

    facts = {"kind": "外出拜访", "channel": "邮件", "lines": "2、3"}
    assert [(each.why.code, each.why.facts) for each in outcome.notices] == [
        ("read_as_remote", facts)
    ]


def test_a_remote_visit_in_person_is_refused(take):
    row = FAMILIAR.replace("outreach,in_person", "remote,in_person")

    assert refused(take, row) == [("channel_of_kind", 2, "channel")]


# When a visit was entered

WITH_ENTERED = f"{HEAD},entered_at"


def test_a_file_says_when_a_visit_was_entered(db, take):
    done = take(f"{FAMILIAR},2026-07-01T08:00", head=WITH_ENTERED)

    visit = only(db)
    assert done == (1, 0, 0)
    assert visit.entered_at == datetime(2026, 7, 1, 0, tzinfo=UTC)
    assert visit.logged_at == datetime(2026, 7, 14, 10, tzinfo=UTC)


def test_a_visit_was_not_entered_after_it_was_logged(take):
    row = f"{FAMILIAR},2026-07-14T19:00"

    problems = refused(take, row, head=WITH_ENTERED)

    assert problems == [("entered_after_logged", 2, "entered_at")]


def test_a_repeat_with_another_moment_of_entry_is_refused(take):
    take(f"{FAMILIAR},2026-07-01T08:00", head=WITH_ENTERED)

    problems = refused(take, f"{FAMILIAR},2026-07-02T08:00", head=WITH_ENTERED)

    assert problems == [("ref_taken", 2, "ref")]


def test_a_row_names_companies_and_whom_one_met_at_each(db, take):
    known = make_company(db, "南通华芯电子有限公司")
    head, row = f"{HEAD},met,position,companies", ROW.format(with_="", leads="L1", logged="")

    told = f"{row},韩总;;王女士,总裁;;,南通华芯电子有限公司;某商会;苏州某厂"
    outcomes = take(told, head=head), take(told, head=head)

    of_lead = db.scalars(select(Lead.company_id)).one()
    stored = companies_of(db, db.scalars(select(Visit.id)).one())
    assert outcomes == ((1, 0, 0), (0, 0, 1))
    assert stored == (
        CompanyMet(known.id, met="韩总", position="总裁"),
        CompanyMet(name="某商会"),
        CompanyMet(name="苏州某厂", met="王女士"),
        CompanyMet(of_lead),
    )


def test_what_is_exported_is_imported_and_exported_the_same(db):
    people = [make_person(db, username) for username in ("zhao", "qian", "sun")]
    lead, ways = make_lead(db, ref="L1"), product(Status, Verdict.__members__ | {"": 1}, (1, 9))
    for number, (status, verdict, days) in enumerate(ways):
        make_visit(
            db,
            people[number % 3],
            date(2026, 6, 1) + timedelta(days=number),
            days=days,
            kind=Kind.RESIDENCY if days > 1 else Kind.OUTREACH,
            status=status,
            verdict=Verdict[verdict] if verdict else None,
            participants=people[: number % 3],
            leads=[lead] * (number % 2),
            trip=f"T{number}" if number % 4 == 0 else None,
            minutes="第一行\n第二行",
            met="韩总",
            companies=[
                CompanyMet(name=name, met=name[:1]) for name in ("甲厂", "乙会")[: number % 3]
            ],
            entered_at=datetime(2026, 5, 1, 0, 0, number, number, tzinfo=UTC),
        )
    exported = export(db)

    for table in (VisitParticipant, VisitLead, VisitCompany, Visit):
        db.execute(delete(table))
    db.expire_all()
    import_visits(db, content=exported, now=NOW)
    db.expire_all()

    assert export(db) == exported
    assert len(exported.splitlines()) > 18  # a row a visit beneath the head


def export(db):
    return write_sheet(VISIT_COLUMNS, visit_rows(db, None, NOW.date()), in_chinese=True)


# What is asked about, and taken all the same


def test_what_can_hardly_be_is_asked_about_and_imported(db, take):
    take(FAMILIAR)
    elsewhere = FAMILIAR.replace("V1", "V2").replace("上海", "苏州")
    content = f"{HEAD}\n{elsewhere}".encode()

    outcome = import_visits(db, content=content, now=NOW)

    assert outcome.added == 1
    assert [(each.why.code, each.why.facts) for each in outcome.notices] == [
        ("asked_about", {"doubt": "同一时间在两个城市", "lines": "2", "pairs": "V2与V1"})
    ]


def test_rows_of_one_file_are_asked_about_once(db, take):
    rows = FAMILIAR, FAMILIAR.replace("V1", "V2").replace("上海", "苏州")

    outcome = import_visits(db, content="\n".join((HEAD, *rows)).encode(), now=NOW)

    assert [each.why.facts["pairs"] for each in outcome.notices] == ["V1与V2"]


def test_stays_of_one_file_are_asked_about_across_months(db, take):
    stay = "V{},residency,in_person,done,{}T09:00,{}T18:00,苏州,zhao,,,,,"
    rows = (
        stay.format(1, "2026-05-20", "2026-06-10"),
        stay.format(2, "2026-06-09", "2026-06-12"),
        stay.format(3, "2026-06-13", "2026-06-14"),
    )

    outcome = import_visits(db, content="\n".join((HEAD, *rows)).encode(), now=NOW)

    assert [each.why.facts["pairs"] for each in outcome.notices] == ["V1与V2"]


# Checked without the write lock, then kept


def rows_of(count):
    return [
        f"V{number},residency,in_person,done,2026-07-{number % 14 + 1:02}T09:00,"
        f"2026-07-{number % 14 + 1:02}T11:00,上海,zhao,qian,L1,,,"
        for number in range(count)
    ]


@pytest.fixture
def checked(sessions):
    """Check a file of that many rows; the file is not kept yet."""
    with transaction(sessions) as db:
        for username in ("zhao", "qian"):
            make_person(db, username)
        make_lead(db, ref="L1")

    def checked(count):
        return check_rows(sessions, rows_of(count))

    return checked


def check_rows(sessions, rows):
    with sessions() as db:
        return check_visits(db, content="\n".join((HEAD, *rows)).encode(), now=NOW)


def test_a_file_is_checked_without_the_write_lock(sessions, checked):
    with statements_on(sessions.kw["bind"]) as statements:
        checked(3)

    writes = ("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE")
    assert [each for each in statements if each.startswith(writes)] == []


@pytest.mark.parametrize("count", [2, 300])
def test_few_statements_keep_a_file_however_many_visits_it_has(sessions, checked, count):
    file = checked(count)

    with statements_on(sessions.kw["bind"]) as under_lock, transaction(sessions) as db:
        keep_visits(db, file=file, now=NOW)

    assert len(under_lock) <= MOST_STATEMENTS
    with sessions() as db:
        assert first_break(db) is None
        assert db.scalar(select(func.count()).select_from(Visit)) == count


def test_no_value_is_left_to_convert_under_the_lock(checked):
    file = checked(3).new

    values = [value for row in (*file.visits.rows, *file.entries.converted.rows) for value in row]
    assert {type(value) for value in values} <= {str, int, type(None), date, datetime}


def test_ids_that_others_take_after_the_check_are_left_alone(sessions, checked):
    file = checked(3)
    with transaction(sessions) as db:
        leader = db.scalars(select(Person).filter_by(username="zhao")).one()
        other = make_visit(db, leader, ref="other")
        record(db, "visit.logged", other, by=leader, at=NOW)

    with transaction(sessions) as db:
        keep_visits(db, file=file, now=NOW)

    with sessions() as db:
        assert first_break(db) is None
        entries = select(AuditEntry.subject_id, AuditEntry.action).order_by(AuditEntry.id)
        ids = dict(db.execute(select(Visit.ref, Visit.id)).all())
        imported = [ids["V0"], ids["V1"], ids["V2"]]
        assert db.execute(entries).all() == [
            (ids["other"], "visit.logged"),
            *((visit_id, "visit.imported") for visit_id in imported),
        ]
        for table in (VisitParticipant, VisitLead):
            linked = select(table.visit_id).order_by(table.visit_id)
            assert db.scalars(linked).all() == sorted(imported)


def test_the_chain_covers_what_is_stored_of_an_unusual_reference(sessions, checked):
    refs = ["V%1", "V%(id)s", "V‘\\é", "e\u0301"]
    rows = [rows_of(1)[0].replace("V0", ref) for ref in refs]
    checked(0)
    file = check_rows(sessions, rows)

    with transaction(sessions) as db:
        keep_visits(db, file=file, now=NOW)

    with sessions() as db:
        assert first_break(db) is None
        assert set(db.scalars(select(Visit.ref))) == {*refs[:3], "é"}


def test_a_visit_of_that_reference_made_after_the_check_stops_the_file(sessions, checked):
    file = checked(3)
    with transaction(sessions) as db:
        leader = db.scalars(select(Person).filter_by(username="zhao")).one()
        make_visit(db, leader, ref="V2")

    with pytest.raises(IntegrityError), transaction(sessions) as db:
        keep_visits(db, file=file, now=NOW)

    with sessions() as db:
        assert db.scalars(select(Visit.ref)).all() == ["V2"]
