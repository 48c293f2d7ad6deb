"""What the scenario looks up: who is where, and how far a lead is on a date. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import pairwise

from crm.base.clock import at_civil
from crm.base.periods import DAY, days
from crm.demo.events import AbsenceEvent, LeadEvent, PostingEvent
from crm.demo.files import Files, Plans
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import LeadRow, RelativeDate
from crm.leads.rules import Stage
from crm.people.rules import AbsenceStatus

EVENING = time(20, 30)
PLANNED = time(17, 20)
MONTHS = 7  # the last seven are settled, or about to be
SETTLED = (Stage.OPERATING, Stage.FULL_CAPACITY)
SETTLED_DAYS = 60  # after its last milestone, an operating project needs no follow-ups
ENDS = (Stage.PARKED, Stage.LOST)


def posting_events(files: Files, dates: RelativeDates) -> list[PostingEvent]:
    """Each person's postings with their dates."""
    return [
        PostingEvent(row, dates.read(row.since), dates.read(row.until) if row.until else None)
        for row in files.people
    ]


def absence_events(files: Files, dates: RelativeDates) -> list[AbsenceEvent]:
    """Absences with their dates; entered five days ahead, before the scenario's date."""
    events = []

    for row in files.absences:
        from_on, to_on = dates.read(row.since), dates.read(row.until)
        entered_on = min(from_on - 5 * DAY, dates.on - DAY)
        events.append(
            AbsenceEvent(
                *(row.username, from_on, to_on, row.reason, row.kind),
                entered_at=at_civil(entered_on, time(17)),
                is_approved=row.status is AbsenceStatus.APPROVED,
            )
        )

    return events


def lead_event(row: LeadRow, dates: RelativeDates) -> LeadEvent:
    """A lead with the dates of its milestones, in order."""
    milestones: dict[str, RelativeDate] = {
        str(kind): day for kind, day in (*row.line.items(), *row.side.items())
    }
    reached_on = dates.milestones(milestones)
    # milestones of one date keep the order of the file
    reached = sorted((reached_on[kind], n, kind) for n, kind in enumerate(milestones))
    planned = {kind: dates.workday_until(dates.read(day)) for kind, day in row.planned.items()}
    again = None if row.look_again is None else dates.read(row.look_again)
    template = None
    if row.template:
        planned_on = dates.workday_until(dates.read(row.template.day))
        template = at_civil(planned_on, PLANNED), dates.read(row.template.start)
    return LeadEvent(row, {kind: day for day, _, kind in reached}, planned, again, template)


@dataclass
class ScenarioContext:
    """Dates, absences, a person's leads, and counters that rotate through sentences and leads."""

    files: Files
    dates: RelativeDates
    postings: Sequence[PostingEvent]
    absences: Sequence[AbsenceEvent]
    leads: Mapping[str, LeadEvent]
    rotation: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Index the approved absences by person."""
        self.absent: dict[str, set[date]] = defaultdict(set)
        for absence in self.absences:
            if absence.is_approved:
                self.absent[absence.username].update(days(absence.from_on, absence.to_on))

    @classmethod
    def of(cls, files: Files, dates: RelativeDates) -> "ScenarioContext":
        """The context of those files on that date."""
        leads = {row.ref: lead_event(row, dates) for row in files.leads}
        return cls(files, dates, posting_events(files, dates), absence_events(files, dates), leads)

    def is_present(self, who: str, on: date) -> bool:
        """Whether the person is not absent on the date."""
        return on not in self.absent[who]

    def unit_of(self, who: str, on: date) -> str:
        """The code of the primary unit on the date."""
        return next(
            event.row.unit
            for event in self.postings
            if event.row.username == who
            and event.row.primary
            and event.from_on <= on <= (event.to_on or date.max)
        )

    def stage_of(self, lead: LeadEvent, on: date) -> Stage | None:
        """The stage on the date; `None` before the lead was entered, or once parked or lost."""
        reached = [
            Stage(kind) for kind, day in lead.reached.items() if day <= on and kind in lead.row.line
        ]
        # the dates are in order, so the last reached is the stage
        return reached[-1] if reached and reached[-1] not in ENDS else None

    def leads_of(self, who: str, on: date) -> list[LeadEvent]:
        """Active leads that the person tracks or leads."""
        return [
            lead
            for lead in self.leads.values()
            if who in (lead.row.tracker, lead.row.leader)
            and self.stage_of(lead, on)
            and not self.is_settled(lead)
        ]

    def is_settled(self, lead: LeadEvent) -> bool:
        """Whether the lead ended more than 60 days ago, so that nobody follows it up any more."""
        since = self.dates.on - SETTLED_DAYS * DAY
        return lead.row.stage in SETTLED and max(lead.reached.values()) < since

    def next_turn(self, key: str) -> int:
        """The next number of this counter, so that sentences and leads alternate."""
        self.rotation[key] += 1
        return self.rotation[key] - 1

    def may_know(self, moment: datetime) -> bool:
        """Whether the moment lies before the scenario's date; what is entered later is left out."""
        return moment < at_civil(self.dates.on)

    def planned_at(self, plans: Plans, first: date) -> datetime | None:
        """When a visit beginning on the date is planned; `None` for people who never plan."""
        match plans:
            case Plans.MONTH:
                before = first.replace(day=1)
            case Plans.WEEK:
                before = first - first.weekday() * DAY
            case Plans.NEVER:
                return None
        return at_civil(self.dates.workday_until(before - DAY), time(16, 30))

    def workdays_of(self, who: str, first: date, last: date) -> list[date]:
        """Working days on which the person is not absent."""
        return [
            day for day in self.dates.calendar.workdays(first, last) if self.is_present(who, day)
        ]


def runs(dates: Sequence[date]) -> list[tuple[date, date]]:
    """First and last dates of consecutive stretches, cut at the end of each ISO week."""
    if not dates:
        return []
    breaks = [
        n
        for n, (day, following) in enumerate(pairwise(dates), start=1)
        if following - day != DAY or day.isoweekday() == 7  # noqa: PLR2004 - Sunday
    ]
    edges = [0, *breaks, len(dates)]
    return [(dates[begin], dates[end - 1]) for begin, end in pairwise(edges)]
