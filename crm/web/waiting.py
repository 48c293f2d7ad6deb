"""What waits for the signed-in person, each kind with its number and the way there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for
from sqlalchemy.orm import Session

from crm.people import deciding
from crm.people.queries import Viewer
from crm.people.rules import WITH_RECORDS
from crm.quotas.settled import count_corrections, for_signing, of_author, without_reason
from crm.quotas.verdicts import to_judge


@dataclass(frozen=True, slots=True)
class Wait:
    """One kind of thing that waits for somebody."""

    label: str
    count: int
    url: str
    icon: str


def waits(db: Session, me: Viewer, on: date, now: datetime) -> list[Wait]:
    """What waits for the viewer; no line where nothing of its kind does."""
    return [wait for wait in _all(db, me, on, now) if wait.count]


def _all(db: Session, me: Viewer, on: date, now: datetime) -> Iterator[Wait]:
    if me.judges:
        yield Wait(
            "超期补录的拜访待确认",
            len(to_judge(db, me, now)),
            url_for("compliance.board", tab="waiting"),
            "clipboard-check",
        )
        yield Wait(
            "请假待审批",
            len(deciding.waiting(db, me, on)),
            url_for("absences.listing", view="waiting"),
            "calendar-off",
        )
        yield Wait(
            "定稿数的更正待签认",
            count_corrections(db, for_signing(me)),
            url_for("compliance.board", tab="corrections"),
            "edit",
        )
    if me.role in WITH_RECORDS:
        yield Wait(
            "您的修改产生的更正，还没有说明原因",
            count_corrections(db, of_author(me.person_id) & without_reason()),
            url_for("compliance.board", tab="corrections"),
            "edit",
        )
