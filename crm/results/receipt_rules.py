"""When and at which rate a receipt counts, and what is asked about it (PROJECTS 8). Pure."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.money import Currency
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.results.rules import is_open_year

CLAIMED_IN = 3  # working days of the next month
DECEMBER = 12
CENT = Decimal("0.01")


class Line(LabeledEnum):
    """In which of two figures money counts; neither is ever converted into the other."""

    DOMESTIC = "domestic", "到位资金"
    FOREIGN = "foreign", "实际使用外资"

    @property
    def currency(self) -> Currency:
        """The currency in which the line is summed."""
        return Currency.CNY if self is Line.DOMESTIC else Currency.USD


class Lateness(LabeledEnum):
    """How a receipt counts that was claimed after its month."""

    LATE = "late", "补报"
    CARRIED = "carried", "上年结转"


@value_class
class Counting:
    """The date on which a receipt counts, and how late it was claimed."""

    on: date
    arrived_on: date
    lateness: Lateness | None = None

    @property
    def mark(self) -> str:
        """The mark beside its amount: 「补报10月」; empty where it was claimed in time."""
        if self.lateness is not Lateness.LATE:
            return self.lateness.label if self.lateness else ""
        if self.on.replace(day=1) == self.arrived_on.replace(day=1):
            return self.lateness.label
        year = f"{self.arrived_on.year}年" if self.on.year != self.arrived_on.year else ""
        return f"{self.lateness.label}{year}{self.arrived_on.month}月"


def counting(arrived_on: date, claimed_on: date, calendar: WorkingCalendar) -> Counting:
    """When a receipt counts that is first claimed on that date.

    Refused as `claimed_too_late` more than a year after its arrival.
    """
    if claimed_on > _a_year_after(arrived_on):
        raise Refused("claimed_too_late", field="arrived_on", on=arrived_on)
    if claimed_on <= last_day_in_time(arrived_on, calendar):
        return Counting(arrived_on, arrived_on)
    if arrived_on.month != DECEMBER:
        return Counting(claimed_on, arrived_on, Lateness.LATE)
    if is_open_year(arrived_on.year, claimed_on):
        return Counting(arrived_on, arrived_on, Lateness.LATE)
    return Counting(date(arrived_on.year + 1, 1, 1), arrived_on, Lateness.CARRIED)


def last_day_in_time(arrived_on: date, calendar: WorkingCalendar) -> date:
    """The last day on which it may be claimed to count in its month."""
    return calendar.nth_workday_after(_month_end(arrived_on), CLAIMED_IN)


def _month_end(on: date) -> date:
    return (on.replace(day=28) + 4 * DAY).replace(day=1) - DAY


def _a_year_after(on: date) -> date:
    try:
        return on.replace(year=on.year + 1)
    except ValueError:  # 29 February
        return on.replace(year=on.year + 1, day=28)


def rates_needed(line: Line, currency: Currency) -> tuple[Currency, ...]:
    """Of which currencies the rate to yuan must be known, for the amount to count in its line."""
    if currency is line.currency:
        return ()
    through_yuan = (currency,) if currency is not Currency.CNY else ()
    return through_yuan if line is Line.DOMESTIC else (*through_yuan, Currency.USD)


def counted_amount(amount: Decimal, rate: Decimal | None, dollar_rate: Decimal | None) -> Decimal:
    """The amount in the currency of its line, in whole cents.

    `rate`: of its currency to yuan, where that is foreign; `dollar_rate`: of the dollar to yuan,
    where the line is in dollars. Both are `None` where the amount is in the line's currency.
    """
    return (amount * (rate or 1) / (dollar_rate or 1)).quantize(CENT, ROUND_HALF_UP)


def check_reversal(amount: Decimal, *, received: Decimal, reversed_before: Decimal) -> None:
    """Refuse to take back nothing, or more than is left of the receipt; all are positive."""
    left = received - reversed_before
    if amount <= 0:
        raise Refused("bad_amount", field="amount")
    if amount > left:
        raise Refused("more_than_received", field="amount", left=left)


class Doubt(LabeledEnum):
    """What is asked about a receipt before it is kept; the answer may be yes."""

    MORE_THAN_TOTAL = "more_than_total", "累计到位超过总投资"
    SAME_RECEIPT = "same_receipt", "日期、金额和付款方与另一笔相同"
    BEFORE_SIGNING = "before_signing", "到账早于签约"
    NO_FOREIGN_INVESTOR = "no_foreign_investor", "外资形式，项目无外方投资"


@value_class(kw_only=True)
class ReceiptFacts:
    """A new receipt and its project, as far as the questions need them."""

    amount: Decimal
    currency: Currency
    line: Line
    arrived_on: date
    received: Decimal  # before it, in its currency
    total: Decimal | None  # total investment, where it is in that currency
    signed_on: date | None
    has_twin: bool  # another of the same date, amount and payer
    is_foreign: bool  # the project has foreign capital


def doubts(facts: ReceiptFacts) -> list[Doubt]:
    """The questions about a receipt, in their order."""
    found = {
        Doubt.MORE_THAN_TOTAL: facts.total is not None
        and facts.received + facts.amount > facts.total,
        Doubt.SAME_RECEIPT: facts.has_twin,
        Doubt.BEFORE_SIGNING: facts.signed_on is None or facts.arrived_on < facts.signed_on,
        Doubt.NO_FOREIGN_INVESTOR: facts.line is Line.FOREIGN and not facts.is_foreign,
    }
    return [doubt for doubt, applies in found.items() if applies]
