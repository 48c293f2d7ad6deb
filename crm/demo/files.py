"""The files of seeds/demo, read with pydantic."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Self

from pydantic import Field

from crm.base.seed_files import read_seeds
from crm.base.shipped import SEEDS
from crm.demo.record_rows import AssistanceRow, CompanyRow, MergeRow, ProposalRow
from crm.demo.rows import (
    AbsenceRow,
    AttachmentRow,
    ClaimRow,
    CorrectionRow,
    FollowupRow,
    GrantRow,
    LeadRow,
    LeavingRow,
    OrderRow,
    OwnFieldRow,
    OwnValuesRow,
    PersonRow,
    ProblemRow,
    RatesRow,
    ReceiptRow,
    RelativeDate,
    Row,
    SiteRow,
    TableRow,
    TargetRow,
    VisitRow,
)
from crm.leads.rules import LINE, Stage
from crm.visits.rules import Channel, Kind

DEMO = SEEDS / "demo"


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
    receipts: Sequence[ReceiptRow]
    rates: Sequence[RatesRow]
    sites: Sequence[SiteRow]
    own_fields: Sequence[OwnFieldRow]
    own_values: Sequence[OwnValuesRow]
    companies: Sequence[CompanyRow]
    merges: Sequence[MergeRow]
    proposals: Sequence[ProposalRow]
    assistance: Sequence[AssistanceRow]
    targets: Sequence[TargetRow]
    tables: Sequence[TableRow]
    corrections: Sequence[CorrectionRow]
    grants: Sequence[GrantRow]
    leavings: Sequence[LeavingRow]
    routines: Routines
    texts: Texts

    @classmethod
    @cache
    def read(cls) -> Self:
        """Read all files; pydantic's ValidationError names a faulty one."""
        companies, money = _yaml("companies.yaml"), _yaml("money.yaml")
        own = _yaml("own_fields.yaml")
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
            receipts=[ReceiptRow.model_validate(row) for row in money["receipts"]],
            rates=[RatesRow.model_validate(row) for row in money["rates"]],
            own_fields=[OwnFieldRow.model_validate(row) for row in own["fields"]],
            own_values=[OwnValuesRow.model_validate(row) for row in own["values"]],
            sites=[SiteRow.model_validate(row) for row in _yaml("sites.yaml")],
            companies=[CompanyRow.model_validate(row) for row in companies["changes"]],
            merges=[MergeRow.model_validate(row) for row in companies["merges"]],
            proposals=[ProposalRow.model_validate(row) for row in companies["proposals"]],
            assistance=[AssistanceRow.model_validate(row) for row in companies["assistance"]],
            targets=[TargetRow.model_validate(row) for row in _yaml("targets.yaml")],
            tables=[TableRow.model_validate(row) for row in _yaml("tables.yaml")],
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
