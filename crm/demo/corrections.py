"""Edits after the freeze, applied between two slots of the clock."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, time
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.demo.events import CorrectionEvent
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import CorrectionRow
from crm.people.models import Person
from crm.people.queries import by_username
from crm.quotas.models import Correction
from crm.quotas.service import sign_correction
from crm.visits.fields import data_of
from crm.visits.models import Visit
from crm.visits.queries import LOADED
from crm.visits.service import change_visit


def correction_event(row: CorrectionRow, dates: RelativeDates) -> CorrectionEvent:
    """A correction with its moments."""
    edited_on = dates.workday_until(dates.read(row.day))
    signed_on = None if row.signed is None else dates.workday_until(dates.read(row.signed))
    return CorrectionEvent(
        row,
        at=at_civil(edited_on, time(17)),
        signed_at=at_civil(signed_on, time(10)) if signed_on else None,
    )


def correction_calls(
    corrections: Iterable[CorrectionEvent],
) -> Iterator[tuple[datetime, Callable[[Session], None]]]:
    """The calls to make once the clock has reached their moments."""
    for event in corrections:
        yield event.at, partial(_edit, event)
        if event.signed_at:
            yield event.signed_at, partial(_sign, event, event.signed_at)


def _edit(event: CorrectionEvent, db: Session) -> None:
    query = select(Visit).where(Visit.ref == event.row.visit).options(*LOADED)
    visit = db.scalars(query.execution_options(populate_existing=True)).one()
    leader = db.get_one(Person, visit.leader_id)
    row = event.row
    # all else stays, so the correction shows one change
    data = replace(data_of(visit), kind=row.kind, channel=row.channel, reason=row.why)
    change_visit(db, visit=visit, data=data, by=leader, now=event.at)


def _sign(event: CorrectionEvent, now: datetime, db: Session) -> None:
    signer = by_username(db, event.row.signed_by or "")
    assert signer is not None  # noqa: S101 - signers are people of the scenario
    made = select(Correction).where(Correction.made_at == event.at)
    for correction in db.scalars(made).all():  # none where holidays delayed the freeze
        sign_correction(db, correction=correction, by=signer, now=now)
