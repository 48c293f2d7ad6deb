"""The events of a scenario as values, each with the moment it was entered. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from crm.base.value_class import value_class
from crm.demo.record_rows import AssistanceRow, CompanyRow, MergeRow, ProposalRow
from crm.demo.rows import (
    AttachmentRow,
    ClaimRow,
    ClaimStepRow,
    CorrectionRow,
    LeadRow,
    MoneyStepRow,
    OfferRow,
    OrderRow,
    OwnFieldRow,
    OwnValuesRow,
    PersonRow,
    ProblemRow,
    ProblemStepRow,
    RatesRow,
    ReceiptRow,
    SiteRow,
    StepRow,
    TargetRow,
)
from crm.followups.rules import Repeat
from crm.leads.rules import FRAMEWORK, Agreement, Stage
from crm.people.rules import AbsenceKind
from crm.visits.fields import CompanyMet, VisitWords
from crm.visits.rules import Channel, Kind, Status, Verdict

ScheduledCall = tuple[datetime, Callable[[datetime], object]]


@value_class
class PostingEvent:
    """A person's row with the dates of the posting."""

    row: PersonRow
    from_on: date
    to_on: date | None


@value_class
class AbsenceEvent:
    """An absence that was approved, or requested and still pending, at `entered_at`."""

    username: str
    from_on: date
    to_on: date
    reason: str
    kind: AbsenceKind
    entered_at: datetime
    is_approved: bool


@value_class
class LeadEvent:
    """A lead's row with the dates of its milestones, in order."""

    row: LeadRow
    reached: Mapping[str, date]
    planned: Mapping[str, date]
    look_again_on: date | None = None  # of a lead that is parked
    template: tuple[datetime, date] | None = None  # when it was planned by one, from which start

    def agreement(self, kind: str) -> Agreement | None:
        """What was signed where that milestone was reached."""
        if kind == FRAMEWORK:
            return Agreement.INTENT if self.row.intent else Agreement.FRAMEWORK
        return Agreement.FORMAL if kind == Stage.SIGNED else None

    @property
    def begun_on(self) -> date:
        """The date on which the lead was entered."""
        return self.reached[Stage.LEAD]


@value_class(kw_only=True)
class VisitEvent(VisitWords):
    """A visit as it stands on the scenario's date, with the moments of each entry about it."""

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
    companies: tuple[CompanyMet, ...] = ()
    trip: str = ""
    entered_at: datetime
    logged_at: datetime | None = None
    cancelled_at: datetime | None = None
    verdict: Verdict | None = None
    verdict_by: str | None = None
    verdict_at: datetime | None = None
    is_old: bool = False  # ended long ago: imported, not replayed


@value_class(kw_only=True)
class FollowupEvent:
    """A follow-up, done or open; `after` is the ref of its predecessor."""

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
    repeats: Repeat | None = None
    put_off: "PutOff | None" = None


@value_class
class PutOff:
    """That a follow-up was put off, until when and why."""

    at: datetime
    to: date
    reason: str


@value_class
class StepEvent:
    """A step of a supervision order; `to_on` is the new due date of an extension."""

    row: StepRow
    at: datetime
    to_on: date | None


@value_class
class OrderEvent:
    """A supervision order with its steps."""

    row: OrderRow
    steps: tuple[StepEvent, ...]


@value_class
class ProblemStepEvent:
    """A step of a problem; `to_on` is a due date or when to look again."""

    row: ProblemStepRow
    at: datetime
    to_on: date | None


@value_class
class ProblemEvent:
    """A problem with its steps."""

    row: ProblemRow
    raised_at: datetime
    due_on: date
    steps: tuple[ProblemStepEvent, ...]


@value_class
class CompanyEvent:
    """A company changed on its page."""

    row: CompanyRow
    at: datetime


@value_class
class MergeEvent:
    """A duplicate, entered and merged."""

    row: MergeRow
    entered_at: datetime
    merged_at: datetime


@value_class
class ProposalEvent:
    """A proposal for a company, and when it was decided on."""

    row: ProposalRow
    at: datetime
    decided_at: datetime | None


@value_class
class AssistanceEvent:
    """An offer to assist, and when the unit got the role."""

    row: AssistanceRow
    at: datetime
    given_at: datetime | None


RecordEvent = CompanyEvent | MergeEvent | ProposalEvent | AssistanceEvent


@value_class
class TableEvent:
    """A table with its records, the headings first, and our codes of its columns."""

    by: str
    at: datetime
    name: str
    records: Sequence[Sequence[str]]
    codes: Sequence[str]


@value_class
class TargetEvent:
    """A target of a year."""

    row: TargetRow
    year: int
    at: datetime


@value_class
class ClaimStepEvent:
    """A step of a claim."""

    row: ClaimStepRow
    at: datetime


@value_class
class ClaimEvent:
    """A claim with its steps."""

    row: ClaimRow
    claimed_at: datetime
    steps: tuple[ClaimStepEvent, ...]


@value_class
class MoneyStepEvent:
    """A step of a claim to a receipt."""

    row: MoneyStepRow
    at: datetime


@value_class
class ReceiptEvent:
    """Money that arrived, when it was recorded and claimed."""

    row: ReceiptRow
    arrived_on: date
    at: datetime
    claimed_at: datetime | None
    steps: tuple[MoneyStepEvent, ...]


@value_class
class RatesEvent:
    """Exchange rates of a day."""

    row: RatesRow
    at: datetime


@value_class
class SiteEvent:
    """A site, when it was entered and offered."""

    row: SiteRow
    at: datetime
    free_from: date | None
    offers: tuple[tuple[OfferRow, datetime], ...]


@value_class
class OwnFieldEvent:
    """An own field of the zone, its place among them, and when it was added."""

    row: OwnFieldRow
    place: int
    at: datetime


@value_class
class OwnValuesEvent:
    """What was typed into own fields of a lead, by their names."""

    row: OwnValuesRow
    typed: Mapping[str, str]
    at: datetime


@value_class
class AttachmentEvent:
    """A file that is added to a record."""

    row: AttachmentRow
    at: datetime


@value_class
class CorrectionEvent:
    """An edit of a visit after its period was frozen, and when the correction is signed."""

    row: CorrectionRow
    at: datetime
    signed_at: datetime | None


@value_class
class GrantEvent:
    """A grant to enter visits for the owner (代录)."""

    owner: str
    agent: str
    at: datetime


@value_class
class LeavingEvent:
    """An announced leaving."""

    username: str
    at: datetime
    last_on: date


@value_class
class Scenario:
    """Everything that happened in the zone up to its date."""

    postings: Sequence[PostingEvent]
    absences: Sequence[AbsenceEvent]
    leads: Sequence[LeadEvent]
    visits: Sequence[VisitEvent]
    followups: Sequence[FollowupEvent]
    orders: Sequence[OrderEvent]
    problems: Sequence[ProblemEvent]
    claims: Sequence[ClaimEvent]
    attachments: Sequence[AttachmentEvent]
    money: Sequence[RatesEvent | ReceiptEvent]
    sites: Sequence[SiteEvent]
    own_fields: Sequence[OwnFieldEvent | OwnValuesEvent]
    records: Sequence[RecordEvent]  # of companies, and of leads as records of them
    targets: Sequence[TargetEvent]
    tables: Sequence[TableEvent]
    grants: Sequence[GrantEvent]
    leavings: Sequence[LeavingEvent]
    corrections: Sequence[CorrectionEvent]  # applied while the clock runs: nothing is frozen before
