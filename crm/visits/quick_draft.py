"""What a quick entry is read into, and what its writer may name (ENTRY 1). Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from crm.base.clock import civil
from crm.base.value_class import value_class
from crm.visits.quick_colleagues import Colleague
from crm.visits.quick_names import Certainty, Known
from crm.visits.quick_steps import OfferedStep
from crm.visits.quick_words import Command
from crm.visits.rules import Channel, Kind, Status


@value_class
class World:
    """What the writer may name, and when."""

    now: datetime
    writer_id: int
    colleagues: Sequence[Colleague] = ()
    known: Sequence[Known] = ()
    cities: Collection[str] = ()
    enters_for: Collection[int] = ()  # people for whom the writer enters visits (代录)

    @property
    def today(self) -> date:
        """The civil date of the entry."""
        return civil(self.now).date()


@value_class
class Chip:
    """A value with the words it was read from; `options` where the writer has to choose."""

    certainty: Certainty
    words: str = ""
    options: tuple[tuple[int, str], ...] = ()


@dataclass(slots=True)
class CompanyRow:
    """A company of the draft, with whom one met there."""

    company_id: int | None = None
    name: str = ""
    met: str | None = None
    position: str | None = None


@dataclass(slots=True)
class Draft:
    """The values of one entry; `chips` says by field what is read and how surely."""

    text: str
    kind: Kind = Kind.OUTREACH
    channel: Channel = Channel.IN_PERSON
    status: Status = Status.DONE
    first_on: date | None = None
    last_on: date | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    city: str = ""
    leader_id: int | None = None
    participant_ids: list[int] = field(default_factory=list)
    lead_ids: list[int] = field(default_factory=list)
    companies: list[CompanyRow] = field(default_factory=list)
    minutes: str = ""
    next_step: str = ""
    due_on: date | None = None
    chips: dict[str, Chip] = field(default_factory=dict)
    command: Command | None = None
    step: OfferedStep | None = None

    @property
    def is_visit(self) -> bool:
        """Whether the line tells of a visit, not only of a step or a command."""
        if self.command:
            return False
        names_meeting = self.chips["kind"].certainty is Certainty.SURE or "met" in self.chips
        return names_meeting or self.step is None
