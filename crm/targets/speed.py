"""How fast projects go from one milestone to another: medians of days (REGIME 6). Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median

from crm.base.periods import Period, PeriodKind
from crm.leads.rules import MilestoneKind
from crm.targets.rules import MONTHS, Tier

SPANS = (
    (MilestoneKind.FOLLOWING, MilestoneKind.SIGNED),
    (MilestoneKind.LAUNCHED, MilestoneKind.STARTED),
    (MilestoneKind.SIGNED, MilestoneKind.STARTED),
    (MilestoneKind.STARTED, MilestoneKind.TOPPED_OUT),
    (MilestoneKind.MOVED_IN, MilestoneKind.OPERATING),
)
SIZES = tuple(
    (tier, "1亿元以下或未填" if tier is Tier.ANY else tier.label.replace("以上", "档"))
    for tier in Tier
)


@dataclass(frozen=True, slots=True)
class Norm:
    """How long it should take at most: so many months, or within one calendar year."""

    months: int | None
    told: str

    def holds(self, begun_on: date, ended_on: date) -> bool:
        """Whether the time between the dates is within the norm."""
        if self.months is None:
            return begun_on.year == ended_on.year
        gone = (ended_on.year - begun_on.year) * MONTHS + ended_on.month - begun_on.month
        return gone < self.months or (gone == self.months and ended_on.day <= begun_on.day)


@dataclass(frozen=True, slots=True)
class Course:
    """A project with the first date of each milestone that it reached."""

    lead_id: int
    unit_id: int | None
    tier: Tier
    industry: str | None
    reached: Mapping[MilestoneKind, date]


@dataclass(frozen=True, slots=True)
class Median:
    """How many projects took how many days, the one in the middle."""

    name: str
    count: int
    days: Decimal


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast the projects went that reached the end of a span in a period."""

    begin: MilestoneKind
    end: MilestoneKind
    count: int
    days: Decimal
    norm: Norm | None
    within: int  # how many of them are within the norm
    by_tier: tuple[Median, ...]
    by_industry: tuple[Median, ...]


Norms = Mapping[tuple[MilestoneKind, MilestoneKind], Norm]


def speeds(
    courses: Iterable[Course], period: Period, norms: Norms, industry_name: Callable[[str], str]
) -> tuple[Speed, ...]:
    """Each span that some project ended in the period, with the medians of its days."""
    known = tuple(courses)
    made = []

    for begin, end in SPANS:
        ended = [one for one in known if _took(one, begin, end, period)]
        if not ended:
            continue
        norm = norms.get((begin, end))
        days = {one.lead_id: (one.reached[end] - one.reached[begin]).days for one in ended}
        within = [one for one in ended if norm and norm.holds(one.reached[begin], one.reached[end])]
        made.append(
            Speed(
                *(begin, end, len(ended), _median(days.values()), norm, len(within)),
                _split(days, ended, SIZES, lambda one: one.tier),
                _split(
                    days,
                    ended,
                    sorted((one, industry_name(one)) for one in {c.industry or "" for c in ended}),
                    lambda one: one.industry or "",
                ),
            )
        )

    return tuple(made)


def year_of(year: int) -> Period:
    """The year as a period."""
    return Period.holding(PeriodKind.YEAR, date(year, 1, 1))


def _took(one: Course, begin: MilestoneKind, end: MilestoneKind, period: Period) -> bool:
    first, last = one.reached.get(begin), one.reached.get(end)
    return first is not None and last is not None and first <= last and last in period


def _median(days: Iterable[int]) -> Decimal:
    return median(map(Decimal, days))


def _split(
    days: Mapping[int, int],
    ended: Iterable[Course],
    names: Sequence[tuple[str, str]],
    key: Callable[[Course], str],
) -> tuple[Median, ...]:
    parts: defaultdict[str, list[int]] = defaultdict(list)
    for one in ended:
        parts[key(one)].append(days[one.lead_id])
    return tuple(
        Median(name or "未填", len(parts[code]), _median(parts[code]))
        for code, name in names
        if code in parts
    )
