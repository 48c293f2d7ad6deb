"""A year's arrangement of holidays and make-up days from a file: all of it or nothing."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from sqlalchemy.orm import Session

from crm.base.cells import Cells, Day, LineOrNone, Required, read_rows
from crm.base.errors import Refused
from crm.base.periods import Period, PeriodKind
from crm.base.sheets import Column, ImportResult, Problem, read_sheet
from crm.base.value_class import value_class
from crm.base.workdays import Source, is_ordinary_workday, statutory
from crm.people.models import Person
from crm.quotas.calendar import Arranged, Flips, keep_arrangement, overrides

WORKDAY, HOLIDAY = "班", "休"
CALENDAR = (
    Column("date", "日期", "2027-02-08"),
    Column("kind", "类型", HOLIDAY),
    Column("name", "名称", "春节", optional=True),
    Column("note", "备注", optional=True),
)
KINDS = {
    **dict.fromkeys(("workday", "work", "1", WORKDAY, "上班", "调休", "补班", "工作日"), True),
    **dict.fromkeys(("holiday", "rest", "0", HOLIDAY, "放假", "休息", "节假日", "休息日"), False),
}


def _kind(text: str) -> bool:
    if (found := KINDS.get(text.lower())) is None:
        facts = {"allowed": f"{WORKDAY}（workday）、{HOLIDAY}（holiday）"}
        raise PydanticCustomError("unknown_word", "unknown_word", facts)
    return found


class CalendarRow(Cells):
    """Whether people work on a date, and the holiday's name."""

    date: Day
    kind: Annotated[bool, BeforeValidator(_kind), Required]
    name: LineOrNone = None
    note: LineOrNone = None


@value_class
class Arrangement:
    """What a file says, and the years of which it is the whole arrangement."""

    rows: Mapping[date, Arranged]
    whole_years: frozenset[int]
    notices: Sequence[Problem] = ()

    @property
    def days(self) -> dict[date, Arranged]:
        """What it says of every date: in a whole year, the ordinary week where it is silent."""
        ordinary = {
            on: Arranged(is_ordinary_workday(on))
            for year in self.whole_years
            for on in Period.holding(PeriodKind.YEAR, date(year, 1, 1)).dates
        }
        return {**ordinary, **self.rows}


def read_arrangement(content: bytes) -> Arrangement:
    """The arrangement that a file holds; raises `SheetRefused`.

    A year is whole where the file speaks of each statutory date that falls on a weekday: so does
    every arrangement that is published, and a file of a few dates does not.
    """
    sheet = read_sheet(content, CALENDAR)
    rows: dict[date, Arranged] = {}
    lines: dict[date, int] = {}

    for line, row in read_rows(sheet, CalendarRow):
        arranged = Arranged(row.kind, "；".join(filter(None, (row.name, row.note))) or None)
        if rows.setdefault(row.date, arranged).is_workday is not row.kind:
            why = Refused("row_disagrees", field="kind", line=lines[row.date])
            sheet.add_problem(line, why)
        lines.setdefault(row.date, line)

    if not rows and not sheet.problems:
        sheet.add_problem(1, Refused("no_rows"))

    sheet.raise_problems()
    years = {on.year for on in rows}
    whole = {year for year in years if _weekdays_off(year) <= rows.keys()}

    return Arrangement(rows, frozenset(whole), sheet.notices)


def _weekdays_off(year: int) -> set[date]:
    return {on for on in statutory(year) if is_ordinary_workday(on)}


def keep(db: Session, arrangement: Arrangement, *, by: Person | None, now: datetime) -> Flips:
    """Keep the arrangement that was read."""
    return keep_arrangement(
        db, arranged=arrangement.days, whole_years=arrangement.whole_years, by=by, now=now
    )


def import_calendar(
    db: Session, *, content: bytes, by: Person | None, now: datetime
) -> ImportResult:
    """Keep the arrangement of a file; one already known stays; raises `SheetRefused`."""
    arrangement = read_arrangement(content)
    first, last = min(arrangement.days), max(arrangement.days)
    known = {
        row.on: Arranged(row.is_workday, row.note)
        for row in overrides(db, first, last, Source.IMPORTED)
    }
    outcome = ImportResult(notices=list(arrangement.notices))

    # counted by the rows of the file: the ordinary days of a whole year are none of them
    for on, arranged in arrangement.rows.items():
        outcome.added += on not in known
        outcome.updated += on in known and known[on] != arranged
        outcome.unchanged += known.get(on) == arranged

    if any(known.get(on) != arranged for on, arranged in arrangement.days.items()):
        keep(db, arrangement, by=by, now=now)  # else a repeat: it leaves no entry

    return outcome


def as_file(arrangement: Arrangement) -> str:
    """The rows of an arrangement as the text of a file that says the same."""
    lines = [
        f"{on},{'workday' if arranged.is_workday else 'holiday'},{_quoted(arranged.note)}"
        for on, arranged in sorted(arrangement.rows.items())
    ]
    return "\n".join(["date,kind,name", *lines])


def _quoted(note: str | None) -> str:
    return '"' + (note or "").replace('"', '""') + '"'
