"""What a freeze brings: reminders of what was missed, and drafts where it is two running."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.db import insert_into
from crm.base.formatting import period_name
from crm.base.mail import Site
from crm.base.mailbox import period_of
from crm.base.outbox import Message, MessageKind
from crm.base.periods import Period
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.queries import active_at
from crm.quotas.facts import PersonFigure
from crm.quotas.frozen import frozen_figures
from crm.quotas.models import FigureRecord
from crm.quotas.permissions import supervisors_on
from crm.quotas.rules import Figure, FigureStatus
from crm.supervision.drafting import Cause, OrderData, draft_by_clock
from crm.supervision.history import note_and_record
from crm.supervision.models import Order, Reminder
from crm.supervision.rules import CLOSED, About, EntryKind, OrderKind, Origin

# What is passed over as exempt or without a figure ends somewhere: two running are within a year.
RUNNING = timedelta(days=366)
DEMAND = "请查明原因，提出整改措施，抓好落实，并按期反馈。"

Key = tuple[str, int]  # rule and person


@dataclass(frozen=True, slots=True)
class MissedLine:
    """A figure that was frozen as missed, and whether it is the second one running."""

    username: str
    person_name: str
    unit_name: str
    figure: Figure
    earlier: Period | None  # the period before that was missed too
    is_drafted: bool  # a supervision order was drafted of it

    @property
    def short(self) -> int:
        """How much was left to do."""
        return self.figure.required - self.figure.achieved


@dataclass(frozen=True, slots=True)
class Reminding:
    """All that one reader is reminded of by a freeze: their own, and those whom they oversee."""

    reader_name: str
    period: Period
    own: tuple[MissedLine, ...]
    people: tuple[MissedLine, ...]  # by unit and name
    is_late: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class UnreadReminder:
    """A reminder as it lies in the mailbox, and the period of which it reminds."""

    message_id: int
    period: Period


@dataclass(frozen=True, slots=True)
class _Missed:
    one: PersonFigure
    above: Sequence[int]  # the nearest supervisors
    line: MissedLine


def remind_of_missed(  # noqa: PLR0913 - what a slot says, each by name
    db: Session,
    *,
    period: Period,
    at: datetime,
    late: bool,
    site: Site,
    since: date = date.min,
) -> Mapping[str, int]:
    """Remind of what was frozen as missed, and draft orders where it is two running: each once.

    `since`: the date on which the clock began; what ended before it makes no draft (REGIME 5).
    """
    new = _not_reminded(db, _missed(db, period, at), at)
    if not new:
        return {}

    supervisors = supervisors_on(db, civil_date(at))
    earlier = _missed_before(db, new, period, since)
    missed, drafted = [], 0

    for one in new:
        above = supervisors.of_figure(one)
        before = earlier.get(_key(one))
        is_drafted = before is not None and draft_from_missed(db, one, before, above, at)
        drafted += is_drafted
        line = MissedLine(one.username, one.name, one.unit_name, one.figure, before, is_drafted)
        missed.append(_Missed(one, above, line))

    made = {"reminders": len(new), "mails": _mail(db, missed, period, at, late=late, site=site)}

    return made | ({"drafts": drafted} if drafted else {})


def draft_from_missed(
    db: Session, one: PersonFigure, earlier: Period, above: Sequence[int], at: datetime
) -> bool:
    """Draft an order of a figure missed twice running; while one is open it is noted there."""
    rule, period = one.figure.rule, one.figure.period
    query = select(Order).where(
        Order.rule_code == rule.code,
        Order.person_id == one.person_id,
        Order.state.not_in(CLOSED),
    )
    if going := db.scalars(query.limit(1)).first():
        text = f"{period_name(period)}又未完成（{one.figure.achieved}/{one.figure.required}）"
        note_and_record(db, going, EntryKind.NOTED, by=None, now=at, text=text)
        return False

    spoken = f"{period_name(earlier)}、{period_name(period)}"
    data = OrderData(
        kind=OrderKind.NORMAL,
        origin=Origin.MISSED_TWICE,
        about=About.PERSON,
        matter=f"{one.name}“{rule.name}”连续两期未完成（{spoken}）",
        demand=DEMAND,
        unit_id=one.unit_id,
        person_id=one.person_id,
        officer_id=above[0] if above else None,
    )
    cause = Cause(
        key=f"missed:{rule.code}:{one.username}:{period.name}",
        rule_code=rule.code,
        period=period.name,
        earlier_period=earlier.name,
    )

    return draft_by_clock(db, data=data, cause=cause, now=at) is not None


def _missed(db: Session, period: Period, at: datetime) -> list[PersonFigure]:
    found = frozen_figures(db, period=period, as_of=at)
    missed = [one for one in found if one.figure.status is FigureStatus.MISSED]
    return sorted(missed, key=lambda one: (one.unit_code, one.username, one.figure.rule.code))


def _not_reminded(db: Session, missed: Sequence[PersonFigure], at: datetime) -> list[PersonFigure]:
    """Write the reminders down; those that were not there yet."""
    if not missed:
        return []

    rows = [
        {
            "rule_code": one.figure.rule.code,
            "person_id": one.person_id,
            "period": one.figure.period.name,
            "made_at": at,
        }
        for one in missed
    ]
    insert = insert_into(db, Reminder).values(rows).on_conflict_do_nothing()
    new = db.execute(insert.returning(Reminder.rule_code, Reminder.person_id)).all()
    keys = {(code, person_id) for code, person_id in new}

    return [one for one in missed if _key(one) in keys]


def _missed_before(
    db: Session, missed: Iterable[PersonFigure], period: Period, since: date
) -> dict[Key, Period]:
    """Of each, the period before, where the figure last owed in one of its kind was missed too."""
    keys = {_key(one) for one in missed}
    query = (
        select(
            *(FigureRecord.rule_code, FigureRecord.person_id),
            *(FigureRecord.period, FigureRecord.frozen_status),
        )
        .where(
            FigureRecord.person_id.in_({person_id for _, person_id in keys}),
            FigureRecord.last_on < period.first,
            FigureRecord.last_on >= max(period.first - RUNNING, since),
            FigureRecord.frozen_status.is_not(None),
            FigureRecord.frozen_status != FigureStatus.EXEMPT,
        )
        .order_by(FigureRecord.last_on)
    )
    last: dict[Key, tuple[Period, FigureStatus | None]] = {}

    for code, person_id, name, status in db.execute(query):
        if (code, person_id) in keys and (before := Period.parse(name)).kind is period.kind:
            last[code, person_id] = before, status  # the latest is read last

    return {key: one for key, (one, status) in last.items() if status is FigureStatus.MISSED}


def _key(one: PersonFigure) -> Key:
    return one.figure.rule.code, one.person_id


def _mail(  # noqa: PLR0913 - as remind_of_missed
    db: Session,
    missed: Collection[_Missed],
    period: Period,
    at: datetime,
    *,
    late: bool,
    site: Site,
) -> int:
    """One mail to each who missed something or oversees somebody who did."""
    own: defaultdict[int, list[MissedLine]] = defaultdict(list)
    people: defaultdict[int, list[MissedLine]] = defaultdict(list)

    for each in missed:
        own[each.one.person_id].append(each.line)
        for reader_id in each.above:
            people[reader_id].append(each.line)

    readers = select(Person).where(Person.id.in_({*own, *people}), active_at(at))

    return sum(
        _put(
            db,
            Reminding(
                reader.name, period, tuple(own[reader.id]), tuple(people[reader.id]), late, at
            ),
            reader,
            site,
        )
        for reader in db.scalars(readers.order_by(Person.username)).all()
    )


def _put(db: Session, told: Reminding, reader: Person, site: Site) -> bool:
    kind = MessageKind.REMINDER
    key = f"{kind.value}:zone:{reader.username}:{told.period.name}:-"
    return post(db, Envelope(kind, key, told.at), person=reader, site=site, reminder=told)


def unread_reminders(db: Session, person_id: int, on: date) -> list[UnreadReminder]:
    """The reminders of a person that are not read, until the period after theirs has ended."""
    query = select(Message.id, Message.dedupe_key).where(
        Message.person_id == person_id,
        Message.kind == MessageKind.REMINDER,
        Message.read_at.is_(None),
        Message.made_at >= at_civil(on - 2 * RUNNING),
    )
    found = (
        UnreadReminder(message_id, Period.parse(period_of(key)))
        for message_id, key in db.execute(query.order_by(Message.id))
    )
    return [reminder for reminder in found if on <= reminder.period.after.last]
