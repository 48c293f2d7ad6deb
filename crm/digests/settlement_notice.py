"""The settled monthly report: what the frozen figures changed against the digest (REGIME 5)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.mail import Site
from crm.base.outbox import Message, MessageKind, State
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.digests.comments import Comment, comments, comments_for
from crm.digests.models import MonthlyComment
from crm.digests.permissions import OF_UNITS
from crm.digests.queries import active_people
from crm.digests.reported_figures import FigureChange, FigureValues, figure_changes
from crm.digests.rules import SETTLED_AT, TaskCounts, day_of_settled_report
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.permissions import Viewer, viewers
from crm.people.queries import unit_tree
from crm.quotas.permissions import FEWEST, FigureScope, figure_scopes
from crm.quotas.queries import working_calendar
from crm.quotas.rules import FigureStatus


@value_class
class RuleTotalsChange:
    """How many met a rule in a period, as reported and as frozen."""

    rule_name: str
    period: Period
    before: TaskCounts
    after: TaskCounts


@value_class
class SettlementNotice:
    """The content of one notice; false where there is nothing to say."""

    period: Period
    zone_name: str
    name: str
    at: datetime
    is_late: bool
    reported_at: datetime
    own: tuple[FigureChange, ...] = ()
    rules: tuple[RuleTotalsChange, ...] = ()
    people: tuple[FigureChange, ...] = ()
    comments: tuple[Comment, ...] = ()  # what leaders released on the month
    is_comment: bool = False  # only a comment that was released after the report

    @property
    def has_changes(self) -> bool:
        return bool(self.own or self.rules or self.people)

    def __bool__(self) -> bool:
        return self.has_changes or bool(self.comments)


def send_settlement_notices(
    db: Session, *, period: Period, at: datetime, late: bool, site: Site
) -> Mapping[str, int]:
    """Tell each recipient of the month's digest what was frozen otherwise, and the comments."""
    counts: Counter[str] = Counter()
    digest_made_at = _digest_made_at(db, period)
    changes = figure_changes(db, period, at) if digest_made_at else []
    released = comments(db, period, at=at) if digest_made_at else []
    zone_name = _zone_name(db)

    # REGIME 5: only those who got the digest are told that its figures changed.
    people = [person for person in active_people(db, at) if person.id in digest_made_at]
    readers = list(viewers(db, people, civil_date(at)))
    scopes = figure_scopes(db, readers, civil_date(at))

    for reader in readers:
        blank = SettlementNotice(
            period, zone_name, reader.person.name, at, late, digest_made_at[reader.person_id]
        )
        notice = replace(
            _with_changes(blank, changes, reader, scopes[reader.person_id]),
            comments=tuple(comments_for(db, reader.person, released, at=at)),
        )
        is_sent = notice and _post(db, notice, reader.person, "zone", site)
        counts["told" if is_sent else "unchanged"] += 1

    return counts


def send_comment(db: Session, *, comment: MonthlyComment, site: Site, now: datetime) -> int:
    """Send a comment that was released after the settled report; how many mails were made.

    A comment that was released before is in the report itself.
    """
    month = Period.parse(comment.month)
    report_on = day_of_settled_report(working_calendar(db), month.last)
    if comment.released_at is None or comment.released_at <= at_civil(report_on, SETTLED_AT):
        return 0

    released = [
        found
        for found in comments(db, month, at=now)
        if found.at == comment.released_at and found.by_id == comment.by_id
    ]
    digest_made_at, zone_name = _digest_made_at(db, month), _zone_name(db)
    sent = 0

    for person in active_people(db, now):
        to_read = tuple(comments_for(db, person, released, at=now))
        # REGIME 5: to those who got the report, and not back to the author
        if person.id not in digest_made_at or person.id == comment.by_id or not to_read:
            continue
        notice = SettlementNotice(
            *(month, zone_name, person.name, now),
            is_late=False,
            reported_at=digest_made_at[person.id],
            comments=to_read,
            is_comment=True,
        )
        sent += _post(db, notice, person, f"comment-{comment.id}", site)

    return sent


def _zone_name(db: Session) -> str:
    units = unit_tree(db)
    return units[0].unit.name if units else ""


def _digest_made_at(db: Session, period: Period) -> dict[int, datetime]:
    """By person, when the month's digest that they were sent was made."""
    rows = db.execute(
        select(Message.person_id, Message.made_at).where(
            Message.kind == MessageKind.MONTHLY,
            Message.state != State.SKIPPED,  # kept in the mailbox, never sent
            Message.dedupe_key.like(f"%:{period.name}:-"),
        )
    )
    return {person_id: made_at for person_id, made_at in rows if person_id is not None}


def _with_changes(
    blank: SettlementNotice, changes: Sequence[FigureChange], reader: Viewer, scope: FigureScope
) -> SettlementNotice:
    """The notice with the changes that the reader may see."""
    of_units = [change for change in changes if change.is_under(scope.unit_ids)]
    of_units = of_units if reader.role in OF_UNITS else []
    own = [change for change in changes if change.person_id == reader.person_id]
    of_others = [
        change
        for change in of_units
        if change.differs and change.person_id != reader.person_id and change.is_seen_by(scope)
    ]

    return replace(
        blank,
        own=tuple(change for change in own if change.differs),
        rules=tuple(_rule_totals(of_units, scope)),
        people=tuple(sorted(of_others, key=_in_order)) if reader.oversees else (),
    )


def _in_order(change: FigureChange) -> tuple[str, str, str, str]:
    return change.unit_name, change.name, change.rule_name, change.period.name


def _rule_totals(changes: Iterable[FigureChange], scope: FigureScope) -> Iterable[RuleTotalsChange]:
    """By rule and period, where another number of people met it, or owed it.

    A rule that too few people owe is left out for readers who may not see their figures (REGIME 2).
    """
    by_rule: defaultdict[tuple[str, Period], list[FigureChange]] = defaultdict(list)
    for change in changes:
        by_rule[change.rule_name, change.period].append(change)

    for (rule_name, period), group in sorted(by_rule.items()):
        before = _count_tasks((change.before for change in group), scope.unit_ids)
        after = _count_tasks((change.after for change in group), scope.unit_ids)
        # REGIME 2: either number alone would give away the figures of few people.
        is_few = min(before.owing, after.owing) < FEWEST
        is_seen = all(change.is_seen_by(scope) for change in group)
        if before != after and (is_seen or not is_few):
            yield RuleTotalsChange(rule_name, period, before, after)


def _count_tasks(
    figure_values: Iterable[FigureValues | None], unit_ids: Collection[int]
) -> TaskCounts:
    is_met = [
        values.status is FigureStatus.MET
        for values in figure_values
        if values and values.unit_id in unit_ids and values.status is not FigureStatus.EXEMPT
    ]
    return TaskCounts(sum(is_met), len(is_met))


def _post(db: Session, notice: SettlementNotice, person: Person, subject: str, site: Site) -> bool:
    kind = MessageKind.SETTLED
    key = f"{kind.value}:{subject}:{person.username}:{notice.period.name}:-"
    return post(db, Envelope(kind, key, notice.at), person=person, site=site, notice=notice)
