"""What the settled figures changed against the monthly digest, told to who got it (REGIME 5)."""

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
from crm.digests.models import MonthlyComment, ReportedFigure
from crm.digests.permissions import OF_UNITS
from crm.digests.queries import Facts, active_people
from crm.digests.rules import SETTLED_AT, TaskCounts, day_of_settled_report
from crm.mailing.service import Envelope, post
from crm.people.models import Person, Unit
from crm.people.queries import Viewer, unit_tree, viewers
from crm.people.rules import Duty
from crm.quotas.models import RuleVersion
from crm.quotas.permissions import FEWEST, FigureScope, figure_scopes
from crm.quotas.queries import PersonFigure, figures, working_calendar
from crm.quotas.rules import FigureStatus


@dataclass(frozen=True, slots=True)
class Told:
    """What one of the two said of a figure."""

    required: int
    achieved: int
    status: FigureStatus
    unit_id: int


@dataclass(frozen=True, slots=True)
class Change:
    """One person's figure in the digest and settled; none where it stood in one of them only."""

    person_id: int
    name: str
    unit_name: str
    rule_name: str
    duty: Duty
    period: Period
    before: Told | None
    after: Told | None

    @property
    def differs(self) -> bool:
        """Whether the numbers are others than the digest's."""
        return _numbers(self.before) != _numbers(self.after)

    def is_under(self, unit_ids: Collection[int]) -> bool:
        """Whether it stands under one of the units, or stood there."""
        return any(told.unit_id in unit_ids for told in (self.before, self.after) if told)

    def is_seen_by(self, scope: FigureScope) -> bool:
        """Whether the person's figure is the reader's to see, where it stands or stood."""
        told = [one for one in (self.before, self.after) if one]
        return any(scope.sees(self.person_id, one.unit_id, self.duty) for one in told)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """How many met a rule in a period, in the digest and settled."""

    rule_name: str
    period: Period
    before: TaskCounts
    after: TaskCounts


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one recipient of the digest is told; nothing to tell is false."""

    period: Period
    zone_name: str
    name: str
    at: datetime
    is_late: bool
    reported_at: datetime
    own: tuple[Change, ...]
    rules: tuple[RuleChange, ...]
    people: tuple[Change, ...]
    comments: tuple[Comment, ...] = ()  # what leaders released on the month
    is_comment: bool = False  # of one that was released after the report, and nothing else

    @property
    def has_changes(self) -> bool:
        """Whether anything changed that is theirs to see."""
        return bool(self.own or self.rules or self.people)

    def __bool__(self) -> bool:
        """Whether anything changed that is theirs to see, or was said of the month."""
        return self.has_changes or bool(self.comments)


def keep_reported(db: Session, facts: Facts) -> None:
    """Keep what the digest of a month says of ended periods that are not frozen yet."""
    rows = [
        {
            "month": facts.period.name,
            "rule_code": one.figure.rule.code,
            "rule_name": one.figure.rule.name,
            "person_id": one.person_id,
            "period": one.figure.period.name,
            "unit_id": one.unit_id,
            "required": one.figure.required,
            "achieved": one.figure.achieved,
            "status": one.figure.status,
        }
        for one in facts.figures
        if one.figure.period in facts.spans.ended and not one.figure.settled
    ]

    for part in batches(rows):
        insert = insert_into(db, ReportedFigure).values(part)
        db.execute(insert.on_conflict_do_nothing())


def tell_settled(
    db: Session, *, period: Period, at: datetime, late: bool, site: Site
) -> Mapping[str, int]:
    """Send each who got the month's digest what the settled figures changed, and what was said."""
    made: Counter[str] = Counter()
    got = _who_got_it(db, period)
    everything = _compared(db, period, at) if got else []
    said = comments(db, period, at=at) if got else []
    units = unit_tree(db)
    zone_name = units[0].unit.name if units else ""
    people = [one for one in active_people(db, at) if one.id in got]
    readers = list(viewers(db, people, civil_date(at)))
    scopes = figure_scopes(db, readers, civil_date(at))

    for eyes in readers:
        frame = Frame(period, zone_name, at, late, got[eyes.person_id])
        told = _settlement(eyes, scopes[eyes.person_id], everything, frame)
        told = replace(told, comments=tuple(comments_for(db, eyes.person, said, at=at)))
        made["told" if told and _send(db, told, eyes.person, site) else "unchanged"] += 1

    return made


def send_comment(db: Session, *, comment: MonthlyComment, site: Site, now: datetime) -> int:
    """Send a comment that is released once the report has gone out, alone; how many.

    One that is released before is in the report.
    """
    month = Period.parse(comment.month)
    report_on = day_of_settled_report(working_calendar(db), month.last)
    if comment.released_at is None or comment.released_at <= at_civil(report_on, SETTLED_AT):
        return 0

    found = [one for one in comments(db, month, at=now) if one.at == comment.released_at]
    said = [one for one in found if one.by_id == comment.by_id]
    got, units = _who_got_it(db, month), unit_tree(db)
    zone_name = units[0].unit.name if units else ""
    sent = 0

    for person in active_people(db, now):
        mine = tuple(comments_for(db, person, said, at=now))
        if person.id not in got or person.id == comment.by_id or not mine:
            continue
        told = Settlement(
            *(month, zone_name, person.name, now, False, got[person.id], (), (), ()),
            comments=mine,
            is_comment=True,
        )
        key = f"{MessageKind.SETTLED.value}:comment-{comment.id}:{person.username}:{month.name}:-"
        sent += post(
            db, Envelope(MessageKind.SETTLED, key, now), person=person, site=site, told=told
        )

    return sent


