"""Sizes of projects: tiers, each with a line in every currency that has one (PROJECTS 1). Pure."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from crm.base.enums import LabeledEnum
from crm.base.money import Currency
from crm.base.value_class import value_class


class Tier(LabeledEnum):
    """The smallest size of a project that counts."""

    ANY = "any", "不分规模"
    YI_1 = "yi1", "1亿元以上"
    YI_5 = "yi5", "5亿元以上"
    YI_10 = "yi10", "10亿元以上"
    YI_20 = "yi20", "20亿元以上"
    YI_50 = "yi50", "50亿元以上"
    YI_100 = "yi100", "100亿元以上"

    def reaches(self, other: "Tier") -> bool:
        """Whether a project of this size counts for the other, too."""
        return _ORDER[self] >= _ORDER[other]


SIZES = tuple(tier for tier in Tier if tier is not Tier.ANY)
MAJOR = Tier.YI_10  # REGIME 6: such a project is flagged where it lacks a role
_ORDER = {tier: place for place, tier in enumerate(Tier)}


@value_class
class TierLine:
    """From when on a tier begins at an amount of a currency; None: it has no line there."""

    tier: Tier
    currency: Currency
    from_on: date
    threshold: Decimal | None


@value_class
class TierLines:
    """The lines of all tiers with their dates, so that a change moves nothing of the past."""

    rows: tuple[TierLine, ...]

    def of(self, currency: Currency, on: date) -> Mapping[Tier, Decimal]:
        """The lines of the currency that hold on the date, from the smallest tier on."""
        latest: dict[Tier, TierLine] = {}
        for row in self.rows:
            if row.currency is not currency or row.from_on > on:
                continue
            if row.tier not in latest or row.from_on >= latest[row.tier].from_on:
                latest[row.tier] = row
        lines = {tier: latest[tier].threshold for tier in SIZES if tier in latest}
        return {tier: line for tier, line in lines.items() if line is not None}

    def tier_of(self, amount: Decimal | None, currency: Currency | None, on: date) -> Tier:
        """The largest tier that an amount reaches, by the lines of its own currency."""
        # never by conversion: a currency without lines has no size
        if amount is None or currency is None:
            return Tier.ANY
        reached = [tier for tier, line in self.of(currency, on).items() if amount >= line]
        return reached[-1] if reached else Tier.ANY

    def is_major(self, amount: Decimal | None, currency: Currency | None, on: date) -> bool:
        """Whether a project of that amount should have leader, unit and tracker (REGIME 6)."""
        return self.tier_of(amount, currency, on).reaches(MAJOR)
