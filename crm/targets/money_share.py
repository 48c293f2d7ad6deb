"""How much of the recognised amounts of signed projects has arrived (资金到位率). Pure."""

from decimal import ROUND_HALF_UP, Decimal

from crm.base.money import Currency
from crm.base.value_class import value_class

TENTH = Decimal("0.1")


@value_class
class MoneyShare:
    """The money recognised by the end of a period of the projects recognised as signed in it.

    Foreign money and amounts in other currencies are never converted (PROJECTS 7).
    """

    signed: int = 0  # projects
    amount: Decimal = Decimal(0)  # recognised, in yuan
    arrived: Decimal = Decimal(0)  # domestic money, in yuan
    foreign: Decimal = Decimal(0)  # foreign money, in dollars
    other_amounts: tuple[tuple[Decimal, Currency], ...] = ()  # of projects in other currencies
    without_amount: int = 0  # projects
    without_rate: int = 0  # receipts that count in no sum (待补汇率)

    @property
    def percent(self) -> Decimal | None:
        """The share; none where no amount in yuan is recognised."""
        if not self.amount:
            return None
        return (100 * self.arrived / self.amount).quantize(TENTH, ROUND_HALF_UP)


NOTHING_SIGNED = MoneyShare()