@dataclass(frozen=True, slots=True)
class Frame:
    """What is the same for every recipient, but for when their digest was made."""

    period: Period
    zone_name: str
    at: datetime
    is_late: bool
    reported_at: datetime


def _who_got_it(db: Session, period: Period) -> dict[int, datetime]:
    """By person, when the month's digest that they were sent was made."""
    rows = db.execute(
        select(Message.person_id, Message.made_at).where(
            Message.kind == MessageKind.MONTHLY,
            Message.state != State.SKIPPED,  # one that was kept and not sent
            Message.dedupe_key.like(f"%:{period.name}:-"),
        )
    )
    return dict(rows.all())


def _compared(db: Session, period: Period, at: datetime) -> list[Change]:
    """Every figure that the digest told unfrozen, beside what it is now that it is frozen."""
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
        (one.figure.rule.code, one.person_id, name): one
        for name in {row.period for row, *_ in reported}
        for one in figures(db, period=Period.parse(name), as_of=at)
        if one.figure.settled
    }
    closed = {name for _, _, name in frozen}
    changes = [
        _change(row, frozen.pop((row[0].rule_code, row[0].person_id, row[0].period), None))
        for row in reported
        if row[0].period in closed
    ]

    return changes + [_new(one) for one in frozen.values()]


def _change(found: Row[ReportedFigure, str, str, Duty], after: PersonFigure | None) -> Change:
    row, name, unit_name, duty = found
    return Change(
        row.person_id,
        name,
        after.unit_name if after else unit_name,
        row.rule_name,
        duty,
        Period.parse(row.period),
        Told(row.required, row.achieved, row.status, row.unit_id),
        _told(after) if after else None,
    )


def _told(one: PersonFigure) -> Told:
    figure = one.figure
    return Told(figure.required, figure.achieved, figure.status, one.unit_id)


def _new(one: PersonFigure) -> Change:
    rule, period = one.figure.rule, one.figure.period
    place = (one.person_id, one.name, one.unit_name)
    return Change(*place, rule.name, rule.duty, period, None, _told(one))


def _numbers(told: Told | None) -> tuple[int, int, FigureStatus] | None:
    return (told.required, told.achieved, told.status) if told else None


def _settlement(
    eyes: Viewer, scope: FigureScope, everything: Sequence[Change], frame: Frame
) -> Settlement:
    seen = [one for one in everything if one.is_under(scope.unit_ids)]
    seen = seen if eyes.role in OF_UNITS else []
    changed = [one for one in seen if one.differs and one.person_id != eyes.person_id]
    changed = [one for one in changed if one.is_seen_by(scope)]

    return Settlement(
        period=frame.period,
        zone_name=frame.zone_name,
        name=eyes.person.name,
        at=frame.at,
        is_late=frame.is_late,
        reported_at=frame.reported_at,
        own=tuple(one for one in everything if one.differs and one.person_id == eyes.person_id),
        rules=tuple(_rules(seen, scope)),
        people=tuple(sorted(changed, key=_in_order)) if eyes.oversees else (),
    )


def _in_order(one: Change) -> tuple[str, str, str, str]:
    return one.unit_name, one.name, one.rule_name, one.period.name


def _rules(seen: Iterable[Change], scope: FigureScope) -> Iterable[RuleChange]:
    """By rule and period, where another number of people met it, or owed it.

    Not of a rule that too few people owe, for who may not see their figures (REGIME 2).
    """
    alike: defaultdict[tuple[str, Period], list[Change]] = defaultdict(list)
    for one in seen:
        alike[one.rule_name, one.period].append(one)
    for (rule_name, period), some in sorted(alike.items()):
        before = _task_counts((one.before for one in some), scope.unit_ids)
        after = _task_counts((one.after for one in some), scope.unit_ids)
        is_few = min(before.owing, after.owing) < FEWEST
        is_seen = all(one.is_seen_by(scope) for one in some)
        if before != after and (is_seen or not is_few):
            yield RuleChange(rule_name, period, before, after)


def _task_counts(some: Iterable[Told | None], unit_ids: Collection[int]) -> TaskCounts:
    owed = [
        told.status is FigureStatus.MET
        for told in some
        if told and told.unit_id in unit_ids and told.status is not FigureStatus.EXEMPT
    ]
    return TaskCounts(sum(owed), len(owed))


def _send(db: Session, told: Settlement, person: Person, site: Site) -> bool:
    kind = MessageKind.SETTLED
    key = f"{kind.value}:zone:{person.username}:{told.period.name}:-"
    return post(db, Envelope(kind, key, told.at), person=person, site=site, told=told)
