"""One call of an operation, as its handler is given it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import TypeVar

from pydantic import BaseModel
from sqlalchemy.orm import Session

from crm.api.operations import Operation
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.people.queries import by_username, people_by_id

T = TypeVar("T")
Answer = TypeVar("Answer", bound=BaseModel)


class NotFound(Exception):  # noqa: N818 - an answer, not a fault
    """There is no such record, or the caller may not know of it."""


class OutOfSight(Exception):  # noqa: N818 - an answer, not a fault
    """The change is made, and has taken the record out of the caller's sight."""


class Stale(Exception):  # noqa: N818 - an answer, not a fault
    """The record is not as If-Match says."""


@dataclass(slots=True)
class Call:
    """Who calls which operation, and when."""

    db: Session
    operation: Operation
    viewer: Viewer
    now: datetime
    on: date
    site: Site
    if_match: str | None = None
    is_matched: bool = field(default=False, init=False)

    @property
    def person(self) -> Person:
        """In whose name the program calls."""
        return self.viewer.person

    def match(self, shown: BaseModel) -> None:
        """Raise `Stale` where If-Match names another state; the caller holds the record's row."""
        self.is_matched = True
        if self.if_match is None or self.if_match.strip() == "*":
            return
        tags = {_bare(tag) for tag in self.if_match.split(",")}
        if etag_of(body_of(shown)) not in tags:
            raise Stale

    def after(self, show: Callable[["Call", int], Answer], row_id: int) -> Answer:
        """The record as `show` reads it after the change; `OutOfSight` where it no longer may."""
        self.db.flush()
        self.db.expire_all()
        try:
            return show(self, row_id)
        except NotFound:
            raise OutOfSight from None

    def person_id(self, username: str, field_name: str) -> int:
        """The id of the person; refused as `unknown_username`."""
        person = by_username(self.db, username)
        if person is None:
            raise Refused("unknown_username", field=field_name, username=username)
        return person.id

    def person_ids(self, usernames: Collection[str], field_name: str) -> list[int]:
        """Their ids; refused as `unknown_username`."""
        return [self.person_id(username, field_name) for username in dict.fromkeys(usernames)]

    def people(self, ids: Collection[int]) -> Callable[[int], Person]:
        """These people by their ids, read at once."""
        found = people_by_id(self.db, set(ids))
        return found.__getitem__


def found(row: T | None) -> T:
    """The row; `NotFound` where there is none of which the caller may know."""
    if row is None:
        raise NotFound
    return row


def body_of(shown: BaseModel) -> str:
    """The answer as it is sent."""
    return shown.model_dump_json()


def etag_of(body: str) -> str:
    """Names the state of a record: as the caller may see it, for others may see it otherwise."""
    return f'"{sha256(body.encode()).hexdigest()[:32]}"'


def same_state(header: str, etag: str) -> bool:
    """Whether If-None-Match names the state."""
    return header.strip() == "*" or etag in {_bare(tag) for tag in header.split(",")}


def _bare(tag: str) -> str:
    """The tag as it was made: a proxy weakens it, and compression adds its own name."""
    text = tag.strip().removeprefix("W/").strip('"').partition(":")[0]
    return f'"{text}"'
