"""The files of seeds/demo, read with pydantic."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crm.base.money import WAN, YI, Currency
from crm.base.seed_files import SEEDS, read_seeds
from crm.leads.rules import LINE, Secrecy, Stage
from crm.people.rules import AbsenceKind, AbsenceStatus, Duty, Role
from crm.problems.workflow import Step as ProblemStep
from crm.results.rules import ClaimKind
from crm.results.workflow import Step as ClaimStep
from crm.supervision.rules import About, OrderKind, Origin
from crm.supervision.workflow import Step
from crm.visits.rules import Channel, Kind, Status, Verdict

DEMO = SEEDS / "demo"
RelativeDate = str | int  # see relative_dates


class Row(BaseModel):
    """A row of a file; unknown columns are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonRow(Row):
    """A person with one posting."""

    username: str
    name: str
    email: str
    phone: str
    unit: str
    duty: Duty
    role: Role
    since: RelativeDate = Field(alias="from")
    until: RelativeDate = Field(alias="to")
    primary: bool


class AbsenceRow(Row):
    """An absence."""

    username: str
    since: RelativeDate = Field(alias="from")
    until: RelativeDate = Field(alias="to")
    reason: str
    kind: AbsenceKind
    status: Literal[AbsenceStatus.ASKED, AbsenceStatus.APPROVED]


class LeadRow(Row):
    """A lead with its milestones, roles and amount."""

    ref: str
    company: str
    title: str
    industry: str
    park: str
    yi: Decimal | None = None  # in 亿元: 100 million yuan
    usd_wan: Decimal | None = None  # in 万美元: 10,000 US dollars
    unit: str
    tracker: str
    leader: str | None = None
    members: tuple[str, ...] = ()
    contact: tuple[str, str]  # name and position
    city: str
    source: str
    secrecy: Secrecy = Secrecy.OPEN
    code_name: str | None = None
    line: dict[Stage, RelativeDate]  # the stages reached, in their order
    side: dict[str, RelativeDate] = {}  # other milestones reached
    planned: dict[str, RelativeDate] = {}
    earlier: str | None = None
    reason: str | None = None
    intent: bool = False  # its framework agreement is one of intent
    look_again: RelativeDate | None = None  # of a lead that is parked
    note: str | None = None
    next_due: RelativeDate | None = None

    @property
    def amount(self) -> tuple[Decimal, Currency]:
        """The whole investment."""
        if self.yi is not None:
            return self.yi * YI, Currency.CNY
        return (self.usd_wan or Decimal(0)) * WAN, Currency.USD

    @property
    def stage(self) -> Stage:
        """How far it has come."""
        return next(reversed(self.line))


class VisitRow(Row):
    """A single visit; `to` at 24:00 or before `from` lies on the next day."""

    ref: str
    kind: Kind
    channel: Channel
    status: Status
    on: RelativeDate
    begins: time = Field(alias="from")
    ends: str = Field(alias="to")
    city: str
    leader: str
    participants: str  # usernames, separated by `;`
    leads: str  # refs, separated by `;`
    logged_after: int | None  # days from its last one
    verdict: Verdict | None
    verdict_after: int | None  # days from the logging
    met: str
    position: str
    minutes: str
    next_step: str
    note: str
    trip: str
    companies: str  # met besides those of the leads: `name:counterpart`, separated by `;`

    @model_validator(mode="before")
    @classmethod
    def _empty_is_none(cls, values: Mapping[str, str]) -> dict[str, str | None]:
        # CSV has no null, and an empty text is no number.
        optional = ("logged_after", "verdict", "verdict_after")
        return {**values, **{name: values[name] or None for name in optional}}


class FollowupRow(Row):
    """A single follow-up that waits."""

    lead: str
    person: str
    due: RelativeDate
    what: str


class StepRow(Row):
    """A step of a supervision order."""

    step: Step
    day: RelativeDate
    by: str
    text: str = ""
    to: RelativeDate | None = None


class OrderRow(Row):
    """A supervision order with its steps."""

    matter: str
    demand: str
    about: About
    origin: Origin
    kind: OrderKind
    unit: str
    units: tuple[str, ...] = ()
    person: str | None = None
    lead: str | None = None
    officer: str
    steps: tuple[StepRow, ...]


class ClaimStepRow(Row):
    """A step of a claim; `yi` is the recognised amount where it is less."""

    step: ClaimStep
    day: RelativeDate
    by: str
    text: str = ""
    yi: Decimal | None = None


class ClaimRow(Row):
    """A claim with its steps."""

    lead: str
    kind: ClaimKind
    day: RelativeDate
    by: str
    steps: tuple[ClaimStepRow, ...] = ()


class ProblemStepRow(Row):
    """A step of a problem; `unit` is the new owner's, `to` a due date or when to look again."""

    step: ProblemStep
    day: RelativeDate
    by: str
    text: str = ""
    unit: str | None = None
    to: RelativeDate | None = None


class ProblemRow(Row):
    """A problem with its steps."""

    matter: str
    category: str
    leads: tuple[str, ...]
    by: str
    day: RelativeDate
    due: RelativeDate
    unit: str | None = None
    units: tuple[str, ...] = ()
    steps: tuple[ProblemStepRow, ...]


class CompanyRow(Row):
    """What was changed on a company's page."""

    lead: str  # of the company
    by: str
    day: RelativeDate
    code: str
    group: str
    country: str
    aliases: tuple[str, ...] = ()


