"""What each job does in its slot: the one place where the timetable meets the features."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from crm.base.mail import Site
from crm.base.periods import Period
from crm.digests import service as digests
from crm.jobs.timetable import JobName, Slot, Timing

# Everything is made as of the slot's own moment; the counts say what was made.
Work = Callable[[Session, Slot, Timing, Site], Mapping[str, int]]


def weekly_digest(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    """Make the digests of the slot's week."""
    return digests.make_weekly(
        db,
        period=Period.parse(slot.name),
        at=slot.due_at,
        late=timing is not Timing.ON_TIME,
        mail=timing is not Timing.KEPT,
        site=site,
    )


def monthly_digest(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    """Make the digests of the slot's month."""
    return digests.make_monthly(
        db,
        period=Period.parse(slot.name),
        at=slot.due_at,
        late=timing is not Timing.ON_TIME,
        mail=timing is not Timing.KEPT,
        site=site,
    )


def nudge(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    """Tell those who are behind, once a rule, period and level."""
    return digests.nudge(db, at=slot.due_at, late=timing is not Timing.ON_TIME, site=site)


WORK: Mapping[str, Work] = {
    JobName.WEEKLY_DIGEST: weekly_digest,
    JobName.MONTHLY_DIGEST: monthly_digest,
    JobName.NUDGE: nudge,
}
