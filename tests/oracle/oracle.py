"""A second, naive computation of quota figures: REGIME 2-4, date by date.

It shares no line with the product and is slow on purpose. Where REGIME leaves a choice, a comment
that starts with CHOICE says which reading was taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .facts import Posting, Rule, Visit, Zone
from .periods import DAY, civil_date, period_dates, period_kind

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Figure:
    """A row of `crm quota report` and its explanation by `crm quota explain`."""

    report: dict[str, str | int]
    counted: list[tuple[str, int]]  # (visit, days)
    not_counted: list[tuple[str, str, int]]  # (visit, reason, days)


@dataclass(frozen=True)
class Case:
    """One person under one rule in one period, seen at one moment."""

    zone: Zone
    rule: Rule
    username: str
    period: str
    dates: list[date]
    as_of: datetime

    @property
    def today(self) -> date:
        """T's local date."""
        return civil_date(self.as_of)


# --- people ----------------------------------------------------------------------------------


def primary_posting(zone: Zone, username: str, on: date) -> Posting | None:
    """The primary posting held on a date; a secondary one never decides a quota."""
    for posting in zone.postings:
        if posting.username != username or not posting.primary:
            continue
        if posting.from_on <= on and (posting.to_on is None or on <= posting.to_on):
            return posting
    return None


def holds_duty(case: Case, on: date) -> bool:
    """The duty of the primary posting of that day is the rule's."""
    posting = primary_posting(case.zone, case.username, on)
    return posting is not None and posting.duty == case.rule.duty


def is_absent(case: Case, on: date) -> bool:
    """An approved absence covers the date."""
    for absence in case.zone.absences:
        own = absence.username == case.username and absence.approved
        if own and absence.from_on <= on <= absence.to_on:
            return True
    return False


def is_present(case: Case, on: date) -> bool:
    """Holds the rule's duty and is not absent."""
    return holds_duty(case, on) and not is_absent(case, on)


# --- one visit, as of a moment ---------------------------------------------------------------


def covered_dates(visit: Visit) -> list[date]:
    """From its first local date to that of the last instant before its end."""
    on, dates = civil_date(visit.starts_at), []
    while on <= civil_date(visit.ends_at - INSTANT):
        dates.append(on)
        on += DAY
    return dates


def last_date(visit: Visit) -> date:
    """The last local date that a visit covers."""
    return covered_dates(visit)[-1]


def is_known(visit: Visit, as_of: datetime) -> bool:
    """A visit entered after T is not there."""
    return visit.entered_at <= as_of


def status_then(visit: Visit, as_of: datetime) -> str:
    """One logged after T, or ending after T, is planned; a cancelled one is so as known now."""
    if visit.status != "done":
        return visit.status
    if visit.logged_at is None or visit.logged_at > as_of or visit.ends_at > as_of:
        return "planned"
    return "done"


def verdict_then(visit: Visit, as_of: datetime) -> str:
    """A verdict after T is not there."""
    if visit.verdict_at is None or visit.verdict_at > as_of:
        return ""
    return visit.verdict


def is_under_way(visit: Visit, as_of: datetime) -> bool:
    """A residency planned, begun, not yet ended and not rejected."""
    # CHOICE: begun at T itself counts as begun, ending at T itself as ended.
    return (
        visit.kind == "residency"
        and status_then(visit, as_of) == "planned"
        and visit.starts_at <= as_of < visit.ends_at
        and verdict_then(visit, as_of) != "rejected"
    )


def awaits_completion(case: Case, visit: Visit) -> bool:
    """A residency that has ended, planned and not rejected, through last date + log_within_days."""
    return (
        visit.kind == "residency"
        and status_then(visit, case.as_of) == "planned"
        and visit.ends_at <= case.as_of
        and verdict_then(visit, case.as_of) != "rejected"
        and case.today <= last_date(visit) + case.rule.log_within_days * DAY
    )


def could_still_count(case: Case, visit: Visit) -> bool:
    """A planned visit whose last date >= today - log_within_days."""
    return status_then(visit, case.as_of) == "planned" and (
        last_date(visit) >= case.today - case.rule.log_within_days * DAY
    )


def is_done_on(case: Case, visit: Visit, on: date, *, plans_done: bool) -> bool:
    """Done, or as if done: a stay on dates before today, a plan that is imagined done."""
    if status_then(visit, case.as_of) == "done":
        return True
    is_open = is_under_way(visit, case.as_of) or awaits_completion(case, visit)
    # CHOICE: "goes on counting so" is each date before today, also on the last date itself.
    if is_open and on < case.today:
        return True
    return plans_done and could_still_count(case, visit)


def is_late(case: Case, visit: Visit) -> bool:
    """Logged more than log_within_days after its last date, and not confirmed."""
    if status_then(visit, case.as_of) != "done" or visit.logged_at is None:
        return False
    if verdict_then(visit, case.as_of) == "confirmed":
        return False
    delay = civil_date(visit.logged_at) - last_date(visit)
    return delay > case.rule.log_within_days * DAY


