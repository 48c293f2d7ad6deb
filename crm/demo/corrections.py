"""What is set right after its period was frozen, lived between two slots of the clock."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, time
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.demo.dates import Days
from crm.demo.files import CorrectionRow
from crm.demo.values import CorrectionTold
from crm.people.models import Person
from crm.people.queries import by_username, viewer
from crm.quotas.models import Correction
from crm.quotas.service import sign_correction
from crm.visits.links import links_of
from crm.visits.models import Visit
from crm.visits.service import VisitData, change_visit

TOLD = (
    "status", "starts_at", "ends_at", "city", "leader_id", "met", "position", "minutes",
    "next_step", "note", "trip",
)  # fmt: skip


def tell_correction(row: CorrectionRow, when: Days) -> CorrectionTold:
    """A correction with its moments."""
    told_on = when.workday_until(when.read(row.day))
    signed_on = None if row.signed is None else when.workday_until(when.read(row.signed))
    return CorrectionTold(
        row,
        at=at_civil(told_on, time(17)),
        signed_at=at_civil(signed_on, time(10)) if signed_on else None,
    )


def afterwards(
    corrections: Iterable[CorrectionTold],
) -> Iterator[tuple[datetime, Callable[[Session], None]]]:
    """What happens when, to be done once the clock has come to that moment."""
    for told in corrections:
        yield told.at, partial(_set_right, told)
        if told.signed_at:
            yield told.signed_at, partial(_sign, told, told.signed_at)


def _set_right(told: CorrectionTold, db: Session) -> None:
    visit = db.scalars(select(Visit).where(Visit.ref == told.row.visit)).one()
    leader = db.get_one(Person, visit.leader_id)
    on = civil_date(told.at)
    beside = links_of(db, visit, viewer(db, leader, on), on)
    data = VisitData(
        kind=told.row.kind,
        channel=told.row.channel,
        participant_ids=beside.participant_ids,
        lead_ids=beside.lead_ids,
        reason=told.row.why,
        **{name: getattr(visit, name) for name in TOLD},
    )
    change_visit(db, visit=visit, data=data, by=leader, now=told.at)


def _sign(told: CorrectionTold, now: datetime, db: Session) -> None:
    signer = by_username(db, told.row.signed_by or "")
    assert signer is not None  # noqa: S101 - who signs is of the zone
    made = select(Correction).where(Correction.made_at == told.at)
    for correction in db.scalars(made).all():  # none where holidays put the freeze off till later
        sign_correction(db, correction=correction, by=signer, now=now)
