"""Changes of the working calendar: single dates by hand, a year's arrangement from a file.

What was frozen stays as it is; where a changed date contradicts it, a correction is made.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.db import batches
from crm.base.errors import Refused
from crm.base.pending import collect
from crm.base.periods import days
from crm.base.value_class import value_class
from crm.base.workdays import Source, WorkingCalendar
from crm.people.models import Person
from crm.people.quota_inputs import Edit, QuotaInputChanged
from crm.people.rules import SYSTEM
from crm.quotas.models import WorkdayOverride
from crm.quotas.queries import working_calendar

LONGEST_SPAN = 62  # days that one adjustment covers; more than that is an arrangement
YEARS = range(2000, 2101)  # beyond them lies a slip of the keys


@value_class
class Arranged:
    """Whether an arrangement makes a date a working day, and the holiday's name."""

    is_workday: bool
    note: str | None = None


@value_class
class Flips:
    """The dates that a change makes working days, and those that it makes rest days."""

    workdays: tuple[date, ...]
    rest_days: tuple[date, ...]

    @property
    def dates(self) -> list[date]:
        """All of them, in order."""
        return sorted([*self.workdays, *self.rest_days])


def flips(before: WorkingCalendar, after: WorkingCalendar) -> Flips:
    """The dates that are working days in only one of the two calendars."""
    # no other date can differ: the library beneath is the same
    overridden = sorted({*before.overrides, *after.overrides})
    changed = [on for on in overridden if before.is_workday(on) is not after.is_workday(on)]
    return Flips(
        tuple(on for on in changed if after.is_workday(on)),
        tuple(on for on in changed if not after.is_workday(on)),
    )


def overrides(
    db: Session, first: date, last: date, source: Source = Source.OVERRIDE
) -> Sequence[WorkdayOverride]:
    """The overrides of the span from that source, in order."""
    query = select(WorkdayOverride).where(
        WorkdayOverride.source == source,
        WorkdayOverride.on >= first,
        WorkdayOverride.on <= last,
    )
    return db.scalars(query.order_by(WorkdayOverride.on)).all()


def set_days(  # noqa: PLR0913 - a span, what it becomes, why and by whom
    db: Session,
    *,
    first: date,
    last: date,
    is_workday: bool,
    reason: str,
    by: Person | None,
    now: datetime,
) -> Flips:
    """Set by hand whether people work on these dates, whatever the arrangement says.

    Refused as `not_yours`, `required`, `last_day_before_first`, `year_out_of_range`,
    `span_too_long`.
    """
    _refuse_others(by)
    if not (reason := reason.strip()):
        raise Refused("required", field="reason")

    _refuse_odd_span(first, last)
    before = working_calendar(db)
    known = {row.on: row for row in overrides(db, first, last)}
    replaced = {"reason": _joined(row.note for row in known.values())} if known else None
    rows = []

    for on in days(first, last):
        row = known.get(on) or WorkdayOverride(on=on, source=Source.OVERRIDE)
        row.is_workday, row.note = is_workday, reason
        rows.append(row)

    db.add_all(rows)
    db.flush()
    changed = flips(before, working_calendar(db))
    after = {"is_workday": is_workday, "reason": reason, **_flips_json(first, last, changed)}
    # the entry is about the first date, and its values name the span
    record(db, "calendar.set", rows[0], by=by, at=now, before=replaced, after=after)
    _collect(db, Edit.CALENDAR_SET, changed, reason=reason, by=by, at=now)

    return changed


def take_back(db: Session, *, first: date, last: date, by: Person | None, now: datetime) -> Flips:
    """Let the arrangement hold again on these dates; refused as `not_yours`, `no_override`."""
    _refuse_others(by)
    rows = overrides(db, first, last)
    if not rows:
        raise Refused("no_override", field="first")

    before = working_calendar(db)
    replaced = {"reason": _joined(row.note for row in rows)}
    for row in rows:
        db.delete(row)

    db.flush()
    changed = flips(before, working_calendar(db))
    after = _flips_json(rows[0].on, rows[-1].on, changed)
    record(db, "calendar.taken_back", rows[0], by=by, at=now, before=replaced, after=after)
    _collect(db, Edit.CALENDAR_TAKEN_BACK, changed, by=by, at=now)

    return changed


def keep_arrangement(
    db: Session,
    *,
    arranged: Mapping[date, Arranged],
    whole_years: Collection[int],
    by: Person | None,
    now: datetime,
) -> Flips:
    """Keep what an arrangement says; of whole years, it takes the place of what was imported.

    What was set by hand stays and goes first (REGIME 4). Refused as `not_yours`.
    """
    _refuse_others(by)
    before = working_calendar(db)
    replaced_years = [date(year, 1, 1) for year in whole_years]

    # what the new arrangement of a whole year leaves out holds no longer
    for first in replaced_years:
        span = WorkdayOverride.on.between(first, first.replace(month=12, day=31))
        db.execute(delete(WorkdayOverride).where(WorkdayOverride.source == Source.IMPORTED, span))

    listed = sorted(arranged)

    # a statement takes only so many values
    for dates in batches(listed):
        of_dates = WorkdayOverride.on.in_(dates)
        db.execute(
            delete(WorkdayOverride).where(WorkdayOverride.source == Source.IMPORTED, of_dates)
        )

    rows = [
        WorkdayOverride(
            on=on,
            source=Source.IMPORTED,
            is_workday=arranged[on].is_workday,
            note=arranged[on].note,
        )
        for on in listed
    ]
    db.add_all(rows)
    db.flush()
    changed = flips(before, working_calendar(db))
    after = {"days": len(rows), **_flips_json(listed[0], listed[-1], changed)}
    record(db, "calendar.imported", rows[0], by=by, at=now, after=after)
    _collect(db, Edit.CALENDAR_IMPORTED, changed, by=by, at=now)

    return changed


def _collect(  # noqa: PLR0913 - what was done, why, by whom and when
    db: Session,
    edit: Edit,
    changed: Flips,
    *,
    reason: str | None = None,
    by: Person | None,
    at: datetime,
) -> None:
    """Collect each date that became, or no longer is, a working day."""
    for on in changed.dates:
        collect(
            db,
            QuotaInputChanged(
                person_ids=None,
                first_on=on,
                last_on=on,
                edit=edit,
                reason=reason,
                by_id=by.id if by else None,
                at=at,
            ),
        )


def _refuse_others(by: Person | None) -> None:
    if by is not None and by.role not in SYSTEM:  # none: the operator of the server
        raise Refused("not_yours")


def _refuse_odd_span(first: date, last: date) -> None:
    for on, field in ((first, "first"), (last, "last")):
        if on.year not in YEARS:
            facts = {"value": on, "first": YEARS[0], "last": YEARS[-1]}
            raise Refused("year_out_of_range", field=field, **facts)
    if last < first:
        raise Refused("last_day_before_first", field="last")
    if (last - first).days >= LONGEST_SPAN:
        raise Refused("span_too_long", field="last", longest=LONGEST_SPAN)


def _flips_json(first: date, last: date, changed: Flips) -> dict[str, object]:
    return {
        "first_on": first,
        "last_on": last,
        "workdays": [str(on) for on in changed.workdays],
        "rest_days": [str(on) for on in changed.rest_days],
    }


def _joined(notes: object) -> str:
    return "；".join(dict.fromkeys(filter(None, notes)))  # type: ignore[call-overload]
