"""When each job is due, and how long a late slot is still of use (REGIME 5). Pure."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta

from crm.base.clock import at_civil, civil_date
from crm.base.enums import LabeledEnum
from crm.base.periods import DAY, Period, PeriodKind
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.digests import rules
from crm.digests.rules import EVENING

ON_TIME = timedelta(minutes=10)  # a new leader needs up to two minutes
# No run of rest days is so long: what is due on a date ended at most so long before it.
LONGEST_WAIT = 40 * DAY


class JobName(LabeledEnum):
    """The jobs of the clock."""

    WEEKLY_DIGEST = "weekly-digest", "周报"
    MONTHLY_DIGEST = "monthly-digest", "月报"
    MORNING_BRIEF = "morning-brief", "晨报"
    NUDGE = "nudge", "进度提醒"
    TEN_DAY = "ten-day-supervision", "旬督办"
    AUDIT_SEAL = "audit-seal", "封存操作记录"
    ASSESS = "assess", "期末核算"
    FREEZE = "freeze", "定稿"
    SETTLED_FIGURES = "settled-figures", "定稿月报"
    ESCALATE = "escalate", "督办逾期提级"
    RETENTION = "retention", "保存期限清理"


# A job that reports what another job makes waits while that job is held up.
DEPENDS_ON: Mapping[str, JobName] = {JobName.SETTLED_FIGURES: JobName.FREEZE}


class MissedSlotRule(LabeledEnum):
    """How long a missed slot is still of use, and what happens then."""

    UNTIL_EVENING = "until_evening", "当日18:00前补做"
    UNTIL_NEXT_THEN_ARCHIVED = "until_next_then_kept", "下一期到期前补发，之后只存档"
    UNTIL_NEXT = "until_next", "下一期到期前补做"
    ALWAYS = "always", "一律补做"


class Timing(LabeledEnum):
    """What is to be done with a slot at some moment."""

    ON_TIME = "on_time", "按时"
    LATE = "late", "延迟补做"
    ARCHIVED = "kept", "延迟补做，下一期已到期，只存档不发送"
    SKIPPED = "skipped", "已过时限，跳过"

    @property
    def is_past_use(self) -> bool:
        """Whether the slot is of no use any more."""
        return self in (Timing.ARCHIVED, Timing.SKIPPED)


@value_class
class Subject:
    """What a slot is about: a period, or a single date."""

    name: str
    first: date
    last: date


DueOn = Callable[[WorkingCalendar, Subject], date | None]


@value_class
class Job:
    """A row of REGIME 5's table.

    Jobs of one name differ in their kind of period.
    """

    name: str
    cycle: PeriodKind | None  # None: a slot for each date
    due_on: DueOn
    at: time
    lateness: MissedSlotRule


@value_class
class Slot:
    """One run of a job that is due; job and name together are unique."""

    job: Job
    name: str
    due_at: datetime


def that_workday(calendar: WorkingCalendar, subject: Subject) -> date | None:
    """The date itself, if it is a working day."""
    return subject.first if calendar.is_workday(subject.first) else None


def that_day(_calendar: WorkingCalendar, subject: Subject) -> date:
    """The date itself, of a period the first."""
    return subject.first


def first_workday_of(calendar: WorkingCalendar, subject: Subject) -> date:
    """The first working day on or after the period's first date."""
    return calendar.first_workday_from(subject.first)


def day_after(_calendar: WorkingCalendar, subject: Subject) -> date:
    """The day after, working day or not."""
    return subject.last + DAY


def first_workday_after(calendar: WorkingCalendar, subject: Subject) -> date:
    """The first working day after the period."""
    return calendar.first_workday_from(subject.last + DAY)


def day_of_freeze(calendar: WorkingCalendar, subject: Subject) -> date:
    """The date after the third working day that follows the period (REGIME 4)."""
    return rules.day_of_freeze(calendar, subject.last)


def second_workday_from_freeze(calendar: WorkingCalendar, subject: Subject) -> date:
    """The second working day from the freeze on (REGIME 5)."""
    return rules.day_of_settled_report(calendar, subject.last)