class MergeRow(Row):
    """A duplicate that was entered and merged into a lead."""

    ref: str
    lead: str
    company: str
    title: str
    by: str
    day: RelativeDate
    merger: str
    merged: RelativeDate


class AttachmentRow(Row):
    """A file on a lead, a visit or an order; one with lines is a PDF, one without a picture."""

    lead: str = ""
    visit: str = ""
    order: str = ""  # its matter
    name: str
    by: str
    day: RelativeDate
    lines: tuple[str, ...] = ()
    supersedes: str = ""


class CorrectionRow(Row):
    """What is set right in a visit once its period is frozen; without `signed` it waits."""

    visit: str
    kind: Kind
    channel: Channel
    why: str
    day: RelativeDate
    signed: RelativeDate | None = None
    signed_by: str | None = None


class GrantRow(Row):
    """Who enters visits for whom."""

    owner: str
    agent: str
    since: RelativeDate = Field(alias="from")


class LeavingRow(Row):
    """Who is to leave, told on a day."""

    username: str
    announced: RelativeDate
    last_on: RelativeDate


class Plans(StrEnum):
    """How far ahead somebody enters what is planned."""

    MONTH = "month"
    WEEK = "week"
    NEVER = "never"


class Residency(Row):
    """A recruiter's days in a city, month by month."""

    who: str
    city: str
    days: int
    this_month: int | None = None  # in place of `days`, as this month is not over
    plans: Plans
    since: RelativeDate | None = Field(None, alias="from")


class Outing(Row):
    """A deputy's visits, evenly over the working days of a month."""

    who: str
    a_month: int
    this_month: int | None = None  # in place of `a_month`
    plans: Plans


class Weekly(Row):
    """A principal's visit of the week, on its n-th working day."""

    who: str
    workday: int
    plans: Plans
    without: tuple[int, ...] = ()  # weeks left out: -1 is the week before the date's own


class ContactChannel(Row):
    """One way of being in contact."""

    kind: Kind
    channel: Channel


class Contacts(Row):
    """How often trackers at home are in contact about their leads."""

    every_days: int
    ways: tuple[ContactChannel, ...]


class Routines(Row):
    """What people do month by month."""

    residencies: tuple[Residency, ...]
    outings: tuple[Outing, ...]
    weekly: tuple[Weekly, ...]
    contacts: Contacts


class Words(Row):
    """Sentences that fit how far a lead has come."""

    minutes: tuple[str, ...]
    next_step: tuple[str, ...]
    what: tuple[str, ...] = ()
    result: tuple[str, ...] = ()


class Texts(Row):
    """Sentences by how far a lead is; `landed` from the registration on, `none` without one."""

    lead: Words
    following: Words
    negotiating: Words
    signed: Words
    landed: Words
    none: Words

    def at(self, stage: Stage | None) -> Words:
        """The sentences of that stage."""
        if stage is None:
            return self.none
        if stage in LINE and LINE.index(stage) > LINE.index(Stage.SIGNED):
            return self.landed
        found: Words = getattr(self, stage.value)
        return found


@dataclass(frozen=True)
class Files:
    """All files of the demonstration zone."""

    people: Sequence[PersonRow]
    absences: Sequence[AbsenceRow]
    leads: Sequence[LeadRow]
    visits: Sequence[VisitRow]
    followups: Sequence[FollowupRow]
    orders: Sequence[OrderRow]
    problems: Sequence[ProblemRow]
    claims: Sequence[ClaimRow]
    attachments: Sequence[AttachmentRow]
    companies: Sequence[CompanyRow]
    merges: Sequence[MergeRow]
    corrections: Sequence[CorrectionRow]
    grants: Sequence[GrantRow]
    leavings: Sequence[LeavingRow]
    routines: Routines
    texts: Texts

    @classmethod
    @cache
    def read(cls) -> Self:
        """Read all files; pydantic's ValidationError names a faulty one."""
        companies = _yaml("companies.yaml")
        return cls(
            people=[PersonRow.model_validate(row) for row in _csv("people.csv")],
            absences=[AbsenceRow.model_validate(row) for row in _csv("absences.csv")],
            leads=[LeadRow.model_validate(row) for row in _yaml("leads.yaml")],
            visits=[VisitRow.model_validate(row) for row in _csv("visits.csv")],
            followups=[FollowupRow.model_validate(row) for row in _csv("followups.csv")],
            orders=[OrderRow.model_validate(row) for row in _yaml("orders.yaml")],
            claims=[ClaimRow.model_validate(row) for row in _yaml("claims.yaml")],
            problems=[ProblemRow.model_validate(row) for row in _yaml("problems.yaml")],
            attachments=[AttachmentRow.model_validate(row) for row in _yaml("attachments.yaml")],
            companies=[
                CompanyRow.model_validate(row) for row in _yaml("companies.yaml")["changes"]
            ],
            merges=[MergeRow.model_validate(row) for row in companies["merges"]],
            corrections=[CorrectionRow.model_validate(row) for row in _yaml("corrections.yaml")],
            grants=[GrantRow.model_validate(row) for row in _csv("entry_grants.csv")],
            leavings=[LeavingRow.model_validate(row) for row in _csv("leavings.csv")],
            routines=Routines.model_validate(_yaml("routines.yaml")),
            texts=Texts.model_validate(_yaml("texts.yaml")),
        )


def _csv(name: str) -> Iterator[dict[str, str]]:
    with (DEMO / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _yaml(name: str) -> Any:
    return read_seeds(f"demo/{name}")
