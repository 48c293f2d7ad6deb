"""A tiny job for the tests: one message a slot for each person, so that once is once."""

import time
from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from crm.base.batches import Batch, Reading
from crm.base.clock import at_civil
from crm.base.mail import Site
from crm.base.outbox import Message, MessageKind, State
from crm.jobs import ledger
from crm.jobs.models import JobPause
from crm.jobs.runner import Runner
from crm.jobs.timetable import JOBS, JobName, Slot, Timing
from crm.people.models import Person
from crm.transactions import transaction
from tests.factories import make_person
from tests.outbox import put

KINDS = {
    JobName.WEEKLY_DIGEST: MessageKind.WEEKLY,
    JobName.MONTHLY_DIGEST: MessageKind.MONTHLY,
    JobName.NUDGE: MessageKind.NUDGE,
}
SITE = Site(base_url="https://crm.test", mail_from="招商系统 <crm@crm.test>")


def at(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return at_civil(moment.date(), moment.time())


def mail_everybody(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    people = db.scalars(select(Person).order_by(Person.id)).all()
    return {"messages": sum(mail(db, person, slot, timing) for person in people)}


def mail(db: Session, person: Person, slot: Slot, timing: Timing) -> bool:
    kind = KINDS[slot.job.name]
    return put(
        db,
        kind=kind,
        dedupe_key=f"{kind}:zone:{person.username}:{slot.name}:-",
        person=person,
        subject=f"{kind.label} {slot.name}",
        text=f"{person.name}：{slot.name}",
        html=f"<p>{person.name}：{slot.name}</p>",
        at=slot.due_at,
        state=State.SKIPPED if timing is Timing.ARCHIVED else State.PENDING,
        note=None if timing is Timing.ON_TIME else timing.label,
    )


def mail_in_batches(
    reading: Reading, slot: Slot, timing: Timing, _site: Site, after: str
) -> Iterator[Batch]:
    """A batch for each person."""
    with reading() as db:
        others = select(Person).where(Person.username > after)
        people = db.scalars(others.order_by(Person.username)).all()

    for person in people:

        def write(db: Session, person: Person = person) -> Mapping[str, int]:
            return {"messages": int(mail(db, person, slot, timing))}

        yield Batch(write, person.username)


SECRET = "限知线索的名称"


def fail(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    mail_everybody(db, slot, timing, site)
    raise RuntimeError("编排出错")


def fail_in_the_database(db: Session, slot: Slot, timing: Timing, site: Site) -> Mapping[str, int]:
    db.add(JobPause(job="nudge", paused_at=slot.due_at, why=SECRET))
    db.add(JobPause(job="nudge", paused_at=slot.due_at, why=SECRET))
    db.flush()
    return {}


def runner_of(sessions: sessionmaker[Session], **work: object) -> Runner:
    works = {name: work.get(name.name.lower(), mail_everybody) for name in JobName}
    jobs = [job for job in JOBS if job.name in KINDS]  # those that mail
    return Runner(sessions, SITE, jobs, works)


def install(sessions: sessionmaker[Session], since: str, *usernames: str) -> None:
    with transaction(sessions) as db:
        ledger.install(db, clock_from=at(since), now=at(since))
        for username in usernames:
            make_person(db, username)


def messages(sessions: sessionmaker[Session]) -> list[Message]:
    with sessions() as db:
        return list(db.scalars(select(Message).order_by(Message.id)))


def keys(sessions: sessionmaker[Session]) -> list[str]:
    return [message.dedupe_key for message in messages(sessions)]


def eventually(claim, seconds: float = 30) -> bool:
    """Whether it comes true within that time."""
    deadline = time.monotonic() + seconds
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.02)
    return claim()
