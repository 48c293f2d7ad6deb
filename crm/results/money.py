"""Sums of money that arrived, by month, unit, industry or form (PROJECTS 8). Pure."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TypeVar

from crm.base.value_class import value_class
from crm.results.receipt_rules import Line

Key = TypeVar("Key")


@value_class
class MoneyFact:
    """A receipt as figures count it."""

    receipt_id: int
    lead_id: int
    line: Line
    form_id: int
    on: date  # on which it counts
    amount: Decimal | None  # in the currency of its line; none: its rate is not known yet
    unit_id: int | None  # as claimed, else responsible for the project on the day of arrival
    industry: str | None
    recognised: Decimal = Decimal(0)  # what of it counts


@value_class
class MoneySum:
    """What is registered in each line, and what of it counts; the lines are never added."""

    domestic: Decimal = Decimal(0)  # yuan
    foreign: Decimal = Decimal(0)  # dollars
    without_rate: int = 0  # receipts that count in neither (待补汇率)
    recognised_domestic: Decimal = Decimal(0)  # what of them counts
    recognised_foreign: Decimal = Decimal(0)

    def plus(self, fact: MoneyFact) -> "MoneySum":
        """The sum with one more receipt."""
        if fact.amount is None:
            return replace(self, without_rate=self.without_rate + 1)
        if fact.line is Line.DOMESTIC:
            return replace(
                self,
                domestic=self.domestic + fact.amount,
                recognised_domestic=self.recognised_domestic + fact.recognised,
            )
        return replace(
            self,
            foreign=self.foreign + fact.amount,
            recognised_foreign=self.recognised_foreign + fact.recognised,
        )

    def of(self, line: Line) -> Decimal:
        """What is registered of one line, in its currency."""
        return self.domestic if line is Line.DOMESTIC else self.foreign

    def recognised(self, line: Line) -> Decimal:
        """What of one line counts, in its currency."""
        return self.recognised_domestic if line is Line.DOMESTIC else self.recognised_foreign


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