def late_by_days(visit: Visit, username: str) -> int:
    """The largest number of days by which a date lay before its addition for that person."""
    lateness = [0]
    for on in covered_dates(visit):
        added_at = visit.added_at.get((username, on), visit.entered_at)
        lateness.append((civil_date(added_at) - on).days)
    return max(lateness)


def is_entered_late(case: Case, visit: Visit) -> bool:
    """Covers more than one date, entered more than stay_within_days late, and not confirmed."""
    limit = case.rule.stay_within_days
    if counts_visits(case.rule) or limit is None or len(covered_dates(visit)) == 1:
        return False
    if verdict_then(visit, case.as_of) == "confirmed":
        return False
    return late_by_days(visit, case.username) > limit


# --- what counts -----------------------------------------------------------------------------


def counts_visits(rule: Rule) -> bool:
    """visits_led and visits_joined; days_resident counts dates."""
    return rule.measure != "days_resident"


def concerned_dates(case: Case, visit: Visit) -> list[date]:
    """The dates on which a visit is judged: its start, or each of its days in the period."""
    # CHOICE: where visits are counted, each visit is counted as 1 day in the explanation, also one
    # that is outside_period or that covers several dates.
    if counts_visits(case.rule):
        return [civil_date(visit.starts_at)]
    return [on for on in covered_dates(visit) if on in case.dates]


def first_reason(
    case: Case, visit: Visit, on: date, taken: set[date], *, plans_done: bool
) -> str | None:
    """Why a visit does not count on a date: the first reason that applies, in REGIME's order."""
    rule = case.rule
    # CHOICE: for visits counted, a stay under way counts once its start lies before today.
    for applies, reason in (
        (counts_visits(rule) and on < case.dates[0], "outside_period"),
        (rule.measure == "visits_led" and visit.leader != case.username, "not_leader"),
        (visit.kind not in rule.kinds, "wrong_kind"),
        (visit.channel not in rule.channels, "wrong_channel"),
        (not is_done_on(case, visit, on, plans_done=plans_done), "not_done"),
        (verdict_then(visit, case.as_of) == "rejected", "rejected"),
        (is_late(case, visit) or is_entered_late(case, visit), "logged_late"),
        (not holds_duty(case, on), "outside_employment"),
        (is_absent(case, on), "absent"),
        (rule.count_by == "day" and on in taken, "same_day"),
    ):
        if applies:
            return reason
    return None


def own_visits(case: Case) -> list[Visit]:
    """Those that the person led or joined and that cover a date of the period, earliest first."""
    visits = []
    for visit in case.zone.visits:
        if not is_known(visit, case.as_of):
            continue
        if case.username != visit.leader and case.username not in visit.participants:
            continue
        if any(on in case.dates for on in covered_dates(visit)):
            visits.append(visit)
    # CHOICE: "the earliest counts" is by the instant of the start; of two at once, by ref.
    return sorted(visits, key=lambda visit: (visit.starts_at, visit.ref))


def judged(case: Case, *, plans_done: bool = False) -> list[tuple[str, date, str | None]]:
    """(visit, date, reason or None) for every visit of the person on every date concerned."""
    taken: set[date] = set()
    answers = []
    for visit in own_visits(case):
        for on in concerned_dates(case, visit):
            reason = first_reason(case, visit, on, taken, plans_done=plans_done)
            if reason is None:
                taken.add(on)
            answers.append((visit.ref, on, reason))
    return answers


# --- the figure ------------------------------------------------------------------------------


def half_up(numerator: int, denominator: int) -> int:
    """The nearest integer, a half going up."""
    return (2 * numerator + denominator) // (2 * denominator)


