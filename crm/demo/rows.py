"""The rows of records in seeds/demo, one class for each kind."""

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from crm.base.money import WAN, YI, Currency
from crm.followups.rules import Repeat
from crm.leads.catalog_models import SiteKind
from crm.leads.own_field_models import OwnKind
from crm.leads.rules import AmountKind, Secrecy, Stage
from crm.leads.tiers import Tier
from crm.people.rules import AbsenceKind, AbsenceStatus, Duty, Role
from crm.problems.workflow import Step as ProblemStep
from crm.results.rules import ClaimKind
from crm.results.workflow import Step as ClaimStep
from crm.supervision.rules import About, OrderKind, Origin
from crm.supervision.workflow import Step
from crm.targets.rules import Metric
from crm.visits.rules import Channel, Kind, Status, Verdict

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


class TemplateUse(Row):
    """By which template (倒排工期) a lead was planned, on which day, from which start."""

    name: str
    day: RelativeDate
    start: RelativeDate


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
    fixed_yi: Decimal | None = None  # fixed assets, in 亿元
    registered_yi: Decimal | None = None  # registered capital
    project_company: str | None = None
    assisting: tuple[str, ...] = ()  # units
    template: TemplateUse | None = None

    @property
    def other_amounts(self) -> dict[AmountKind, tuple[Decimal, Currency]]:
        """What is stated besides the whole investment."""
        stated = {
            AmountKind.FIXED_ASSETS: self.fixed_yi,
            AmountKind.REGISTERED_CAPITAL: self.registered_yi,
        }
        return {kind: (yi * YI, Currency.CNY) for kind, yi in stated.items() if yi is not None}

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
    """A single follow-up that waits; one that was put off was so on the day it was due."""

    lead: str
    person: str
    due: RelativeDate
    what: str
    repeats: Repeat | None
    put_off_to: RelativeDate | None
    reason: str  # for which it was put off

    @model_validator(mode="before")
    @classmethod
    def _empty_is_none(cls, values: Mapping[str, str]) -> dict[str, str | None]:
        return {**values, **{name: values[name] or None for name in ("repeats", "put_off_to")}}


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


class MoneyStepRow(Row):
    """A step of a claim to a receipt; `wan` is the recognised amount where it is less."""

    step: ClaimStep
    day: RelativeDate
    by: str
    text: str = ""
    wan: Decimal | None = None
    less: str = ""


class ReceiptRow(Row):
    """Money that arrived, or a reversal, with the day of its claim and its steps."""

    ref: str
    lead: str
    by: str
    day: RelativeDate
    wan: Decimal  # 万 of its currency
    currency: Currency = Currency.CNY
    form: str = ""
    payer: str = ""
    tail: str = ""
    reverses: str = ""
    reason: str = ""
    claim: RelativeDate | None = None
    steps: tuple[MoneyStepRow, ...] = ()


class RatesRow(Row):
    """Exchange rates of a day."""

    day: RelativeDate
    rates: Mapping[Currency, Decimal]


class OfferRow(Row):
    """A site offered to a lead."""

    lead: str
    by: str
    day: RelativeDate


class SiteRow(Row):
    """A site with its offers."""

    name: str
    park: str
    kind: SiteKind
    area: Decimal
    power: int
    free: RelativeDate | None = None
    note: str | None = None
    offers: tuple[OfferRow, ...]


class OwnFieldRow(Row):
    """An own field of the zone."""

    name: str
    kind: OwnKind
    hint: str | None = None
    choices: tuple[str, ...] = ()


class OwnValuesRow(Row):
    """What a lead's tracker entered in own fields, by their names."""

    lead: str
    by: str
    day: RelativeDate
    values: Mapping[str, str | int]


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


class TargetRow(Row):
    """A target of the year, of projects or of an amount in 万 of its currency."""

    unit: str
    metric: Metric
    tier: Tier = Tier.ANY
    count: int | None = None
    wan: Decimal | None = None
    currency: Currency = Currency.CNY


class TableRow(Row):
    """A table that somebody looked at but did not import yet; each row begins with its day."""

    by: str
    day: RelativeDate
    name: str
    columns: Mapping[str, str]  # our codes by heading
    rows: tuple[tuple[RelativeDate, ...], ...]


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
