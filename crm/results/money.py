"""Sums of money that arrived, by month, unit, industry or form (PROJECTS 8). Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from crm.results.receipt_rules import Line

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class MoneyFact:
    """A receipt as figures count it."""

    receipt_id: int
    lead_id: int
    line: Line
    form_id: int
    on: date  # on which it counts
    amount: Decimal | None  # in the currency of its line; none: its rate is not known yet
    unit_id: int | None  # responsible for the project on the day of arrival
    industry: str | None


@dataclass(frozen=True, slots=True)
class MoneySum:
    """What arrived in each line; the lines are never added."""

    domestic: Decimal = Decimal(0)  # yuan
    foreign: Decimal = Decimal(0)  # dollars
    without_rate: int = 0  # receipts that count in neither (待补汇率)

    def plus(self, fact: MoneyFact) -> "MoneySum":
        """The sum with one more receipt."""
        if fact.amount is None:
            return MoneySum(self.domestic, self.foreign, self.without_rate + 1)
        if fact.line is Line.DOMESTIC:
            return MoneySum(self.domestic + fact.amount, self.foreign, self.without_rate)
        return MoneySum(self.domestic, self.foreign + fact.amount, self.without_rate)

    def of(self, line: Line) -> Decimal:
        """The sum of one line, in its currency."""
        return self.domestic if line is Line.DOMESTIC else self.foreign


def total(facts: Iterable[MoneyFact]) -> MoneySum:
    """The sum of all of them."""
    found = MoneySum()
    for fact in facts:
        found = found.plus(fact)
    return found


def sums(facts: Iterable[MoneyFact], key: Callable[[MoneyFact], Key]) -> dict[Key, MoneySum]:
    """The sums by that key, in the order in which the keys first come."""
    found: dict[Key, MoneySum] = {}
    for fact in facts:
        found[key(fact)] = found.get(key(fact), MoneySum()).plus(fact)
    return found