JOBS = (
    Job(
        JobName.WEEKLY_DIGEST,
        PeriodKind.WEEK,
        first_workday_after,
        time(7, 30),
        MissedSlotRule.UNTIL_NEXT_THEN_ARCHIVED,
    ),
    Job(
        JobName.MONTHLY_DIGEST,
        PeriodKind.MONTH,
        first_workday_after,
        time(7, 30),
        MissedSlotRule.UNTIL_NEXT_THEN_ARCHIVED,
    ),
    Job(JobName.MORNING_BRIEF, None, that_workday, time(7, 45), MissedSlotRule.UNTIL_EVENING),
    # About the xun that begins, even where holidays move it some days on (1 October).
    Job(JobName.TEN_DAY, PeriodKind.XUN, first_workday_of, time(8), MissedSlotRule.UNTIL_NEXT),
    Job(JobName.NUDGE, None, that_workday, time(12), MissedSlotRule.UNTIL_EVENING),
    Job(JobName.ESCALATE, None, that_day, time(0), MissedSlotRule.ALWAYS),
    Job(JobName.AUDIT_SEAL, None, day_after, time(0), MissedSlotRule.ALWAYS),
    # One for each kind of period; the names of their slots tell them apart.
    *(Job(JobName.ASSESS, kind, day_after, time(0), MissedSlotRule.ALWAYS) for kind in PeriodKind),
    *(
        Job(JobName.FREEZE, kind, day_of_freeze, time(0), MissedSlotRule.ALWAYS)
        for kind in PeriodKind
    ),
    Job(
        JobName.SETTLED_FIGURES,
        PeriodKind.MONTH,
        second_workday_from_freeze,
        rules.SETTLED_AT,
        MissedSlotRule.ALWAYS,
    ),
    # at night: it writes for long; a later run finds all that an earlier one would have
    Job(JobName.RETENTION, PeriodKind.MONTH, that_day, time(3), MissedSlotRule.UNTIL_NEXT),
)


def _from(cycle: PeriodKind | None, on: date) -> Iterator[Subject]:
    if cycle is None:
        while True:
            yield Subject(on.isoformat(), on, on)
            on += DAY
    period = Period.holding(cycle, on)
    while True:
        yield Subject(period.name, period.first, period.last)
        period = period.after


def _first_date_after(job: Job, slot_name: str) -> date:
    if job.cycle is None:
        return date.fromisoformat(slot_name) + DAY
    return Period.parse(slot_name).last + DAY


def slots(
    job: Job, calendar: WorkingCalendar, *, since: datetime, last: str | None = None
) -> Iterator[Slot]:
    """The job's slots due from `since` on, without end; with `last`, those after that one.

    The order follows the period that a slot is about, not its due date, so that a later change of
    the calendar neither drops a slot nor repeats one.
    """
    begin = _first_date_after(job, last) if last else civil_date(since) - LONGEST_WAIT
    for subject in _from(job.cycle, begin):
        # None: the job has no slot for it, as on a rest day
        due_on = job.due_on(calendar, subject)
        if due_on and (due_at := at_civil(due_on, job.at)) >= since:
            yield Slot(job, subject.name, due_at)


def precedes_clock(slot: Slot, clock_from: datetime) -> bool:
    """Whether the slot's period was over when the clock began; no job is about it (REGIME 5)."""
    if slot.job.cycle is None:
        return False
    return Period.parse(slot.name).last < civil_date(clock_from)


def superseded_at(slot: Slot, calendar: WorkingCalendar) -> datetime:
    """When a later slot of the job is due, which makes this one out of date."""
    # Not simply the next slot: after a week without a working day two digests are due at once.
    following = slots(slot.job, calendar, since=slot.due_at, last=slot.name)
    return next(later.due_at for later in following if later.due_at > slot.due_at)


def timing_of_slot(slot: Slot, calendar: WorkingCalendar, *, now: datetime) -> Timing:
    """What is to be done with the slot at that moment (REGIME 5)."""
    if now - slot.due_at <= ON_TIME:
        return Timing.ON_TIME

    match slot.job.lateness:
        case MissedSlotRule.ALWAYS:
            return Timing.LATE
        case MissedSlotRule.UNTIL_EVENING:
            in_use = now < at_civil(civil_date(slot.due_at), EVENING)
            return Timing.LATE if in_use else Timing.SKIPPED
        case MissedSlotRule.UNTIL_NEXT:
            in_use = now < superseded_at(slot, calendar)
            return Timing.LATE if in_use else Timing.SKIPPED
        case MissedSlotRule.UNTIL_NEXT_THEN_ARCHIVED:
            in_use = now < superseded_at(slot, calendar)
            return Timing.LATE if in_use else Timing.ARCHIVED
