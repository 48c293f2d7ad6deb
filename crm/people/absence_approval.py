"""Who approves and sees which absence (REGIME 2: a supervisor in scope approves)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true
from sqlalchemy.orm import Session, joinedload

from crm.base.paging import Page, page_of
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.people.models import Absence, Person, Posting
from crm.people.permissions import Viewer, people_in, viewer
from crm.people.queries import UnitNode, held_on, open_through, units_above
from crm.people.rules import AbsenceStatus, Role


@value_class
class Deciding:
    """The people whose absences the viewer decides on, by today's primary unit."""

    viewer: Viewer
    supervisors: Mapping[int, frozenset[int]]  # those above each unit, for an admin to know

    def may_decide_for(self, person_id: int, unit_id: int | None) -> bool:
        """Whether the viewer decides for that person of that unit; never for themselves."""
        if person_id == self.viewer.person_id:
            return False
        match self.viewer.role:
            case Role.SUPERVISOR:
                return unit_id in self.viewer.unit_ids
            case Role.ADMIN:  # for those above whom nobody is
                above = self.supervisors.get(unit_id, frozenset()) if unit_id else frozenset()
                return not above - {person_id}
        return False


def deciding(db: Session, viewer: Viewer, on: date) -> Deciding:
    """Whose absences the viewer decides on."""
    if viewer.role is not Role.ADMIN:
        return Deciding(viewer, {})
    above = remembered_long(
        db, "supervisors above", on, read=lambda: _supervisors(db, viewer.tree, on)
    )
    return Deciding(viewer, above)


def may_decide(db: Session, by: Person, person_id: int, on: date) -> bool:
    """Whether they decide on that person's absences on the date."""
    unit_id = db.scalar(
        select(Posting.unit_id).where(
            Posting.person_id == person_id, Posting.is_primary, held_on(on)
        )
    )
    return deciding(db, viewer(db, by, on), on).may_decide_for(person_id, unit_id)


def waiting(db: Session, viewer: Viewer, on: date) -> list[Absence]:
    """The absences that wait for the viewer's decision, the earliest first, with their people."""
    if not viewer.judges:
        return []

    home = and_(Posting.person_id == Absence.person_id, Posting.is_primary, held_on(on))
    asked = (
        select(Absence, Posting.unit_id)
        # whoever has no unit now falls to an admin, and must not be left out
        .outerjoin(Posting, home)
        .where(Absence.status == AbsenceStatus.ASKED, Absence.person_id != viewer.person_id)
        .options(joinedload(Absence.person))
        .order_by(Absence.from_on, Absence.id)
    )
    rows = db.execute(asked).all()
    mine = deciding(db, viewer, on) if rows else None

    return [
        absence
        for absence, unit_id in rows
        if mine and mine.may_decide_for(absence.person_id, unit_id)
    ]


def visible(viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Absences that the viewer sees: their own, and those of the people in scope."""
    own = Absence.person_id == viewer.person_id
    if not viewer.oversees:
        return own if viewer.role is not Role.READER else false()
    if viewer.role is Role.ADMIN:
        return true()
    return or_(own, Absence.person_id.in_(people_in(viewer.unit_ids, on)))


def answered(db: Session, person_id: int, since: datetime) -> Sequence[Absence]:
    """The person's absences that somebody else has decided on since then, the latest first."""
    # the last decision: a later change replaces the approval
    last = func.coalesce(Absence.changed_at, Absence.approved_at)
    by_id = func.coalesce(Absence.changed_by_id, Absence.approved_by_id)
    query = select(Absence).where(
        Absence.person_id == person_id,
        Absence.asked_at.is_not(None),
        last >= since,
        by_id != person_id,
    )
    return db.scalars(query.options(joinedload(Absence.person)).order_by(last.desc())).all()


def _supervisors(db: Session, tree: Sequence[UnitNode], on: date) -> dict[int, frozenset[int]]:
    """Of each unit, the supervisors who are posted there or above."""
    posted: defaultdict[int, set[int]] = defaultdict(set)
    rows = db.execute(
        select(Posting.unit_id, Posting.person_id)
        .join(Person, Posting.person_id == Person.id)
        .where(Person.role == Role.SUPERVISOR, open_through(on), held_on(on))
    )
    for unit_id, person_id in rows:
        posted[unit_id].add(person_id)

    return {
        node.unit.id: frozenset().union(*(posted[up] for up in units_above(tree, node.unit.id)))
        for node in tree
    }


def absences_between(  # noqa: PLR0913 - whose, from when to when, before whom
    db: Session,
    viewer: Viewer,
    people: Collection[int],
    first: date,
    last: date,
    *,
    on: date,
) -> Sequence[Absence]:
    """The approved absences of these people in the span that the viewer sees, people loaded."""
    query = select(Absence).where(
        Absence.person_id.in_(people),
        Absence.status == AbsenceStatus.APPROVED,
        Absence.from_on <= last,
        Absence.to_on >= first,
        visible(viewer, on),
    )
    loaded = query.options(joinedload(Absence.person))
    return db.scalars(loaded.order_by(Absence.from_on, Absence.id)).all()


def visible_absence(db: Session, viewer: Viewer, absence_id: int, on: date) -> Absence | None:
    """The absence with its person, where the viewer may see it."""
    query = select(Absence).where(Absence.id == absence_id, visible(viewer, on))
    return db.scalar(query.options(joinedload(Absence.person)))


def absence_of(db: Session, person_id: int, absence_id: int) -> Absence | None:
    """That absence, where it is the person's."""
    query = select(Absence).where(Absence.id == absence_id, Absence.person_id == person_id)
    return db.scalar(query)


def own_page(db: Session, viewer: Viewer, cursor: str | None) -> Page[Absence]:
    """The viewer's own absences, the latest first."""
    return _page(db, Absence.person_id == viewer.person_id, cursor)


def team_page(db: Session, viewer: Viewer, on: date, cursor: str | None) -> Page[Absence]:
    """Absences of others that the viewer may see, the latest first."""
    return _page(db, and_(visible(viewer, on), Absence.person_id != viewer.person_id), cursor)


def _page(db: Session, seen: ColumnElement[bool], cursor: str | None) -> Page[Absence]:
    query = select(Absence).where(seen).options(joinedload(Absence.person))
    return page_of(db, query, on=Absence.from_on, row_id=Absence.id, cursor=cursor)
