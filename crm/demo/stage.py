"""The stage on which the zone's story plays: who is where, how far a lead is on a date. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import pairwise

from crm.base.clock import at_civil
from crm.base.periods import DAY, days
from crm.demo.dates import Days
from crm.demo.files import Files, LeadRow, Plans, Told
from crm.demo.values import AbsenceTold, LeadTold, PostingTold
from crm.leads.rules import MilestoneKind, Stage
from crm.people.rules import AbsenceStatus

EVENING = time(20, 30)
MONTHS = 7  # the last seven are settled, or about to be
SETTLED = (Stage.OPERATING, Stage.FULL_CAPACITY)
SETTLED_DAYS = 60
ENDS = (Stage.PARKED, Stage.LOST)


def tell_postings(files: Files, when: Days) -> list[PostingTold]:
    """The people's postings with their dates."""
    return [
        PostingTold(row, when.read(row.since), when.read(row.until) if row.until else None)
        for row in files.people
    ]


def tell_absences(files: Files, when: Days) -> list[AbsenceTold]:
    """The absences with their dates, entered some days before and before the zone's date."""
    told = []

    for row in files.absences:
        from_on, to_on = when.read(row.since), when.read(row.until)
        entered_on = min(from_on - 5 * DAY, when.on - DAY)
        told.append(
            AbsenceTold(
                *(row.username, from_on, to_on, row.reason, row.kind),
                entered_at=at_civil(entered_on, time(17)),
                is_approved=row.status is AbsenceStatus.APPROVED,
            )
        )

    return told


def tell_lead(row: LeadRow, when: Days) -> LeadTold:
    """A lead with the dates of all its milestones, in their order."""
    told: dict[str, Told] = {str(kind): day for kind, day in (*row.line.items(), *row.side.items())}
    dates = when.milestones(told)
    reached = sorted((dates[kind], n, kind) for n, kind in enumerate(told))
    planned = {kind: when.workday_until(when.read(day)) for kind, day in row.planned.items()}
    return LeadTold(row, {MilestoneKind(kind): day for day, _, kind in reached}, planned)


@dataclass
class Scene:
    """What routines look up: dates, absences, the leads of a person, sentences in their turn."""

    files: Files
    when: Days
    postings: Sequence[PostingTold]
    absences: Sequence[AbsenceTold]
    leads: Mapping[str, LeadTold]
    turns: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Lay out who is absent on which dates."""
        self.absent: dict[str, set[date]] = defaultdict(set)
        for absence in self.absences:
            if absence.is_approved:
                self.absent[absence.username].update(days(absence.from_on, absence.to_on))

    @classmethod
    def set_for(cls, files: Files, when: Days) -> "Scene":
        """The scene of those files on that date."""
        leads = {row.ref: tell_lead(row, when) for row in files.leads}
        return cls(files, when, tell_postings(files, when), tell_absences(files, when), leads)

    def is_there(self, who: str, on: date) -> bool:
        """Whether the person is not absent on the date."""
        return on not in self.absent[who]

    def unit_of(self, who: str, on: date) -> str:
        """The code of the primary unit on the date."""
        return next(
            told.row.unit
            for told in self.postings
            if told.row.username == who
            and told.row.primary
            and told.from_on <= on <= (told.to_on or date.max)
        )

    def stage_of(self, lead: LeadTold, on: date) -> Stage | None:
        """How far the lead was on the date; none before it was entered, or once parked or lost."""
        reached = [
            Stage(kind.value)
            for kind, day in lead.reached.items()
            if day <= on and kind.value in lead.row.line
        ]
        return reached[-1] if reached and reached[-1] not in ENDS else None

    def leads_of(self, who: str, on: date) -> list[LeadTold]:
        """The leads that the person tracks or is attached to, alive and not long settled."""
        return [
            lead
            for lead in self.leads.values()
            if who in (lead.row.tracker, lead.row.leader)
            and self.stage_of(lead, on)
            and not self.is_settled(lead)
        ]

    def is_settled(self, lead: LeadTold) -> bool:
        """Whether the lead has long come to its end, so that nobody follows it any more."""
        since = self.when.on - SETTLED_DAYS * DAY
        return lead.row.stage in SETTLED and max(lead.reached.values()) < since

    def turn(self, what: str) -> int:
        """How often this was asked before: so that words and leads take turns."""
        self.turns[what] += 1
        return self.turns[what] - 1

    def may_know(self, moment: datetime) -> bool:
        """Whether that is before the zone's date: what is entered later is not there yet."""
        return moment < at_civil(self.when.on)

    def planned_at(self, plans: Plans, first: date) -> datetime | None:
        """When a visit that begins on the date is entered as planned; none by who never plans."""
        match plans:
            case Plans.MONTH:
                before = first.replace(day=1)
            case Plans.WEEK:
                before = first - first.weekday() * DAY
            case Plans.NEVER:
                return None
        return at_civil(self.when.workday_until(before - DAY), time(16, 30))

    def workdays_of(self, who: str, first: date, last: date) -> list[date]:
        """The working days on which the person is there."""
        return [day for day in self.when.calendar.workdays(first, last) if self.is_there(who, day)]


def runs(dates: Sequence[date]) -> list[tuple[date, date]]:
    """The first and last dates of stretches without a gap, none beyond its ISO week."""
    if not dates:
        return []
    breaks = [
        n
        for n, (day, following) in enumerate(pairwise(dates), start=1)
        if following - day != DAY or day.isoweekday() == 7  # noqa: PLR2004 - Sunday
    ]
    edges = [0, *breaks, len(dates)]
    return [(dates[begin], dates[end - 1]) for begin, end in pairwise(edges)]
