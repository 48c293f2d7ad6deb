"""The projects in hand (在手项目), from which the year's signings must come (REGIME 1). Pure."""

from collections.abc import Collection, Iterable
from decimal import Decimal

from crm.base.money import Currency
from crm.base.value_class import value_class
from crm.leads.rules import Stage
from crm.leads.tiers import Tier

# followed in earnest, and neither signed nor given up
IN_HAND = (Stage.FOLLOWING, Stage.NEGOTIATING)
MEANING = "在手指正式跟进、在谈的项目，未签约、未搁置、未流失；总投资按原币种列示，不折算。"


@value_class
class ProjectInHand:
    """A project in hand, with the unit responsible for it."""

    lead_id: int
    stage: Stage
    amount: Decimal | None
    currency: Currency | None
    unit_id: int | None
    size: Tier


@value_class
class InHand:
    """The projects in hand that a target is about, the largest first."""

    projects: tuple[ProjectInHand, ...]

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.projects)

    @property
    def amounts(self) -> tuple[tuple[Decimal, Currency], ...]:
        """Their total investment by currency, never converted."""
        pairs = ((currency, self.amount_in(currency)) for currency in Currency)
        return tuple((amount, currency) for currency, amount in pairs if amount)

    def amount_in(self, currency: Currency) -> Decimal:
        """The total investment of those in the currency."""
        own = (row.amount for row in self.projects if row.currency is currency)
        return sum((amount for amount in own if amount is not None), Decimal(0))


def in_hand(
    rows: Iterable[ProjectInHand],
    *,
    tier: Tier,
    currencies: Collection[Currency | None],
    unit_ids: Collection[int | None],
) -> InHand:
    """Those of the units, of that size or larger, in these currencies."""
    own = [
        row
        for row in rows
        if row.size.reaches(tier) and row.currency in currencies and row.unit_id in unit_ids
    ]
    # by the lines of their own currency, as amounts of several cannot be compared
    tiers = list(Tier)
    own.sort(key=lambda row: (-tiers.index(row.size), -(row.amount or 0), row.lead_id))
    return InHand(tuple(own))
