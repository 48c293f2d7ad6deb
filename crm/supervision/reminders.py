"""Reminders of figures frozen as missed, and drafts where two are running (REGIME 5)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.db import batches, insert_into
from crm.base.formatting import period_name
from crm.base.mail import Site
from crm.base.mailbox import period_of
from crm.base.outbox import Message, MessageKind
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.queries import active_at
from crm.quotas.facts import PersonFigure
from crm.quotas.frozen import frozen_by_period
from crm.quotas.models import FigureRecord
from crm.quotas.permissions import supervisors_on
from crm.quotas.rules import Figure, FigureStatus
from crm.supervision.drafting import Cause, OrderData, draft_by_clock
from crm.supervision.history import note_and_record
from crm.supervision.models import Order, Reminder
from crm.supervision.rules import CLOSED, About, EntryKind, OrderKind, Origin

# Exempt periods in between are skipped, but two running lie within a year.
RUNNING = timedelta(days=366)
DEMAND = "请查明原因，提出整改措施，抓好落实，并按期反馈。"

Key = tuple[str, int]  # rule and person

_UNREAD = (
    select(Message.id, Message.dedupe_key)
    .where(
        Message.person_id == bindparam("person_id"),
        Message.kind == MessageKind.REMINDER,
        Message.read_at.is_(None),
        Message.made_at >= bindparam("made_after"),
    )
    .order_by(Message.id)
)


@value_class
class MissedLine:
    """A figure frozen as missed; `earlier` is set where it is the second one running."""

    username: str
    person_name: str
    unit_name: str
    figure: Figure
    earlier: Period | None  # the period before that was missed too
    is_drafted: bool  # a supervision order was drafted of it

    @property
    def short(self) -> int:
        """How much is missing."""
        return self.figure.required - self.figure.achieved


@value_class
class ReminderMail:
    """One reader's reminders after a freeze: of their own figures and of those they supervise."""

    reader_name: str
    period: Period
    own: tuple[MissedLine, ...]
    people: tuple[MissedLine, ...]  # by unit and name
    is_late: bool
    at: datetime


@value_class
class UnreadReminder:
    """A reminder as it lies in the mailbox, and the period of which it reminds."""

    message_id: int
    period: Period


@value_class
class _Missed:
    miss: PersonFigure
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
    """Remind once of each figure frozen as missed, and draft an order if two are running.

    REGIME 5: a period that ended before `since`, when the clock began, makes no draft.
    """
    new = _not_reminded(db, _missed(db, period, at), at)
    if not new:
        return {}

    supervisors = supervisors_on(db, civil_date(at))
    earlier = _missed_before(db, new, period, since)
    missed, drafted = [], 0

    for miss in new:
        above = supervisors.of_figure(miss)
        before = earlier.get(_key(miss))
        is_drafted = before is not None and draft_from_missed(db, miss, before, above, at)
        drafted += is_drafted
        line = MissedLine(miss.username, miss.name, miss.unit_name, miss.figure, before, is_drafted)
        missed.append(_Missed(miss, above, line))

    counts = {"reminders": len(new), "mails": _mail(db, missed, period, at, late=late, site=site)}

    return counts | ({"drafts": drafted} if drafted else {})


def draft_from_missed(
    db: Session, miss: PersonFigure, earlier: Period, above: Sequence[int], at: datetime
) -> bool:
    """Draft an order for a figure missed twice running; an order that is still open gets a note."""
    rule, period = miss.figure.rule, miss.figure.period
    query = select(Order).where(
        Order.rule_code == rule.code,
        Order.person_id == miss.person_id,
        Order.state.not_in(CLOSED),
    )
    # a second open order would ask the same of the same person
    if open_order := db.scalars(query.limit(1)).first():
        text = f"{period_name(period)}又未完成（{miss.figure.achieved}/{miss.figure.required}）"
        note_and_record(db, open_order, EntryKind.NOTED, by=None, now=at, text=text)
        return False

    period_names = f"{period_name(earlier)}、{period_name(period)}"
    data = OrderData(
        kind=OrderKind.NORMAL,
        origin=Origin.MISSED_TWICE,
        about=About.PERSON,
        matter=f"{miss.name}“{rule.name}”连续两期未完成（{period_names}）",
        demand=DEMAND,
        unit_id=miss.unit_id,
        person_id=miss.person_id,
        officer_id=above[0] if above else None,
    )
    cause = Cause(
        key=f"missed:{rule.code}:{miss.username}:{period.name}",
        rule_code=rule.code,
        period=period.name,
        earlier_period=earlier.name,
    )

    return draft_by_clock(db, data=data, cause=cause, now=at) is not None