def required(case: Case) -> int:
    """The minimum owed by somebody present on P of W working days."""
    rule = case.rule
    workdays = [on for on in case.dates if case.zone.is_workday(on)]
    present = [on for on in workdays if is_present(case, on)]
    if not present:
        return 0
    owed = rule.minimum
    if rule.proration == "workdays" and rule.rounding == "half_up":
        owed = half_up(rule.minimum * len(present), len(workdays))
    elif rule.proration == "workdays":
        owed = -(-rule.minimum * len(present) // len(workdays))
    if counts_visits(rule):
        return owed
    # CHOICE: the cap holds under either proration; "workdays" caps at P.
    if rule.cap == "workdays":
        return min(owed, len(present))
    return min(owed, len([on for on in case.dates if is_present(case, on)]))


def pace(case: Case, owed: int) -> int:
    """Half up of required * (present working days elapsed, today included) / P."""
    present = [on for on in case.dates if case.zone.is_workday(on) and is_present(case, on)]
    if not present:
        return 0
    return half_up(owed * len([on for on in present if on <= case.today]), len(present))


def dates_left(case: Case) -> list[date]:
    """The dates of the period from today on which the person holds the duty, not absent."""
    return [on for on in case.dates if on >= case.today and is_present(case, on)]


def free_dates(case: Case) -> list[date]:
    """Those of the dates left that are neither counted nor planned."""
    used = {on for _, on, reason in judged(case, plans_done=True) if reason is None}
    return [on for on in dates_left(case) if on not in used]


def is_unreachable(case: Case, owed: int, foreseen: int) -> bool:
    """Whether achieved + planned + free < required; by visit, no bound while one date is left."""
    if case.rule.count_by == "visit":
        return not dates_left(case) and foreseen < owed
    return foreseen + len(free_dates(case)) < owed


def is_at_risk(case: Case, owed: int, foreseen: int) -> bool:
    """Whether need > reachable: even at 1.5 times the average pace it would not be reached."""
    working = [on for on in case.dates if case.zone.is_workday(on) and is_present(case, on)]
    everyone = len(working)
    rest = len([on for on in working if on >= case.today])
    usual = 3 * owed * rest // (2 * everyone) if everyone else 0
    reachable = usual
    if case.rule.count_by == "day" and owed <= everyone:
        reachable = min(len([on for on in free_dates(case) if case.zone.is_workday(on)]), usual)
    elif case.rule.count_by == "day":
        reachable = min(len(free_dates(case)), usual)
    return owed - foreseen > reachable


def status(case: Case, *, owed: int, achieved: int, planned: int) -> str:
    """The first that applies."""
    for applies, name in (
        (owed == 0, "exempt"),
        (achieved >= owed, "met"),
        (case.today > case.dates[-1], "missed"),
        (is_unreachable(case, owed, achieved + planned), "unreachable"),
        (is_at_risk(case, owed, achieved + planned), "at_risk"),
    ):
        if applies:
            return name
    return "on_track"


def unit(case: Case) -> str:
    """The primary posting's unit on the last date of the duty up to T, or on the first."""
    held = [on for on in case.dates if holds_duty(case, on)]
    until_now = [on for on in held if on <= case.today]
    posting = primary_posting(case.zone, case.username, until_now[-1] if until_now else held[0])
    assert posting is not None
    return posting.unit


def figure(case: Case) -> Figure:
    """What the oracle computes for one person, rule and period."""
    answers = judged(case)
    achieved = len([1 for _, _, reason in answers if reason is None])
    imagined = judged(case, plans_done=True)
    planned = len([1 for _, _, reason in imagined if reason is None]) - achieved
    owed = required(case)
    workdays = [on for on in case.dates if case.zone.is_workday(on)]
    report: dict[str, str | int] = {
        "rule": case.rule.code,
        "person": case.username,
        "unit": unit(case),
        "period": case.period,
        "required": owed,
        "achieved": achieved,
        "planned": planned,
        "pace": pace(case, owed),
        "status": status(case, owed=owed, achieved=achieved, planned=planned),
        "workdays": len(workdays),
        "present": len([on for on in workdays if is_present(case, on)]),
    }
    return Figure(report, counted=counted(answers), not_counted=not_counted(answers))


def counted(answers: list[tuple[str, date, str | None]]) -> list[tuple[str, int]]:
    """(visit, days) of the visits that count, at least in part."""
    days: dict[str, int] = {}
    for ref, _, reason in answers:
        if reason is None:
            days[ref] = days.get(ref, 0) + 1
    return sorted(days.items())


def not_counted(answers: list[tuple[str, date, str | None]]) -> list[tuple[str, str, int]]:
    """(visit, reason, days): one entry for each reason that a visit's days meet."""
    days: dict[tuple[str, str], int] = {}
    for ref, _, reason in answers:
        if reason is not None:
            days[ref, reason] = days.get((ref, reason), 0) + 1
    return sorted((ref, reason, number) for (ref, reason), number in days.items())


def rule_for(zone: Zone, code: str, period: str) -> Rule | None:
    """The version that holds on the period's first date judges it whole; none then: no figure."""
    # CHOICE: valid_to is the last date on which a version holds. A version of another kind of
    # period gives no figure for this one, and no other version stands in for it.
    first = period_dates(period)[0]
    for rule in zone.rules:
        if rule.code != code or rule.valid_from > first:
            continue
        if rule.valid_to is None or first <= rule.valid_to:
            return rule if rule.period == period_kind(period) else None
    return None


def figures(zone: Zone, period: str, as_of: datetime) -> dict[tuple[str, str], Figure]:
    """All figures of a period, by rule code and username."""
    answers = {}
    dates = period_dates(period)
    for code in sorted({rule.code for rule in zone.rules}):
        rule = rule_for(zone, code, period)
        if rule is None:
            continue
        for username in sorted({posting.username for posting in zone.postings}):
            case = Case(zone, rule, username, period, dates, as_of)
            if any(holds_duty(case, on) for on in dates):
                answers[code, username] = figure(case)
    return answers
