"""The notice of a stay that was not completed in time, to those who judge it (REGIME 3)."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.digests.content import VisitLine
from crm.digests.lines import visit_line
from crm.digests.permissions import visibility_of_visits
from crm.digests.queries import VisitFact, active_people, ended_stays
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.queries import UnitNode, posted_as, unit_tree, units_above
from crm.people.rules import Role
from crm.quotas.pending_visits import last_dates_to_log
from crm.visits.models import Visit
from crm.visits.permissions import unit_of_leader


@value_class
class LapsedStay:
    """The content of one notice."""

    visit: VisitLine
    reader_name: str
    within_days: int
    is_late: bool
    at: datetime


def notify_lapsed_stays(db: Session, *, at: datetime, late: bool, site: Site) -> Mapping[str, int]:
    """Tell the supervisors of each stay that could be completed in time until yesterday.

    The job has a slot every day, so no stay is missed and none is reported twice.
    """
    on = civil_date(at)
    ended = ended_stays(db, at)
    until = last_dates_to_log(db, [stay.facts for stay in ended])
    lapsed = [stay for stay in ended if until[stay.facts.id] + DAY == on]
    sent = 0

    for stay, readers in _with_readers(db, lapsed, at):
        within_days = (until[stay.facts.id] - stay.facts.last_on).days
        for reader in readers:
            visibility = visibility_of_visits(db, reader, [stay], on)
            line = visit_line(stay, visibility, minutes=False)
            notice = LapsedStay(line, reader.name, within_days, late, at)
            sent += _post(db, stay, reader, notice, site)

    return {"lapsed": sent} if sent else {}


def _with_readers(
    db: Session, lapsed: Collection[VisitFact], at: datetime
) -> Iterable[tuple[VisitFact, list[Person]]]:
    """Each stay with its supervisors, or the admins where no supervisor may judge it."""
    if not lapsed:
        return
    people = {person.id: person for person in active_people(db, at)}
    admins = [person.id for person in people.values() if person.role is Role.ADMIN]
    units, supervisors = unit_tree(db), posted_as(db, {Role.SUPERVISOR}, at)
    ids = [stay.facts.id for stay in lapsed]
    unit_of = dict(db.execute(select(Visit.id, unit_of_leader()).where(Visit.id.in_(ids))).all())

    for stay in lapsed:
        found = _nearest_judges(stay, unit_of[stay.facts.id], units, supervisors) or admins
        yield stay, [people[person_id] for person_id in found]


def _nearest_judges(
    stay: VisitFact,
    unit_id: int | None,
    units: Iterable[UnitNode],
    supervisors: Mapping[int, Collection[int]],
) -> list[int]:
    """The supervisors of the nearest unit up the tree where one may judge the stay."""
    # REGIME 3: who took part in a visit or entered it does not judge it.
    involved = stay.people | {stay.entered_by_id}
    for unit in units_above(units, unit_id) if unit_id else ():
        judges = [person_id for person_id in supervisors.get(unit, ()) if person_id not in involved]
        if judges:
            return judges
    return []


def _post(db: Session, stay: VisitFact, reader: Person, notice: LapsedStay, site: Site) -> bool:
    kind = MessageKind.STAY_LAPSED
    # with the last date: a stay that is extended may lapse again
    key = f"{kind.value}:{stay.facts.ref}:{reader.username}:{stay.facts.last_on.isoformat()}:-"
    return post(db, Envelope(kind, key, notice.at), person=reader, site=site, notice=notice)