def _missed(db: Session, period: Period, at: datetime) -> list[PersonFigure]:
    found = frozen_by_period(db, periods=[period], as_of=at)[period]
    missed = [miss for miss in found if miss.figure.status is FigureStatus.MISSED]
    return sorted(missed, key=lambda miss: (miss.unit_code, miss.username, miss.figure.rule.code))


def _not_reminded(db: Session, missed: Sequence[PersonFigure], at: datetime) -> list[PersonFigure]:
    """Store the reminders; the figures of those that were not stored before."""
    if not missed:
        return []

    rows = [
        {
            "rule_code": miss.figure.rule.code,
            "person_id": miss.person_id,
            "period": miss.figure.period.name,
            "made_at": at,
        }
        for miss in missed
    ]
    keys: set[tuple[str, int]] = set()
    # a statement takes only so many values
    for part in batches(rows):
        insert = insert_into(db, Reminder).values(part).on_conflict_do_nothing()
        new = insert.returning(Reminder.rule_code, Reminder.person_id)
        keys |= {(code, person_id) for code, person_id in db.execute(new)}

    return [miss for miss in missed if _key(miss) in keys]


def _missed_before(
    db: Session, missed: Iterable[PersonFigure], period: Period, since: date
) -> dict[Key, Period]:
    """The preceding period of the same kind, for each figure that was missed in it as well."""
    keys = {_key(miss) for miss in missed}
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

    return {key: before for key, (before, status) in last.items() if status is FigureStatus.MISSED}


def _key(miss: PersonFigure) -> Key:
    return miss.figure.rule.code, miss.person_id


def _mail(  # noqa: PLR0913 - as remind_of_missed
    db: Session,
    all_missed: Collection[_Missed],
    period: Period,
    at: datetime,
    *,
    late: bool,
    site: Site,
) -> int:
    """Send one mail to each person who missed something or supervises somebody who did."""
    own: defaultdict[int, list[MissedLine]] = defaultdict(list)
    people: defaultdict[int, list[MissedLine]] = defaultdict(list)

    for missed in all_missed:
        own[missed.miss.person_id].append(missed.line)
        for reader_id in missed.above:
            people[reader_id].append(missed.line)

    readers = select(Person).where(Person.id.in_({*own, *people}), active_at(at))

    return sum(
        _put(
            db,
            ReminderMail(
                reader.name, period, tuple(own[reader.id]), tuple(people[reader.id]), late, at
            ),
            reader,
            site,
        )
        for reader in db.scalars(readers.order_by(Person.username)).all()
    )


def _put(db: Session, mail: ReminderMail, reader: Person, site: Site) -> bool:
    kind = MessageKind.REMINDER
    key = f"{kind.value}:zone:{reader.username}:{mail.period.name}:-"
    return post(db, Envelope(kind, key, mail.at), person=reader, site=site, reminder=mail)


def unread_reminders(db: Session, person_id: int, on: date) -> list[UnreadReminder]:
    """Unread reminders of a person, until the period after the missed one has ended."""
    # only limits the search: a year and the year after it
    values = {"person_id": person_id, "made_after": at_civil(on - 2 * RUNNING)}
    reminders = (
        UnreadReminder(message_id, Period.parse(period_of(key)))
        for message_id, key in db.execute(_UNREAD, values)
    )
    return [reminder for reminder in reminders if on <= reminder.period.after.last]
