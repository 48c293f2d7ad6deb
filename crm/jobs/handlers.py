"""What each job does in its slot: the one place where the timetable meets the features."""

from collections.abc import Callable, Mapping
from datetime import date

from sqlalchemy.orm import Session

from crm.base.audit_trail import seal_day
from crm.base.mail import Site
from crm.base.periods import Period
from crm.digests import service as digests
from crm.jobs import ledger
from crm.jobs.timetable import JobName, Slot, Timing, superseded_at
from crm.leads.succession import keep_seen
from crm.quotas import service as quotas
from crm.quotas.correction_triggers import last_edit
from crm.quotas.queries import working_calendar
from crm.reassignment.service import settle_closed
from crm.supervision.escalation import draft_from_milestones, escalate_orders
from crm.supervision.reminders import remind_of_missed

# Everything is made as of the slot's own moment; the counts say what was made.
Work = Callable[[Session, Slot, Timing, Site], Mapping[str, int]]


def digests_of(make: Callable[..., Mapping[str, int]]) -> Work:
    """Make the digests of the slot's period."""

    def work(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
        return make(
            db,
            period=Period.parse(slot.name),
            at=slot.due_at,
            until=superseded_at(slot, working_calendar(db)),
            late=timing is not Timing.ON_TIME,
            mail=timing is not Timing.KEPT,
            site=site,
            since=ledger.began_on(db),
        )

    return work


def brief(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    """Brief everybody on the day."""
    return digests.make_briefs(db, at=slot.due_at, late=timing is not Timing.ON_TIME, site=site)


def supervise(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    """Tell the line of command what presses as the xun begins."""
    return digests.make_ten_day(
        db,
        period=Period.parse(slot.name),
        at=slot.due_at,
        until=superseded_at(slot, working_calendar(db)),
        late=timing is not Timing.ON_TIME,
        site=site,
    )


def nudge(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    """Tell those who are behind, once a rule, period and level."""
    return digests.nudge(db, at=slot.due_at, late=timing is not Timing.ON_TIME, site=site)


def seal_audit(db: Session, slot: Slot, _timing: Timing, _site: Site) -> Mapping[str, int]:
    """Seal the audit trail of the day that the slot is about."""
    return {"entries": seal_day(db, on=date.fromisoformat(slot.name), at=slot.due_at)}


def assess(db: Session, slot: Slot, _timing: Timing, _site: Site) -> Mapping[str, int]:
    """Keep the figures as they stand at the period's end."""
    return quotas.assess_period(db, period=Period.parse(slot.name), at=slot.due_at)


def freeze(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    """Freeze the figures, and remind of what was missed."""
    made = freeze_figures(db, slot)
    reminded = remind_of_missed(
        db,
        period=Period.parse(slot.name),
        at=slot.due_at,
        late=timing is not Timing.ON_TIME,
        site=site,
        since=ledger.began_on(db),
    )
    return {**made, **reminded}


def freeze_figures(db: Session, slot: Slot) -> Mapping[str, int]:
    """Freeze the figures of the slot's period.

    What was edited since the slot's moment makes corrections, whether the clock does the slot late
    or a run lives it as at its own moment.
    """
    edited_at = last_edit(db, since=slot.due_at)
    now = max(filter(None, (ledger.taken_at(db, slot), edited_at)))
    return quotas.freeze_period(db, period=Period.parse(slot.name), at=slot.due_at, now=now)


def escalate(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    """Draft orders of overdue milestones, and tell one level more of overdue orders.

    The supervisor is told of the stays that may not be set done in time any more, either.
    Before that, a restricted lead that nobody may see any more falls to somebody, and what is
    open in the name of closed accounts to their supervisors.
    """
    late = timing is not Timing.ON_TIME
    fallen = keep_seen(db, at=slot.due_at)
    left = settle_closed(db, at=slot.due_at, site=site)
    drafted = draft_from_milestones(db, at=slot.due_at, late=late, site=site)
    orders = escalate_orders(db, at=slot.due_at, late=late, site=site)
    lapsed = digests.tell_lapsed(db, at=slot.due_at, late=late, site=site)
    succeeded = {"succeeded": fallen} if fallen else {}
    return {**left, **drafted, **orders, **lapsed, **succeeded}


def tell_settled(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    """Tell what the settled figures changed against the month's digest."""
    period, late = Period.parse(slot.name), timing is not Timing.ON_TIME
    return digests.tell_settled(db, period=period, at=slot.due_at, late=late, site=site)


WORK: Mapping[str, Work] = {
    JobName.WEEKLY_DIGEST: digests_of(digests.make_weekly),
    JobName.MONTHLY_DIGEST: digests_of(digests.make_monthly),
    JobName.MORNING_BRIEF: brief,
    JobName.TEN_DAY: supervise,
    JobName.NUDGE: nudge,
    JobName.AUDIT_SEAL: seal_audit,
    JobName.ASSESS: assess,
    JobName.FREEZE: freeze,
    JobName.SETTLED_FIGURES: tell_settled,
    JobName.ESCALATE: escalate,
}
