"""How fast projects go between milestones: medians of days (REGIME 6). Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from statistics import median, quantiles

from crm.base.enums import LabeledEnum
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.leads.tiers import Tier
from crm.targets.rules import MONTHS, TENTH

SIZES = tuple(
    (tier, "1亿元以下或未填" if tier is Tier.ANY else tier.label.replace("以上", "档"))
    for tier in Tier
)


class NormUnit(LabeledEnum):
    """In what a norm is counted."""

    DAYS = "days", "天"
    MONTHS = "months", "个月"
    YEAR = "year", "当年"


@value_class
class Norm:
    """How long a span may take: days or months at most, or within one calendar year."""

    unit: NormUnit
    most: int | None = None
    least: int | None = None  # only shown

    @property
    def text(self) -> str:
        """The norm in words."""
        if self.unit is NormUnit.YEAR:
            return "当年"
        if self.least:
            return f"{self.least}至{self.most}{self.unit.label}"
        return f"{self.most}{self.unit.label}内"

    def is_kept(self, begun_on: date, ended_on: date) -> bool:
        """Whether the time between the dates is within the norm."""
        if self.unit is NormUnit.YEAR or self.most is None:
            return begun_on.year == ended_on.year
        if self.unit is NormUnit.DAYS:
            return (ended_on - begun_on).days <= self.most
        months = (ended_on.year - begun_on.year) * MONTHS + ended_on.month - begun_on.month
        # calendar months, as the norms are written: to the same day of the month
        return months < self.most or (months == self.most and ended_on.day <= begun_on.day)


@value_class
class MeasuredSpan:
    """From one milestone to another, with its norm, where it has one."""

    begin: str
    end: str
    norm: Norm | None = None


@value_class
class Course:
    """A project with the first date of each milestone that it reached."""

    lead_id: int
    unit_id: int | None
    tier: Tier
    industry: str | None
    reached: Mapping[str, date]


@value_class
class Median:
    """The median and the quartiles of days of some projects, and their number."""

    name: str
    count: int
    days: Decimal
    lower: Decimal
    upper: Decimal


@value_class
class Speed:
    """How fast projects completed one span in a period."""

    name: str  # the first and the last milestone
    count: int
    days: Decimal
    lower: Decimal  # a quarter of the projects took no longer
    upper: Decimal  # three quarters took no longer
    norm: Norm | None
    within: int  # how many of them are within the norm
    by_tier: tuple[Median, ...]
    by_industry: tuple[Median, ...]


def speeds(
    courses: Iterable[Course],
    period: Period,
    spans: Iterable[MeasuredSpan],
    *,
    kind_names: Mapping[str, str],
    industry_name: Callable[[str], str],
) -> tuple[Speed, ...]:
    """Each span that a project completed in the period, with its medians of days."""
    projects = tuple(courses)
    found = []

    for span in spans:
        begin, end, norm = span.begin, span.end, span.norm
        ended = [course for course in projects if _completed(course, begin, end, period)]
        if not ended:
            continue
        days = {
            course.lead_id: (course.reached[end] - course.reached[begin]).days for course in ended
        }
        within = [
            course
            for course in ended
            if norm and norm.is_kept(course.reached[begin], course.reached[end])
        ]
        found.append(
            Speed(
                f"{kind_names[begin]}至{kind_names[end]}",
                *(len(ended), *_quartiles(days.values()), norm, len(within)),
                _split(days, ended, SIZES, lambda course: course.tier),
                _split(
                    days,
                    ended,
                    sorted(
                        (code, industry_name(code))
                        for code in {course.industry or "" for course in ended}
                    ),
                    lambda course: course.industry or "",
                ),
            )
        )

    return tuple(found)


def year_of(year: int) -> Period:
    return Period.holding(PeriodKind.YEAR, date(year, 1, 1))


def _completed(course: Course, begin: str, end: str, period: Period) -> bool:
    first, last = course.reached.get(begin), course.reached.get(end)
    # milestones reached in the other order make no span
    return first is not None and last is not None and first <= last and last in period


def _quartiles(days: Iterable[int]) -> tuple[Decimal, Decimal, Decimal]:
    """The median, the lower and the upper quartile."""
    values = sorted(map(Decimal, days))
    # of one project all three are its days
    lower, _, upper = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return median(values), _tenths(lower), _tenths(upper)


def _tenths(days: Decimal) -> Decimal:
    rounded = days.quantize(TENTH, ROUND_HALF_UP)
    return rounded.quantize(Decimal(1)) if rounded == int(rounded) else rounded


def _split(
    days: Mapping[int, int],
    ended: Iterable[Course],
    names: Sequence[tuple[str, str]],
    key: Callable[[Course], str],
) -> tuple[Median, ...]:
    parts: defaultdict[str, list[int]] = defaultdict(list)
    for course in ended:
        parts[key(course)].append(days[course.lead_id])
    return tuple(
        Median(name or "未填", len(parts[code]), *_quartiles(parts[code]))
        for code, name in names
        if code in parts
    )
