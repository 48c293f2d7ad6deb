"""What each job does in its slot: the one place where the timetable meets the features.

Everything is made as of the slot's own moment; the counts say what was made.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from sqlalchemy.orm import Session

from crm.base.audit_trail import seal_day
from crm.base.batches import Batch, Reading
from crm.base.mail import Site
from crm.base.periods import Period
from crm.digests.brief import make_briefs
from crm.digests.lapsed_stays import notify_lapsed_stays
from crm.digests.nudges import send_nudges
from crm.digests.service import DigestRun, digest_batches
from crm.digests.settlement_notice import send_settlement_notices
from crm.digests.ten_day import make_ten_day_reports
from crm.jobs import ledger
from crm.jobs.timetable import JobName, Slot, Timing, superseded_at
from crm.leads.succession import give_leads_nobody_sees
from crm.personal_data.clearing import clearing_batches
from crm.problems.shelf import take_up_shelved
from crm.quotas import service as quotas
from crm.quotas.queries import last_visit_edit, working_calendar
from crm.reassignment.service import settle_closed
from crm.results.review import tell_flagged
from crm.supervision.escalation import draft_from_milestones, escalate_orders
from crm.supervision.problem_orders import draft_from_problems
from crm.supervision.reminders import remind_of_missed
from crm.targets.freezing import freeze_results

Handler = Callable[[Session, Slot, Timing, Site], Mapping[str, int]]
BatchHandler = Callable[[Reading, Slot, Timing, Site, str], Iterator[Batch]]


def weekly_or_monthly_digests(
    reading: Reading, slot: Slot, timing: Timing, site: Site, after: str
) -> Iterator[Batch]:
    """The digests of the slot, for people whose username is greater than `after`."""
    with reading() as db:
        run = DigestRun(
            period=Period.parse(slot.name),
            at=slot.due_at,
            until=superseded_at(slot, working_calendar(db)),
            late=timing is not Timing.ON_TIME,
            mail=timing is not Timing.ARCHIVED,
            site=site,
            since=ledger.began_on(db),
        )
    return digest_batches(reading, run, after=after)


def morning_brief(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    return make_briefs(db, at=slot.due_at, late=timing is not Timing.ON_TIME, site=site)


def ten_day(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    return make_ten_day_reports(
        db,
        period=Period.parse(slot.name),
        at=slot.due_at,
        until=superseded_at(slot, working_calendar(db)),
        late=timing is not Timing.ON_TIME,
        site=site,
    )


def nudge(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    return send_nudges(db, at=slot.due_at, late=timing is not Timing.ON_TIME, site=site)


def seal_audit(db: Session, slot: Slot, _timing: Timing, _site: Site) -> Mapping[str, int]:
    """Seal the audit trail of the slot's day."""
    return {"entries": seal_day(db, on=date.fromisoformat(slot.name), at=slot.due_at)}


def assess(db: Session, slot: Slot, _timing: Timing, _site: Site) -> Mapping[str, int]:
    """Store the figures as they stand at the period's end."""
    return quotas.assess_period(db, period=Period.parse(slot.name), at=slot.due_at)


def freeze(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    """Freeze the figures, and send reminders of what was missed."""
    frozen = freeze_figures(db, slot)
    reminded = remind_of_missed(
        db,
        period=Period.parse(slot.name),
        at=slot.due_at,
        late=timing is not Timing.ON_TIME,
        site=site,
        since=ledger.began_on(db),
    )
    return {**frozen, **reminded}


def freeze_figures(db: Session, slot: Slot) -> Mapping[str, int]:
    """Freeze the figures of the slot's period; of a month its results, too.

    Edits since the slot's moment make corrections, whether the slot is done late or replayed as if
    on time.
    """
    period = Period.parse(slot.name)
    edited_at = last_visit_edit(db, period)
    now = max(filter(None, (ledger.claimed_at(db, slot), edited_at)))
    frozen = quotas.freeze_period(db, period=period, at=slot.due_at, now=now)
    results = freeze_results(db, period=period, at=slot.due_at)
    return {**frozen, "results": results} if results else frozen


def escalate(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    """Take up shelved problems, draft and escalate orders, report lapsed stays and flags."""
    late = timing is not Timing.ON_TIME

    # First: the steps below write to whoever is responsible now, never to a closed account.
    succeeded = give_leads_nobody_sees(db, at=slot.due_at)
    reassigned = settle_closed(db, at=slot.due_at, site=site)

    # before the drafts: what comes back from the shelf has its days on it added
    resumed = take_up_shelved(db, at=slot.due_at, late=late, site=site)
    drafted = {
        **draft_from_problems(db, at=slot.due_at, late=late, site=site),
        **draft_from_milestones(db, at=slot.due_at, late=late, site=site),
    }
    escalated = escalate_orders(db, at=slot.due_at, late=late, site=site)
    flagged = tell_flagged(db, at=slot.due_at, site=site)
    lapsed = notify_lapsed_stays(db, at=slot.due_at, late=late, site=site)

    counts = {**reassigned, **resumed, **drafted, **escalated, **flagged, **lapsed}
    return {**counts, "succeeded": succeeded} if succeeded else counts


def settled_figures(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    period, late = Period.parse(slot.name), timing is not Timing.ON_TIME
    return send_settlement_notices(db, period=period, at=slot.due_at, late=late, site=site)


def clear_what_is_over(
    reading: Reading, slot: Slot, _timing: Timing, site: Site, after: str
) -> Iterator[Batch]:
    """Clear personal data whose period is over, as of the slot."""
    return clearing_batches(reading, slot.due_at, site, after=after)


HANDLERS: Mapping[str, Handler] = {
    JobName.MORNING_BRIEF: morning_brief,
    JobName.TEN_DAY: ten_day,
    JobName.NUDGE: nudge,
    JobName.AUDIT_SEAL: seal_audit,
    JobName.ASSESS: assess,
    JobName.FREEZE: freeze,
    JobName.SETTLED_FIGURES: settled_figures,
    JobName.ESCALATE: escalate,
}

# What is made for so many people, or of so many rows, that it is written in batches.
BATCH_HANDLERS: Mapping[str, BatchHandler] = {
    JobName.WEEKLY_DIGEST: weekly_or_monthly_digests,
    JobName.MONTHLY_DIGEST: weekly_or_monthly_digests,
    JobName.RETENTION: clear_what_is_over,
}
