"""What a random zone is: rows as files tell them, what happened after, and questions to ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .facts import Absence, Posting, Rule, Visit, Zone
from .periods import DAY, civil_date
from .workdays import is_library_workday

INSTANT = timedelta(microseconds=1)

DUTIES = ("principal", "deputy", "recruiter", "staff")
KINDS = {
    "outreach": "外出拜访",
    "reception": "来访接待",
    "residency": "驻城招商",
    "event": "招商活动",
    "remote": "线上对接",
}
CHANNELS = ("in_person", "video", "phone", "email", "online_event")
PERIODS = ("week", "xun", "month", "quarter", "year")
CITIES = ("上海", "苏州", "深圳")
UNITS = ("invest", "company-it", "bonded")
LONGEST_VISIT = 92

SHIPPED = (
    Rule("principal-weekly", "principal", "visits_led", "day", 1, "week", ("outreach",),
         ("in_person",), rounding="half_up"),
    Rule("deputy-monthly", "deputy", "visits_led", "day", 6, "month", ("outreach", "residency"),
         ("in_person",)),
    Rule("recruiter-monthly", "recruiter", "days_resident", "day", 20, "month",
         ("residency", "outreach"), ("in_person",)),
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """What a planned visit was made after its entry: longer, of another kind, with others."""

    at: datetime
    kind: str
    ends_at: datetime
    participants: tuple[str, ...]


@dataclass(frozen=True)
class VisitRow:
    """One row of visits.csv, and what people did with the visit afterwards."""

    ref: str
    kind: str
    channel: str
    status: str
    starts_at: datetime
    ends_at: datetime
    leader: str
    participants: tuple[str, ...]
    logged_at: datetime | None
    verdict: str
    done_at: datetime | None = None  # a planned row, set done later
    judgement: str = ""  # a verdict given later
    judged_at: datetime | None = None
    change: Change | None = None


def kind_of(row: VisitRow) -> str:
    """The kind as the import reads it: by these channels only a remote visit is held (REGIME 3)."""
    met = ("in_person", "online_event") if row.kind == "event" else ("in_person",)
    return row.kind if row.channel in met else "remote"


def as_lived(row: VisitRow, imported_at: datetime) -> Visit:
    """The visit that an import makes of a row, and what became of it: REGIME 3."""
    # CHOICE: a row without logged_at is entered, and if done logged, at the moment of the import.
    entered_at = row.logged_at or imported_at
    now = row.change or Change(entered_at, kind_of(row), row.ends_at, row.participants)
    logged_at = entered_at if row.status == "done" else row.done_at
    return Visit(
        row.ref,
        now.kind,
        row.channel,
        "done" if row.done_at else row.status,
        row.starts_at,
        now.ends_at,
        row.leader,
        now.participants,
        entered_at=entered_at,
        logged_at=logged_at,
        verdict=row.judgement or row.verdict,
        verdict_at=row.judged_at or (entered_at if row.verdict else None),
        added_at=added_by(row, now),
    )


def added_by(row: VisitRow, change: Change) -> dict[tuple[str, date], datetime]:
    """The dates that a change added for somebody: new ones, all of a new kind, all of who is new.

    An extension leaves the first date where it was.
    """
    old_last = civil_date(row.ends_at - INSTANT)
    on, added = civil_date(row.starts_at), {}
    while on <= civil_date(change.ends_at - INSTANT):
        for username in (row.leader, *change.participants):
            is_there = username in (row.leader, *row.participants)
            if on > old_last or change.kind != kind_of(row) or not is_there:
                added[username, on] = change.at
        on += DAY
    return added


@dataclass(frozen=True)
class RandomZone:
    """A zone as files tell it, and the questions worth asking about it."""

    seed: int
    postings: tuple[Posting, ...]
    absences: tuple[Absence, ...]
    visits: tuple[VisitRow, ...]
    rules: tuple[Rule, ...]
    overrides: Mapping[date, bool]
    imported_at: datetime
    questions: tuple[tuple[str, datetime], ...]  # (period, as_of)

    def for_oracle(self) -> Zone:
        """The same zone in the oracle's words."""
        return Zone(
            self.postings,
            self.absences,
            [as_lived(row, self.imported_at) for row in self.visits],
            self.rules,
            self.is_workday,
        )

    def is_workday(self, on: date) -> bool:
        """An override goes before the calendar."""
        return self.overrides.get(on, is_library_workday(on))
