"""The settled monthly report: what the frozen figures changed against the digest (REGIME 5)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.db import batches, insert_into
from crm.base.mail import Site
from crm.base.outbox import Message, MessageKind, State
from crm.base.periods import Period
from crm.digests.comments import Comment, comments, comments_for
from crm.digests.facts import Facts
from crm.digests.models import MonthlyComment, ReportedFigure
from crm.digests.permissions import OF_UNITS
from crm.digests.queries import active_people
from crm.digests.rules import SETTLED_AT, TaskCounts, day_of_settled_report
from crm.mailing.service import Envelope, post
from crm.people.models import Person, Unit
from crm.people.permissions import Viewer, viewers
from crm.people.queries import unit_tree
from crm.people.rules import Duty
from crm.quotas.models import RuleVersion
from crm.quotas.permissions import FEWEST, FigureScope, figure_scopes
from crm.quotas.queries import PersonFigure, figures, working_calendar
from crm.quotas.rules import FigureStatus


@dataclass(frozen=True, slots=True)
class FigureValues:
    """A figure's numbers, as reported in the digest or as frozen."""

    required: int
    achieved: int
    status: FigureStatus
    unit_id: int

    @property
    def numbers(self) -> tuple[int, int, FigureStatus]:
        """What the notice compares; a move to another unit alone is no change."""
        return self.required, self.achieved, self.status


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One person's figure as reported and as frozen; None where it exists on one side only."""

    person_id: int
    name: str
    unit_name: str
    rule_name: str
    duty: Duty
    period: Period
    before: FigureValues | None
    after: FigureValues | None

    @property
    def differs(self) -> bool:
        before, after = self.before, self.after
        return (before and before.numbers) != (after and after.numbers)

    @property
    def values(self) -> list[FigureValues]:
        return [values for values in (self.before, self.after) if values]

    def is_under(self, unit_ids: Collection[int]) -> bool:
        """Whether the figure belongs, or belonged, to one of the units."""
        return any(values.unit_id in unit_ids for values in self.values)

    def is_seen_by(self, scope: FigureScope) -> bool:
        """Whether the reader may see the person's figure where it is, or where it was."""
        return any(scope.sees(self.person_id, values.unit_id, self.duty) for values in self.values)


@dataclass(frozen=True, slots=True)
class RuleTotalsChange:
    """How many met a rule in a period, as reported and as frozen."""

    rule_name: str
    period: Period
    before: TaskCounts
    after: TaskCounts


@dataclass(frozen=True, slots=True)
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


def store_reported_figures(db: Session, facts: Facts) -> None:
    """Store what a monthly digest says of ended periods that are not frozen yet."""
    rows = [
        {
            "month": facts.period.name,
            "rule_code": found.figure.rule.code,
            "rule_name": found.figure.rule.name,
            "person_id": found.person_id,
            "period": found.figure.period.name,
            "unit_id": found.unit_id,
            "required": found.figure.required,
            "achieved": found.figure.achieved,
            "status": found.figure.status,
        }
        for found in facts.figures
        if found.figure.period in facts.spans.ended and not found.figure.settled
    ]

    # A digest that is made again must not overwrite what was sent.
    for part in batches(rows):
        insert = insert_into(db, ReportedFigure).values(part)
        db.execute(insert.on_conflict_do_nothing())


def send_settlement_notices(
    db: Session, *, period: Period, at: datetime, late: bool, site: Site
) -> Mapping[str, int]:
    """Tell each recipient of the month's digest what was frozen otherwise, and the comments."""
    counts: Counter[str] = Counter()
    digest_made_at = _digest_made_at(db, period)
    changes = _figure_changes(db, period, at) if digest_made_at else []
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
    return dict(rows.all())


def _figure_changes(db: Session, period: Period, at: datetime) -> list[FigureChange]:
    """Every figure that the digest reported before it was frozen, beside the frozen one."""
    duty = (
        select(RuleVersion.duty)
        .where(RuleVersion.code == ReportedFigure.rule_code)
        .order_by(RuleVersion.valid_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    reported = db.execute(
        select(ReportedFigure, Person.name, Unit.name, duty)
        .join(Person, Person.id == ReportedFigure.person_id)
        .join(Unit, Unit.id == ReportedFigure.unit_id)
        .where(ReportedFigure.month == period.name)
    ).all()
    frozen = {
        (found.figure.rule.code, found.person_id, name): found
        for name in {row.period for row, *_ in reported}
        for found in figures(db, period=Period.parse(name), as_of=at)
        if found.figure.settled
    }
    # A period that is not frozen yet has nothing to compare.
    frozen_periods = {name for _, _, name in frozen}
    changes = [
        _change(row, frozen.pop((row[0].rule_code, row[0].person_id, row[0].period), None))
        for row in reported
        if row[0].period in frozen_periods
    ]

    return changes + [_new_figure(found) for found in frozen.values()]


def _change(
    reported: Row[ReportedFigure, str, str, Duty], after: PersonFigure | None
) -> FigureChange:
    row, name, unit_name, duty = reported
    return FigureChange(
        row.person_id,
        name,
        after.unit_name if after else unit_name,
        row.rule_name,
        duty,
        Period.parse(row.period),
        FigureValues(row.required, row.achieved, row.status, row.unit_id),
        _values(after) if after else None,
    )


def _values(found: PersonFigure) -> FigureValues:
    figure = found.figure
    return FigureValues(figure.required, figure.achieved, figure.status, found.unit_id)


def _new_figure(found: PersonFigure) -> FigureChange:
    """A frozen figure that the digest did not report."""
    rule, period = found.figure.rule, found.figure.period
    person = (found.person_id, found.name, found.unit_name)
    return FigureChange(*person, rule.name, rule.duty, period, None, _values(found))


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
