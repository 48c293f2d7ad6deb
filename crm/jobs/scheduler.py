"""The adapter to APScheduler, which only says *wake up*: data decides what is due (DESIGN 3)."""

from collections.abc import Callable, Sequence

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from crm.base import clock
from crm.jobs.timetable import Job

TICK_SECONDS = 30


def wake_ups(wake: Callable[[], object], jobs: Sequence[Job]) -> BackgroundScheduler:
    """A scheduler, not yet started, that wakes at the jobs' times of day and every tick beside."""
    zone = clock.civil(clock.now()).tzinfo
    scheduler = BackgroundScheduler(
        timezone=zone,
        # Its own misfire limit is one second, after which a wake-up would be lost (DESIGN 3).
        job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
    )
    scheduler.add_job(wake, IntervalTrigger(seconds=TICK_SECONDS, timezone=zone), id="tick")
    for at in sorted({job.at for job in jobs}):
        trigger = CronTrigger(hour=at.hour, minute=at.minute, timezone=zone)
        scheduler.add_job(wake, trigger, id=f"at {at:%H:%M}")
    return scheduler
