"""What happens in the demonstration zone, as values, with when it was entered. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from crm.demo.files import CorrectionRow, LeadRow, OrderRow, PersonRow, StepRow
from crm.leads.rules import MilestoneKind
from crm.people.rules import AbsenceKind
from crm.visits.rules import Channel, Kind, Status, Verdict

Happening = tuple[datetime, Callable[[datetime], object]]


@dataclass(frozen=True, slots=True)
class PostingTold:
    """A person's row with the dates of the posting."""

    row: PersonRow
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class AbsenceTold:
    """An absence, approved at a moment, or asked for and waiting since."""

    username: str
    from_on: date
    to_on: date
    reason: str
    kind: AbsenceKind
    entered_at: datetime
    is_approved: bool


@dataclass(frozen=True, slots=True)
class LeadTold:
    """A lead's row with the dates of what it reached, in their order."""

    row: LeadRow
    reached: Mapping[MilestoneKind, date]
    planned: Mapping[MilestoneKind, date]

    @property
    def begun_on(self) -> date:
        """When it was entered."""
        return self.reached[MilestoneKind.LEAD]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitTold:
    """A visit as it stands on the zone's date, with the moments at which that was written down."""

    ref: str
    kind: Kind
    channel: Channel
    status: Status
    starts_at: datetime
    ends_at: datetime
    city: str
    leader: str
    participants: tuple[str, ...] = ()
    leads: tuple[str, ...] = ()
    met: str = ""
    position: str = ""
    minutes: str = ""
    next_step: str = ""
    note: str = ""
    trip: str = ""
    entered_at: datetime
    logged_at: datetime | None = None
    cancelled_at: datetime | None = None
    verdict: Verdict | None = None
    verdict_by: str | None = None
    verdict_at: datetime | None = None
    is_old: bool = False  # long over: it is imported, not replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowupTold:
    """A follow-up, done or waiting; `after` is the one that it follows from."""

    ref: str = ""
    lead: str
    person: str
    due_on: date
    what: str
    entered_at: datetime
    done_at: datetime | None = None
    channel: Channel | None = None
    met: str = ""
    result: str = ""
    after: str | None = None


@dataclass(frozen=True, slots=True)
class StepTold:
    """A step of a supervision order at its moment; `to_on` is the later date that is asked for."""

    row: StepRow
    at: datetime
    to_on: date | None


@dataclass(frozen=True, slots=True)
class OrderTold:
    """A supervision order with its steps."""

    row: OrderRow
    steps: tuple[StepTold, ...]


@dataclass(frozen=True, slots=True)
class CorrectionTold:
    """What is set right in a visit after the freeze, and when the correction is signed."""

    row: CorrectionRow
    at: datetime
    signed_at: datetime | None


@dataclass(frozen=True, slots=True)
class GrantTold:
    """That somebody enters visits for another, from a date on."""

    owner: str
    agent: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LeavingTold:
    """That somebody is to leave, told at a moment."""

    username: str
    at: datetime
    last_on: date


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that happened in the zone up to its date."""

    postings: Sequence[PostingTold]
    absences: Sequence[AbsenceTold]
    leads: Sequence[LeadTold]
    visits: Sequence[VisitTold]
    followups: Sequence[FollowupTold]
    orders: Sequence[OrderTold]
    grants: Sequence[GrantTold]
    leavings: Sequence[LeavingTold]
    corrections: Sequence[CorrectionTold]  # lived with the clock: before, nothing is frozen
