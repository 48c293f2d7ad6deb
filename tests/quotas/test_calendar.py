"""The working calendar: set by hand, imported, and what a change does to figures (REGIME 4)."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.base.audit_entries import AuditEntry
from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.base.periods import Period
from crm.base.sheets import SheetRefused
from crm.base.workdays import DayKind, Source, Workday, WorkingCalendar
from crm.jobs import ledger
from crm.jobs.models import JobRun
from crm.jobs.runner import Runner
from crm.people.rules import Duty, Role
from crm.quotas.calendar import set_days, take_back
from crm.quotas.calendar_imports import as_file, import_calendar, keep, read_arrangement
from crm.quotas.models import Correction, WorkdayOverride
from crm.quotas.queries import figures, working_calendar
from crm.quotas.service import freeze_period
from crm.transactions import transaction
from tests.conftest import NOW
from tests.factories import make_person, make_rule, make_unit
from tests.jobs.work import SITE

JULY = Period.parse("2026-07")
MONDAY = date(2026, 7, 20)
WHOLE = (
    "日期,类型,名称\n"
    "2027-01-01,休,元旦\n2027-02-05,休,春节\n2027-02-08,休,春节\n2027-02-09,休,春节\n"
    "2027-02-20,班,补班\n2027-04-05,休,清明\n2027-06-09,休,端午\n2027-09-15,休,中秋\n"
    "2027-10-01,休,国庆\n"
)


def set_free(db, first=MONDAY, last=None, **given):
    values = {"is_workday": False, "reason": "停电检修", "by": None, "now": NOW}
    return set_days(db, first=first, last=last or first, **values | given)


def is_workday(db, on):
    return working_calendar(db).is_workday(on)


@pytest.mark.parametrize(
    ("on", "kind"),
    [
        (date(2026, 7, 20), DayKind.WORKDAY),
        (date(2026, 7, 25), DayKind.REST),
        (date(2026, 2, 14), DayKind.MAKE_UP),
        (date(2026, 2, 16), DayKind.HOLIDAY),
        (date(2026, 10, 3), DayKind.HOLIDAY),
    ],
)
def test_a_date_is_a_working_day_a_rest_day_a_make_up_day_or_a_holiday(on, kind):
    assert WorkingCalendar().kind(on) is kind


def test_a_span_is_set_by_hand_and_taken_back(db):
    changed = set_free(db, last=date(2026, 7, 26))
    in_force = [is_workday(db, date(2026, 7, day)) for day in range(20, 27)]
    back = take_back(db, first=MONDAY, last=date(2026, 7, 26), by=None, now=NOW)

    assert in_force == [False] * 7
    assert changed.rest_days == tuple(date(2026, 7, day) for day in range(20, 25))
    assert back.workdays == changed.rest_days
    assert is_workday(db, MONDAY)


def test_each_change_leaves_an_entry_with_its_reason(db):
    set_free(db)
    take_back(db, first=MONDAY, last=MONDAY, by=None, now=NOW)

    made, undone = db.scalars(select(AuditEntry).order_by(AuditEntry.id))
    assert (made.action, made.subject_id) == ("calendar.set", 20260720)
    assert '"reason": "停电检修"' in made.after
    assert '"rest_days": ["2026-07-20"]' in made.after
    assert (undone.action, undone.before) == ("calendar.taken_back", '{"reason": "停电检修"}')


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"reason": " "}, "required"),
        ({"last": date(2026, 7, 19)}, "last_day_before_first"),
        ({"last": date(2026, 9, 20)}, "span_too_long"),
        ({"first": date(1926, 7, 20)}, "year_out_of_range"),
    ],
)
def test_a_change_that_nobody_can_mean_is_refused(db, given, code):
    with pytest.raises(Refused, match=code):
        set_free(db, **given)


def test_only_an_admin_changes_the_calendar(db):
    boss = make_person(db, role=Role.SUPERVISOR)

    with pytest.raises(Refused, match="not_yours"):
        set_free(db, by=boss)


def test_what_was_not_set_by_hand_cannot_be_taken_back(db):
    with pytest.raises(Refused, match="no_override"):
        take_back(db, first=MONDAY, last=MONDAY, by=None, now=NOW)


def test_by_hand_goes_before_an_import_and_taken_back_leaves_it(db):
    import_calendar(db, content=b"date,kind\n2026-07-20,holiday\n", by=None, now=NOW)
    set_free(db, is_workday=True)
    by_hand = working_calendar(db).on(MONDAY)
    take_back(db, first=MONDAY, last=MONDAY, by=None, now=NOW)

    assert by_hand == Workday(is_workday=True, source=Source.OVERRIDE)
    assert working_calendar(db).on(MONDAY) == Workday(is_workday=False, source=Source.IMPORTED)


def test_a_whole_year_is_no_longer_estimated(db):
    outcome = import_calendar(db, content=WHOLE.encode(), by=None, now=NOW)
    calendar = working_calendar(db)

    assert (outcome.added, outcome.rows) == (9, 9)
    assert not calendar.is_estimated(Period.parse("2027"))
    assert calendar.kind(date(2027, 2, 20)) is DayKind.MAKE_UP
    assert calendar.on(date(2027, 7, 1)) == Workday(is_workday=True, source=Source.IMPORTED)


def test_a_file_of_a_few_dates_says_nothing_of_the_others(db):
    import_calendar(db, content="日期,类型\n2027-02-20,班\n".encode(), by=None, now=NOW)
    calendar = working_calendar(db)

    assert calendar.on(date(2027, 2, 20)) == Workday(is_workday=True, source=Source.IMPORTED)
    assert calendar.on(date(2027, 2, 22)).source is Source.ESTIMATE
    assert not calendar.is_workday(date(2027, 1, 1))


def test_a_repeat_of_an_import_changes_nothing(db):
    import_calendar(db, content=WHOLE.encode(), by=None, now=NOW)
    again = import_calendar(db, content=WHOLE.encode(), by=None, now=NOW)

    assert (again.added, again.updated, again.unchanged) == (0, 0, 9)
    assert len(db.scalars(select(AuditEntry)).all()) == 1


def test_a_later_arrangement_of_a_year_takes_the_place_of_the_first(db):
    import_calendar(db, content=WHOLE.encode(), by=None, now=NOW)
    later = WHOLE.replace("2027-02-20,班,补班\n", "")
    import_calendar(db, content=later.encode(), by=None, now=NOW)

    assert not is_workday(db, date(2027, 2, 20))


def test_an_import_takes_all_or_nothing(db):
    text = "date,kind\n2027-02-20,maybe\n2027-02-30,workday\n2027-03-01,班\n2027-03-01,休\n"

    with pytest.raises(SheetRefused) as refused:
        import_calendar(db, content=text.encode(), by=None, now=NOW)

    result = [(each.line, each.why.code) for each in refused.value.problems]
    assert result == [(2, "unknown_word"), (3, "no_such_date"), (5, "row_disagrees")]
    assert db.scalars(select(WorkdayOverride)).all() == []


def test_a_file_without_rows_is_refused():
    with pytest.raises(SheetRefused):
        read_arrangement(b"date,kind\n")


def test_an_arrangement_written_down_reads_the_same():
    arrangement = read_arrangement(WHOLE.replace("补班", '"补,""班"').encode())

    assert read_arrangement(as_file(arrangement).encode()) == arrangement


@pytest.fixture
def zone(sessions):
    with transaction(sessions) as db:
        make_rule(db)
        make_person(db, "deputy", duty=Duty.DEPUTY, unit=make_unit(db))
    return sessions


def test_an_open_period_is_judged_by_the_changed_calendar(zone):
    with transaction(zone) as db:
        set_free(db, first=date(2026, 7, 1), last=date(2026, 7, 31))
        (each,) = figures(db, period=JULY, as_of=NOW)

    assert (each.figure.required, each.figure.workdays) == (0, 0)


def test_a_change_in_a_frozen_period_changes_no_figure_and_makes_a_correction(zone):
    freeze = at_civil(date(2026, 8, 6))
    with transaction(zone) as db:
        freeze_period(db, period=JULY, at=freeze, now=freeze)
    with transaction(zone) as db:
        set_free(db, first=date(2026, 7, 1), last=date(2026, 7, 31), now=freeze)

    with zone() as db:
        (each,) = figures(db, period=JULY, as_of=freeze)
        (made,) = db.scalars(select(Correction))
    assert each.figure.required == 6
    assert (made.from_required, made.to_required) == (6, 0)
    assert made.why == "调整工作日历（停电检修）"


def test_an_import_that_contradicts_what_is_frozen_makes_a_correction(zone):
    freeze = at_civil(date(2026, 8, 6))
    rest = "date,kind\n" + "".join(f"2026-07-{day:02},休\n" for day in range(1, 32))
    with transaction(zone) as db:
        freeze_period(db, period=JULY, at=freeze, now=freeze)
    with transaction(zone) as db:
        keep(db, read_arrangement(rest.encode()), by=None, now=freeze)

    with zone() as db:
        assert [made.why for made in db.scalars(select(Correction))] == ["导入放假安排"]


@pytest.mark.slow_on_postgresql
def test_a_changed_calendar_neither_drops_nor_repeats_a_slot(zone):
    def weekly():
        with zone() as db:
            runs = select(JobRun.slot).where(JobRun.job == "weekly-digest").order_by(JobRun.slot)
            return list(db.scalars(runs))

    with transaction(zone) as db:
        ledger.install(db, clock_from=at_civil(date(2026, 7, 1)), now=NOW)
    runner = Runner(zone, SITE)
    runner.run_until(at_civil(date(2026, 7, 14)), to_mailbox=True)
    with transaction(zone) as db:  # the day of W28's digest, done, and that of W29's, to come
        set_free(db, first=date(2026, 7, 13))
        set_free(db, first=date(2026, 7, 20), last=date(2026, 7, 22))
    runner.run_until(at_civil(date(2026, 7, 22)), to_mailbox=True)
    moved = weekly()
    with transaction(zone) as db:
        take_back(db, first=date(2026, 7, 13), last=date(2026, 7, 22), by=None, now=NOW)
    runner.run_until(at_civil(date(2026, 8, 4)), to_mailbox=True)

    assert moved == ["2026-W27", "2026-W28"]
    assert weekly() == ["2026-W27", "2026-W28", "2026-W29", "2026-W30", "2026-W31"]


def test_by_hand_goes_before_an_import_before_the_library_before_the_estimate(db):
    on, later, unknown = date(2026, 7, 20), date(2026, 7, 21), date(2027, 7, 20)
    import_calendar(
        db, content=b"date,kind\n2026-07-20,holiday\n2026-07-21,holiday\n", by=None, now=NOW
    )
    set_free(db, first=on)
    calendar = working_calendar(db)

    assert [calendar.on(each).source for each in (on, later, date(2026, 7, 22), unknown)] == [
        *(Source.OVERRIDE, Source.IMPORTED, Source.LIBRARY, Source.ESTIMATE)
    ]
