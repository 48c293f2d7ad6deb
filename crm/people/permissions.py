"""A person's scope, and whose records they may see (REGIME 2)."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import field, replace
from datetime import date
from typing import NamedTuple

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.people.delegations import held_by
from crm.people.models import Person, Posting
from crm.people.queries import UnitNode, held_on, unit_tree, units_below, units_held
from crm.people.rules import JUDGING, OVERSEEING, STANDING_IN, WITH_RECORDS, Role


@value_class
class Principal:
    """Somebody for whom a viewer stands in (代理), with the units that are theirs to see."""

    person_id: int
    name: str
    role: Role
    unit_ids: frozenset[int]


@value_class
class Viewer:
    """A person with the units that are theirs to see: those of their postings and all below."""

    person: Person
    unit_ids: frozenset[int]
    # all units, kept so that a request reads them once; empty for a recruiter
    tree: Sequence[UnitNode] = field(default=(), compare=False, repr=False)
    # whose verdicts and steps are theirs to take, too; what those see is not
    principals: tuple[Principal, ...] = ()

    @property
    def person_id(self) -> int:
        return self.person.id

    @property
    def role(self) -> Role:
        return self.person.role

    @property
    def oversees(self) -> bool:
        """Whether they see the people of their scope."""
        return self.role in OVERSEEING

    @property
    def acting_ids(self) -> list[int]:
        """Ids of the viewer and of those for whom they stand in."""
        return [self.person_id, *(each.person_id for each in self.principals)]

    def alone(self) -> "Viewer":
        """The viewer without those for whom they stand in."""
        return replace(self, principals=())

    def only_for(self, principal: "Principal") -> "Viewer":
        """The viewer with that one of them."""
        return replace(self, principals=(principal,))

    @property
    def acting_units(self) -> frozenset[int]:
        """The units in which they oversee, themselves or for somebody."""
        own = self.unit_ids if self.oversees else frozenset()
        return own.union(*(each.unit_ids for each in self.principals))

    def acting_in(self, roles: Collection[Role]) -> list[int]:
        """Of `acting_ids` those with one of the roles."""
        holders = ((each.person_id, each.role) for each in self.principals)
        everyone = ((self.person_id, self.role), *holders)
        return [person_id for person_id, role in everyone if role in roles]

    @property
    def judges_any(self) -> bool:
        """Whether they confirm and reject visits, themselves or for somebody."""
        return bool(self.acting_in(JUDGING))

    @property
    def judges(self) -> bool:
        """Whether they confirm and reject visits in their scope."""
        return self.role in JUDGING


def require_records(by: Person | None) -> None:
    """Refuse as `not_yours` whoever only reads digests; a command line, without a person, may."""
    if by and by.role not in WITH_RECORDS:
        raise Refused("not_yours")


def viewer(db: Session, person: Person, on: date) -> Viewer:
    """What the person may see on that date: an admin the zone, a recruiter no unit (REGIME 2)."""
    principals = _principals(db, person, on)
    if person.role is Role.RECRUITER:
        return Viewer(person, frozenset(), principals=principals)
    unit_ids = remembered_long(
        *(db, "units of a viewer", person.id, person.role, on),
        read=lambda: next(viewers(db, [person], on)).unit_ids,
    )
    return Viewer(person, unit_ids, unit_tree(db), principals)


def acted_for(viewer: Viewer, may: Callable[[Viewer], bool]) -> int | None:
    """In whose name the viewer does what they may: none where they may do it by themselves."""
    if not viewer.principals or may(viewer.alone()):
        return None
    sufficient = (each for each in viewer.principals if may(viewer.only_for(each)))
    return next(sufficient, viewer.principals[0]).person_id


def _principals(db: Session, person: Person, on: date) -> tuple[Principal, ...]:
    """For whom the person stands in on the date, which is rare."""
    if person.role not in STANDING_IN or not (held := held_by(db, person.id, on)):
        return ()
    units = units_held(db, [each.owner_id for each in held], on)
    tree = unit_tree(db)
    return tuple(
        Principal(each.owner_id, each.name, each.role, units_below(tree, units[each.owner_id]))
        for each in held
    )


def viewers(
    db: Session, people: Collection[Person], on: date, tree: Sequence[UnitNode] | None = None
) -> Iterator[Viewer]:
    """What each of these people may see on that date; two queries, however many they are.

    `tree`: the units, where the caller has read them.
    """
    # REGIME 2: a recruiter has no scope, so that most requests read no tree
    scoped = {person.id: person.role for person in people if person.role is not Role.RECRUITER}
    tree = tree or (unit_tree(db) if scoped else [])
    posted = [person_id for person_id, role in scoped.items() if role is not Role.ADMIN]
    own = units_held(db, posted, on) if posted else {}

    for person in people:
        if person.role is Role.ADMIN:
            unit_ids = frozenset(node.unit.id for node in tree)
        else:
            unit_ids = units_below(tree, own[person.id]) if person.id in own else frozenset()
        yield Viewer(person, unit_ids, tree)


def people_in(unit_ids: Collection[int], on: date) -> Select[int]:
    """Ids of the people whose primary posting on the date is in one of the units."""
    # REGIME 2: people are in scope by their current primary posting
    return select(Posting.person_id).where(
        Posting.is_primary, held_on(on), Posting.unit_id.in_(unit_ids)
    )


class Colleague(NamedTuple):
    """A person of a unit as a calendar names them."""

    id: int
    name: str
    role: Role


def colleagues_in(db: Session, unit_ids: Collection[int], on: date) -> list[Colleague]:
    """The people whose primary posting on the date is in one of the units."""
    people = select(Person.id, Person.name, Person.role).where(
        Person.id.in_(people_in(unit_ids, on))
    )
    return [Colleague(*row) for row in db.execute(people.order_by(Person.pinyin, Person.id))]


def visible_to(viewer: Viewer, on: date) -> Select[Person]:
    """The people whose records the viewer may see: themselves, and those in scope."""
    if not viewer.oversees:
        return select(Person).where(Person.id == viewer.person_id)
    if viewer.role is Role.ADMIN:
        return select(Person)
    return select(Person).where(
        or_(Person.id == viewer.person_id, Person.id.in_(people_in(viewer.unit_ids, on)))
    )


def may_see(db: Session, viewer: Viewer, person_id: int, on: date) -> bool:
    """Whether the viewer may see the person's records."""
    ids = visible_to(viewer, on).with_only_columns(Person.id)
    return db.scalar(ids.where(Person.id == person_id)) is not None
