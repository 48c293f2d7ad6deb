"""How fast projects go between milestones: medians of days (REGIME 6). Pure."""

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
    """How long a span may take: a number of months, or within one calendar year."""

    months: int | None  # None: within one calendar year
    text: str

    def is_kept(self, begun_on: date, ended_on: date) -> bool:
        """Whether the time between the dates is within the norm."""
        if self.months is None:
            return begun_on.year == ended_on.year
        months = (ended_on.year - begun_on.year) * MONTHS + ended_on.month - begun_on.month
        # calendar months, as the norms are written: to the same day of the month
        return months < self.months or (months == self.months and ended_on.day <= begun_on.day)


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
    """The median of days of some projects, and their number."""

    name: str
    count: int
    days: Decimal


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast projects completed one span in a period."""

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
    """Each span that a project completed in the period, with its medians of days."""
    projects = tuple(courses)
    found = []

    for begin, end in SPANS:
        ended = [course for course in projects if _completed(course, begin, end, period)]
        if not ended:
            continue
        norm = norms.get((begin, end))
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
                *(begin, end, len(ended), _median(days.values()), norm, len(within)),
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


def _completed(course: Course, begin: MilestoneKind, end: MilestoneKind, period: Period) -> bool:
    first, last = course.reached.get(begin), course.reached.get(end)
    # milestones reached in the other order make no span
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
    for course in ended:
        parts[key(course)].append(days[course.lead_id])
    return tuple(
        Median(name or "未填", len(parts[code]), _median(parts[code]))
        for code, name in names
        if code in parts
    )
