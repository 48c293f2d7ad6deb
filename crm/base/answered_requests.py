"""Requests that have changed something, each under a key that its sender made.

A sender that got no answer sends again under the same key: the change is not made twice, and the
answer is the first one.
"""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, UniqueConstraint, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from crm.base.db import Base
from crm.base.value_class import value_class

KEPT_FOR = timedelta(days=30)  # longer than a device is without network


@value_class
class Answer:
    """Where an answer led, and the messages that the page there shows, as JSON."""

    location: str
    messages: str


class AnsweredRequest(Base):
    """A change, and the answer to whoever asked for it."""

    __tablename__ = "answered_request"
    __table_args__ = (UniqueConstraint("person_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    key: Mapped[str]
    content: Mapped[str]  # a hash of what was sent
    made_at: Mapped[datetime] = mapped_column(index=True)
    location: Mapped[str | None]  # none while the answer is under way
    messages: Mapped[str | None]
    # of the API, with the change: the status, and as JSON the id of what was made
    status: Mapped[int | None]
    answer: Mapped[str | None]


def find_answered(db: Session, person_id: int, key: str) -> AnsweredRequest | None:
    """The person's request of that key, if it has changed something."""
    return db.scalar(
        select(AnsweredRequest).where(
            AnsweredRequest.person_id == person_id, AnsweredRequest.key == key
        )
    )


def keep_answer(db: Session, person_id: int, key: str, answer: Answer, now: datetime) -> None:
    """Keep the answer of a request, and at times forget those that nobody sends again."""
    own = (AnsweredRequest.person_id == person_id, AnsweredRequest.key == key)
    values = {"location": answer.location, "messages": answer.messages}
    db.execute(update(AnsweredRequest).where(*own).values(values))

    if key.endswith("00"):  # one in 256: keys are random
        forget_old(db, now)


def forget_old(db: Session, now: datetime) -> None:
    """Forget requests that nobody sends again."""
    over = select(AnsweredRequest.id).where(AnsweredRequest.made_at < now - KEPT_FOR)
    locked = over.with_for_update(skip_locked=True)  # another process may be at it
    db.execute(delete(AnsweredRequest).where(AnsweredRequest.id.in_(locked)))
