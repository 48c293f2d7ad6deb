"""The people that forms offer: those who are likely or chosen, and those found by a text."""

from collections.abc import Collection, Sequence
from datetime import date
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select, true
from sqlalchemy.orm import Session

from crm.base.choices import MOST_FOUND, MOST_LIKELY, Choice
from crm.base.names import folded, spellings
from crm.base.value_class import value_class
from crm.people.models import Person, Posting, Unit
from crm.people.permissions import Viewer, visible_to
from crm.people.queries import at_work, held_on
from crm.people.rules import AUDITING, OVERSEEING


class Group(StrEnum):
    """Which people a form may offer."""

    COLLEAGUES = "colleagues"  # everyone at work
    IN_SCOPE = "in_scope"  # of these, whose records the viewer may see
    OVERSEEING = "overseeing"  # of these, who may draft and issue supervision orders
    STAYING = "staying"  # of these, whose account will not be closed
    ALL = "all"  # former people too, for whoever reads the trail


@value_class
class PeopleAsked:
    """Before whom, and of which people, a form offers some."""

    viewer: Viewer
    on: date
    group: Group = Group.COLLEAGUES
    without: int | None = None  # the id of a person who is never offered

    @property
    def condition(self) -> ColumnElement[bool]:
        """Whom the form may offer."""
        return and_(self._in_group(), Person.id != (self.without or 0))

    def _in_group(self) -> ColumnElement[bool]:
        present = at_work(self.on)
        match self.group:
            case Group.COLLEAGUES:
                return present
            case Group.IN_SCOPE:
                seen = visible_to(self.viewer, self.on).with_only_columns(Person.id)
                return present & Person.id.in_(seen)
            case Group.OVERSEEING:
                # an admin without a posting drafts orders, too
                is_viewer = Person.id == self.viewer.person_id
                return is_viewer | (present & Person.role.in_(OVERSEEING))
            case Group.STAYING:
                return present & Person.disabled_at.is_(None)
            case Group.ALL:
                return true() if self.viewer.role in AUDITING else false()


def matching(text: str, on: date) -> ColumnElement[bool]:
    """People found by the text in their name, its pinyin, the username or the unit's name."""
    named = or_(*(Unit.name.icontains(spelling, autoescape=True) for spelling in spellings(text)))
    # the primary posting alone: it is the one that lists show
    unit = exists().where(held_by_person(on), Posting.unit_id == Unit.id, named).correlate(Person)
    called = Person.search.contains(folded(text), autoescape=True)
    account = Person.username.icontains(text, autoescape=True)
    return or_(called, account, unit)


def held_by_person(on: date) -> ColumnElement[bool]:
    """The primary posting that the person of the query holds on the date."""
    return and_(Posting.person_id == Person.id, Posting.is_primary, held_on(on))


def found_people(db: Session, asked: PeopleAsked, text: str) -> list[Choice]:
    """People found by the text, by pinyin; one more than a list shows where there are more."""
    query = _choices(asked.on).where(asked.condition, matching(text, asked.on))
    query = query.order_by(Person.pinyin, Person.id).limit(MOST_FOUND + 1)
    return [Choice(*row) for row in db.execute(query)]


def all_people(db: Session, asked: PeopleAsked, most: int) -> list[Choice]:
    """All that a form may offer, by name, at most so many."""
    query = _choices(asked.on).where(asked.condition).order_by(Person.pinyin, Person.id)
    return [Choice(*row) for row in db.execute(query.limit(most))]


def offered_people(
    db: Session, asked: PeopleAsked, likely: Sequence[int], *, chosen: Collection[int]
) -> list[Choice]:
    """The likely people in their order, then colleagues of the viewer's units, and those chosen.

    Who is chosen stays in the form, even where it would not offer them any more.
    """
    own_units = select(Posting.unit_id).where(
        Posting.person_id == asked.viewer.person_id, held_on(asked.on)
    )
    near = select(Posting.person_id).where(Posting.unit_id.in_(own_units), held_on(asked.on))
    offered = asked.condition & or_(Person.id.in_(likely), Person.id.in_(near))

    named = Person.id.in_([*likely, *chosen])
    query = _choices(asked.on).where(or_(offered, Person.id.in_(chosen)))
    query = query.order_by(named.desc(), Person.pinyin, Person.id)
    rows = db.execute(query.limit(max(MOST_LIKELY, len(likely)) + len(chosen)))

    places = {person_id: place for place, person_id in enumerate(likely)}
    return sorted(
        (Choice(*row) for row in rows),
        key=lambda choice: places.get(choice.id, len(places)),
    )


def _choices(on: date) -> Select[int, str, str, str]:
    return (
        select(Person.id, Person.name, Unit.name, Person.search)
        .outerjoin(Posting, held_by_person(on))
        .outerjoin(Unit, Unit.id == Posting.unit_id)
    )
