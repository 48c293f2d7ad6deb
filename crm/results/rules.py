"""Kinds, states and dates of claims to results (PROJECTS 7). Pure."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.base.workflow import Within
from crm.leads.rules import Stage

YEAR_CLOSES = (1, 31)  # month and day of the next year: the last day in time (年度结账日)
DECIDED_IN = Within(workdays=5)


class ClaimKind(LabeledEnum):
    """What a claim says that a project has reached."""

    VALID_LEAD = "valid_lead", "有效线索"
    SIGNED = "signed", "签约"
    STARTED = "started", "开工"
    COMPLETED = "completed", "竣工"
    OPERATING = "operating", "投产"
    MONEY = "money", "到位资金"


# Money is claimed by its receipt, the others by the milestone from which they date.
MILESTONE_OF: Mapping[ClaimKind, str] = {
    ClaimKind.VALID_LEAD: "screened",
    ClaimKind.SIGNED: Stage.SIGNED,
    ClaimKind.STARTED: Stage.STARTED,
    ClaimKind.COMPLETED: Stage.COMPLETED,
    ClaimKind.OPERATING: Stage.OPERATING,
}


class ClaimState(LabeledEnum):
    """Where a claim stands."""

    CLAIMED = "claimed", "已申报"
    RETURNED = "returned", "退回补正"
    RECOGNISED = "recognised", "已认定"
    WITHDRAWN = "withdrawn", "已撤回"
    REVOKED = "revoked", "取消认定"


OPEN = frozenset({ClaimState.CLAIMED, ClaimState.RETURNED})


class Flag(LabeledEnum):
    """Why a recognition is to be reviewed."""

    DATE = "date", "节点日期已更正，请复核"
    AMOUNT = "amount", "投资额已变更，请复核"


@value_class
class Span:
    """The dates on which facts of a kind need a recognition; both ends included."""

    kind: ClaimKind
    from_on: date
    to_on: date | None = None

    def holds(self, on: date) -> bool:
        """Whether it covers the date."""
        return self.from_on <= on and (self.to_on is None or on <= self.to_on)


def needs_recognition(spans: Iterable[Span], kind: ClaimKind, reached_on: date) -> bool:
    """Whether such a fact counts only once it is recognised; else it counts as registered."""
    return any(span.kind is kind and span.holds(reached_on) for span in spans)


def is_open_year(year: int, on: date) -> bool:
    """Whether results may still be claimed for the year."""
    return on <= date(year + 1, *YEAR_CLOSES)


def counts_on(reached_on: date, claimed_on: date) -> date:
    """The date on which a fact counts as shipped: its own; the new year's first once it is closed.

    `claimed_on` is the date of the first claim, in all its rounds.
    """
    if is_open_year(reached_on.year, claimed_on):
        return reached_on
    last_year = claimed_on.year - 1
    earliest = last_year if is_open_year(last_year, claimed_on) else claimed_on.year
    return date(earliest, 1, 1)


def is_carried(reached_on: date, counted_on: date) -> bool:
    """Whether it counts in a later year than it was reached in (上年结转)."""
    return counted_on.year > reached_on.year


def check_counts_on(on: date, *, reached_on: date, claimed_on: date, today: date) -> None:
    """Refuse a date before the milestone, in the future, or in a year that is closed."""
    if on > today:
        raise Refused("in_future", field="counts_on", on=on)
    if on < reached_on:
        raise Refused("counts_before_reached", field="counts_on", on=reached_on)

    earliest = counts_on(reached_on, claimed_on)
    if earliest not in (reached_on, on):
        raise Refused("year_is_closed", field="counts_on", year=reached_on.year, on=earliest)


def check_recognised(amount: Decimal | None, claimed: Decimal | None, reason: str | None) -> None:
    """Refuse more than was claimed, and less without a reason."""
    if claimed is None or amount is None:
        if amount is not claimed:
            raise Refused("more_than_claimed", field="amount")
        return
    if amount <= 0:
        raise Refused("bad_amount", field="amount")
    if amount > claimed:
        raise Refused("more_than_claimed", field="amount")
    if amount < claimed and not reason:
        raise Refused("less_needs_reason", field="less_reason")
