"""Valid and boring values for the engine; a test names only what it is about."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import count

from crm.base import clock
from crm.base.periods import Period, PeriodKind, days
from crm.base.workdays import WorkingCalendar
from crm.people.rules import Duty
from crm.quotas.counting import Terms, explain, terms_of
from crm.quotas.date_bits import bits_of
from crm.quotas.judging import judge as judge_numbers
from crm.quotas.rules import (
    Cap,
    CountBy,
    Figure,
    Freeze,
    Measure,
    Proration,
    Reason,
    Rounding,
    Rule,
    VisitFacts,
)
from crm.quotas.rules import Tenure as TenureBits
from crm.visits.rules import Channel, Kind, Status, Verdict

ME, ANOTHER = 1, 2
CALENDAR = WorkingCalendar()
JULY = Period.parse("2026-07")  # 23 working days, 31 dates
_numbers = count(1)


@dataclass(frozen=True)
class Tenure:
    """The dates on which a person holds the duty, and those of absence."""

    person_id: int
    held: frozenset[date]
    absent: frozenset[date]

    @property
    def present(self) -> frozenset[date]:
        return self.held - self.absent

    def bits(self, period: Period) -> TenureBits:
        return TenureBits(self.person_id, bits_of(period, self.held), bits_of(period, self.absent))


@dataclass(frozen=True)
class Case:
    """One person against one rule in one period."""

    rule: Rule
    tenure: Tenure
    period: Period


def terms_in(
    case: Case,
    as_of: datetime,
    *,
    calendar: WorkingCalendar = CALENDAR,
    freeze: Freeze | None = None,
) -> Terms:
    """The terms on which the case is judged at the moment."""
    period = case.period
    workdays = bits_of(period, calendar.workdays(period.first, period.last))
    return terms_of(case.rule, period, workdays, as_of, freeze)


def judge_figure(visits: Iterable[VisitFacts], case: Case, terms: Terms) -> Figure:
    """The figure with its explanation."""
    visits, tenure = list(visits), case.tenure.bits(case.period)
    figure = judge_numbers(visits, tenure, terms)
    return replace(figure, explanation=explain(visits, tenure, terms))


def moment(text: str) -> datetime:
    """A civil time, `07-15T10:00`, of 2026."""
    return clock.parse_instant(f"2026-{text}")


def on(text: str) -> date:
    """A date, `07-15`, of 2026."""
    return date.fromisoformat(f"2026-{text}")


def a_rule(**given: object) -> Rule:
    """The deputy's rule as shipped, with what is said instead."""
    values = {
        "code": "deputy-monthly",
        "name": "分管负责同志",
        "duty": Duty.DEPUTY,
        "measure": Measure.VISITS_LED,
        "count_by": CountBy.DAY,
        "minimum": 6,
        "period": PeriodKind.MONTH,
        "kinds": frozenset({Kind.OUTREACH, Kind.RESIDENCY}),
        "channels": frozenset({Channel.IN_PERSON}),
        "log_within_days": 3,
        "stay_within_days": 9,
        "proration": Proration.WORKDAYS,
        "rounding": Rounding.CEIL,
        "cap": Cap.CALENDAR_DAYS,
        "valid_from": date(2020, 1, 1),
        "valid_to": None,
    }
    return Rule(**values | given)


DEPUTY = a_rule()
BY_VISIT = a_rule(count_by=CountBy.VISIT)
JOINING = a_rule(measure=Measure.VISITS_JOINED)
PRINCIPAL = a_rule(
    code="principal-weekly",
    duty=Duty.PRINCIPAL,
    minimum=1,
    period=PeriodKind.WEEK,
    kinds=frozenset({Kind.OUTREACH}),
    rounding=Rounding.HALF_UP,
)
RECRUITER = a_rule(
    code="recruiter-monthly", duty=Duty.RECRUITER, measure=Measure.DAYS_RESIDENT, minimum=20
)


def a_visit(first: str, last: str | None = None, **given: object) -> VisitFacts:
    """A done outreach in person from 09:00 to 17:00, entered long before."""
    n = next(_numbers)
    starts_at = clock.at_civil(on(first)) + timedelta(hours=9)
    ends_at = clock.at_civil(on(last or first)) + timedelta(hours=17)
    values = {
        "id": n,
        "ref": f"V{n:04}",
        "kind": Kind.OUTREACH,
        "channel": Channel.IN_PERSON,
        "status": Status.DONE,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "first_on": on(first),
        "last_on": on(last or first),
        "leader_id": ME,
        "entered_at": starts_at - timedelta(days=60),
        "logged_at": ends_at + timedelta(hours=1),
        "verdict": None,
        "verdict_at": None,
    }
    return VisitFacts(**values | given)


def a_plan(first: str, last: str | None = None, **given: object) -> VisitFacts:
    """The same, but planned."""
    return a_visit(first, last, **{"status": Status.PLANNED, "logged_at": None} | given)


def a_stay(first: str, last: str, **given: object) -> VisitFacts:
    """A planned residency."""
    return a_plan(first, last, kind=Kind.RESIDENCY, **given)


def judged(verdict: Verdict, at: str) -> dict[str, object]:
    """What a verdict sets."""
    return {"verdict": verdict, "verdict_at": moment(at)}


def dates(*spans: tuple[str, str]) -> frozenset[date]:
    """The dates of spans of 2026."""
    return frozenset(day for first, last in spans for day in days(on(first), on(last)))


def tenure_in(
    period: Period, *, held: Iterable[date] | None = None, absent: Iterable[date] = ()
) -> Tenure:
    """Who holds the duty throughout, or on the dates said."""
    return Tenure(ME, frozenset(period.dates if held is None else held), frozenset(absent))


def judge(
    rule: Rule,
    visits: Iterable[VisitFacts] = (),
    *,
    period: Period = JULY,
    as_of: str = "07-15T10:00",
    tenure: Tenure | None = None,
    freeze: Freeze | None = None,
) -> Figure:
    """The figure of ME in July, on the 15th at ten."""
    case = Case(rule, tenure or tenure_in(period), period)
    return judge_figure(visits, case, terms_in(case, moment(as_of), freeze=freeze))


def reasons(figure: Figure) -> list[tuple[Reason, int]]:
    """Why what does not count does not, with how many dates of it."""
    return [(part.reason, part.days) for part in figure.not_counted]
