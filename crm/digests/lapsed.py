"""The supervisor is told of a stay that was not set done while it might be (REGIME 3)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.base.periods import DAY
from crm.digests.content import VisitLine
from crm.digests.lines import visit_line
from crm.digests.permissions import Sight, visible_ids
from crm.digests.queries import VisitFact, active_people, ended_stays
from crm.leads.queries import lead_labels
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.queries import UnitNode, posted_as, unit_tree, units_above, viewer
from crm.people.rules import Role
from crm.quotas.permissions import figure_scope
from crm.quotas.stays import settle_until
from crm.visits.models import Visit
from crm.visits.permissions import unit_of_leader


@dataclass(frozen=True, slots=True)
class LapsedStay:
    """A stay that has lapsed, as its mail tells of it."""

    visit: VisitLine
    reader_name: str
    within_days: int
    is_late: bool
    at: datetime


def tell_lapsed(db: Session, *, at: datetime, late: bool, site: Site) -> Mapping[str, int]:
    """Tell the supervisor of each stay that may be set done in time no longer, from this day on.

    Every day has its slot, so none is missed and none is told of again.
    """
    ended = ended_stays(db, at)
    until = settle_until(db, [one.facts for one in ended])
    lapsed = [one for one in ended if until[one.facts.id] + DAY == civil_date(at)]
    told = 0
    for one, readers in _with_readers(db, lapsed, at):
        within_days = (until[one.facts.id] - one.facts.last_on).days
        for reader in readers:
            line = _line(db, one, reader, at)
            notice = LapsedStay(line, reader.name, within_days, late, at)
            told += _post(db, one, reader, notice, site)
    return {"lapsed": told} if told else {}


def _with_readers(
    db: Session, lapsed: Collection[VisitFact], at: datetime
) -> Iterable[tuple[VisitFact, list[Person]]]:
    if not lapsed:
        return
    people = {person.id: person for person in active_people(db, at)}
    admins = [person.id for person in people.values() if person.role is Role.ADMIN]
    units, holders = unit_tree(db), posted_as(db, {Role.SUPERVISOR}, at)
    ids = [one.facts.id for one in lapsed]
    unit_of = dict(db.execute(select(Visit.id, unit_of_leader()).where(Visit.id.in_(ids))).all())
    for one in lapsed:
        found = _judges(one, unit_of[one.facts.id], units, holders) or admins
        yield one, [people[each] for each in found]


def _judges(
    one: VisitFact,
    unit_id: int | None,
    units: Iterable[UnitNode],
    holders: Mapping[int, Collection[int]],
) -> list[int]:
    """The supervisors of the nearest unit up the tree where one may judge the visit."""
    concerned = one.people | {one.entered_by_id}
    for unit in units_above(units, unit_id) if unit_id else ():
        if judges := [each for each in holders.get(unit, ()) if each not in concerned]:
            return judges
    return []


def _line(db: Session, one: VisitFact, reader: Person, at: datetime) -> VisitLine:
    on = civil_date(at)
    eyes = viewer(db, reader, on)
    labels = lead_labels(db, eyes, one.lead_ids, on)
    shown = visible_ids(db, eyes, {one.facts.id}, on)
    sight = Sight(eyes, figure_scope(db, eyes, on), labels, shown)
    return visit_line(one, sight, minutes=False)


def _post(db: Session, one: VisitFact, reader: Person, notice: LapsedStay, site: Site) -> bool:
    kind = MessageKind.STAY_LAPSED
    key = f"{kind.value}:{one.facts.ref}:{reader.username}:{one.facts.last_on.isoformat()}:-"
    return post(db, Envelope(kind, key, notice.at), person=reader, site=site, notice=notice)
