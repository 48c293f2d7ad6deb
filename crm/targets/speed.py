"""How fast projects go between milestones: medians of days (REGIME 6). Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median

from crm.base.periods import Period, PeriodKind
from crm.leads.rules import LAUNCHED, MOVED_IN, Stage
from crm.targets.rules import MONTHS, Tier

SPANS = (
    (Stage.FOLLOWING, Stage.SIGNED),
    (LAUNCHED, Stage.STARTED),
    (Stage.SIGNED, Stage.STARTED),
    (Stage.STARTED, Stage.TOPPED_OUT),
    (MOVED_IN, Stage.OPERATING),
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
    reached: Mapping[str, date]


@dataclass(frozen=True, slots=True)
class Median:
    """The median of days of some projects, and their number."""

    name: str
    count: int
    days: Decimal


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast projects completed one span in a period."""

    name: str  # the first and the last milestone
    count: int
    days: Decimal
    norm: Norm | None
    within: int  # how many of them are within the norm
    by_tier: tuple[Median, ...]
    by_industry: tuple[Median, ...]


Norms = Mapping[tuple[str, str], Norm]


def speeds(
    courses: Iterable[Course],
    period: Period,
    norms: Norms,
    *,
    kind_names: Mapping[str, str],
    industry_name: Callable[[str], str],
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
                f"{kind_names[begin]}至{kind_names[end]}",
                *(len(ended), _median(days.values()), norm, len(within)),
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
