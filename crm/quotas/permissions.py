"""Who sees a person's figure, and who supervises it: one definition for SQL and Python (REGIME 2).

A figure belongs to a person, stands under a unit and is of the duty that its rule asks.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.orm import Session

from crm.base.remembered import remembered_long
from crm.base.value_class import value_class
from crm.people.models import Person, Posting
from crm.people.permissions import Viewer, viewers
from crm.people.queries import UnitNode, held_on, open_through, unit_tree, units_above, units_below
from crm.people.rules import OVERSEEING, Duty, Role, nearest
from crm.quotas.facts import PersonFigure
from crm.quotas.models import FigureRecord, RuleVersion

RANK = {Duty.PRINCIPAL: 2, Duty.DEPUTY: 1, Duty.RECRUITER: 0, Duty.STAFF: 0}
FEWEST = 3  # REGIME 2: people in a count that stands beside figures the reader may not see
_MOST_EXCLUDED = 2  # whose figure it is, and who edited it

Units = frozenset[int]
OTHERS: Mapping[Units, Units] = {}  # by the supervisors of figures, the units of these


@value_class
class FigureScope:
    """Whose figures a viewer sees, and the units of which they see counts."""

    person_id: int
    unit_ids: Units  # whose counts are theirs: those of the viewer, the zone for who inspects
    units_by_duty: Mapping[Duty, Units] = field(default_factory=dict)  # where figures are seen
    # of an admin: figures that no supervisor may see but these, by duty and supervisors
    left: Mapping[Duty, Mapping[Units, Units]] = field(default_factory=dict)

    def sees(
        self, person_id: int, unit_id: int, duty: Duty, *, author_id: int | None = None
    ) -> bool:
        """Whether the viewer sees the figure; `author_id` made a correction and may not sign it."""
        if person_id == self.person_id or unit_id in self.units_by_duty.get(duty, ()):
            return True
        excluded = {person_id, author_id}
        left = self.left.get(duty, OTHERS).items()
        return any(supervisors <= excluded and unit_id in units for supervisors, units in left)

    def covers(self, other: "FigureScope") -> bool:
        """Whether this viewer sees all figures of others that the other one sees."""
        return all(
            unit_id in self.units_by_duty.get(duty, ())
            or unit_id in self.left.get(duty, OTHERS).get(Units(), ())
            for duty, units in other.units_by_duty.items()
            for unit_id in units
        )

    def sees_figure(self, judged: PersonFigure) -> bool:
        """Whether the viewer sees this figure."""
        return self.sees(judged.person_id, judged.unit_id, judged.figure.rule.duty)


def seen_by(
    scope: FigureScope,
    *,
    person: ColumnElement[Any],
    unit: ColumnElement[Any],
    duty: ColumnElement[Any],
    author: ColumnElement[Any] | None = None,
) -> ColumnElement[bool]:
    """`FigureScope.sees` as an SQL condition on these columns."""
    seen = [person == scope.person_id]
    seen += [(duty == rank) & unit.in_(units) for rank, units in scope.units_by_duty.items()]

    for rank, left in scope.left.items():
        for supervisors, units in left.items():
            # an admin sees it where each of these supervisors is its person or author
            excluded = [_is_among(supervisor, person, author) for supervisor in supervisors]
            seen.append(and_(duty == rank, unit.in_(units), *excluded))

    return or_(*seen)


def seen_records(
    scope: FigureScope, author: ColumnElement[Any] | None = None
) -> ColumnElement[bool]:
    """Kept figures that the viewer sees."""
    return seen_by(
        scope,
        person=FigureRecord.person_id.expression,
        unit=FigureRecord.unit_id.expression,
        duty=DUTY_OF_RECORD,
        author=author,
    )


DUTY_OF_RECORD: ColumnElement[Any] = (
    select(RuleVersion.duty)
    .where(RuleVersion.id == FigureRecord.rule_id)
    .correlate(FigureRecord)
    .scalar_subquery()
)


def figure_scope(db: Session, viewer: Viewer, on: date) -> FigureScope:
    """Whose figures the viewer sees on that date."""
    return remembered_long(
        *(db, "figure scope", viewer.person_id, viewer.role, viewer.unit_ids, on),
        read=lambda: figure_scopes(db, [viewer], on)[viewer.person_id],
    )


def figure_scopes(db: Session, viewers: Sequence[Viewer], on: date) -> dict[int, FigureScope]:
    """Whose figures each of the viewers sees, in a fixed number of queries."""
    tree = next((viewer.tree for viewer in viewers if viewer.oversees), None)
    if tree is None:
        return {
            viewer.person_id: FigureScope(viewer.person_id, viewer.unit_ids) for viewer in viewers
        }

    # only an admin's scope depends on what supervisors see
    supervisors: Sequence[Viewer] = ()
    if any(viewer.role is Role.ADMIN for viewer in viewers):
        supervisors = _supervisors(db, on, tree)

    posts = _posts(db, {person.person_id for person in (*viewers, *supervisors)}, on)
    scopes = {viewer.person_id: _scope(viewer, posts[viewer.person_id], tree) for viewer in viewers}
    seeing = [_scope(viewer, posts[viewer.person_id], tree) for viewer in supervisors]

    return {
        viewer.person_id: _with_left(scopes[viewer.person_id], seeing)
        if viewer.role is Role.ADMIN
        else scopes[viewer.person_id]
        for viewer in viewers
    }


def may_be_split(scope: FigureScope, figures: Iterable[PersonFigure]) -> bool:
    """Whether counts of these figures of a unit may be shown by status or rule.

    REGIME 2: not where fewer than three people owe, and the viewer may not see their figures.
    """
    counted = list(figures)
    return all(map(scope.sees_figure, counted)) or len(owing(counted)) >= FEWEST


def owing(figures: Iterable[PersonFigure]) -> Units:
    """The people who owe something by these figures."""
    return frozenset(judged.person_id for judged in figures if judged.figure.required)


@value_class
class Supervisors:
    """Who supervises a figure, of people whose accounts are open."""

    tree: Sequence[UnitNode]
    posted: Mapping[int, Sequence[int]]  # by unit, the supervisors posted in it
    inspecting: Sequence[int]
    admins: Sequence[int]
    scopes: Mapping[int, FigureScope]

    def of(self, person_id: int, unit_id: int, duty: Duty) -> list[int]:
        """The nearest up the tree who may see it, else the inspecting unit's, else the admins."""
        # REGIME 2: a supervisor who may not see the figure is passed over
        seeing = {
            posted_in: [
                supervisor
                for supervisor in supervisors
                if self.scopes[supervisor].sees(person_id, unit_id, duty)
            ]
            for posted_in, supervisors in self.posted.items()
        }
        above = nearest(units_above(self.tree, unit_id), seeing, person_id)
        others = (_without(people, person_id) for people in (self.inspecting, self.admins))
        return above or next(filter(None, others), [])

    def of_figure(self, judged: PersonFigure) -> list[int]:
        """Who supervises this figure."""
        return self.of(judged.person_id, judged.unit_id, judged.figure.rule.duty)


def supervisors_on(db: Session, on: date) -> Supervisors:
    """Who supervises figures on that date, read once for a whole run."""
    tree = unit_tree(db)
    supervisors = _supervisors(db, on, tree)
    posts = _posts(db, {supervisor.person_id for supervisor in supervisors}, on)
    inspecting = _inspecting(tree)
    posted: defaultdict[int, list[int]] = defaultdict(list)

    for supervisor in supervisors:
        for post in posts[supervisor.person_id]:
            posted[post.unit_id].append(supervisor.person_id)

    admins = select(Person.id).where(Person.role == Role.ADMIN, open_through(on))

    return Supervisors(
        tree=tree,
        posted=posted,
        inspecting=sorted({person for unit_id in inspecting for person in posted.get(unit_id, ())}),
        admins=db.scalars(admins.order_by(Person.id)).all(),
        scopes={
            supervisor.person_id: _scope(supervisor, posts[supervisor.person_id], tree)
            for supervisor in supervisors
        },
    )


@value_class
class _Post:
    unit_id: int
    duty: Duty
    is_primary: bool


def _posts(db: Session, person_ids: Collection[int], on: date) -> defaultdict[int, list[_Post]]:
    """The postings that these people hold on the date."""
    held = select(Posting.person_id, Posting.unit_id, Posting.duty, Posting.is_primary).where(
        held_on(on), Posting.person_id.in_(person_ids)
    )
    posts: defaultdict[int, list[_Post]] = defaultdict(list)
    for person_id, unit_id, duty, is_primary in db.execute(held.order_by(Posting.id)):
        posts[person_id].append(_Post(unit_id, duty, is_primary))
    return posts


def _supervisors(db: Session, on: date, tree: Sequence[UnitNode]) -> list[Viewer]:
    query = select(Person).where(Person.role == Role.SUPERVISOR, open_through(on))
    return list(viewers(db, db.scalars(query.order_by(Person.id)).all(), on, tree))


def _inspecting(tree: Sequence[UnitNode]) -> Units:
    return frozenset(node.unit.id for node in tree if node.unit.inspects)


def _scope(viewer: Viewer, posts: Sequence[_Post], tree: Sequence[UnitNode]) -> FigureScope:
    """What the viewer sees by their own posts; an admin may see more."""
    if viewer.role not in OVERSEEING:
        return FigureScope(viewer.person_id, viewer.unit_ids)

    zone = frozenset(node.unit.id for node in tree)
    home = next((post for post in posts if post.is_primary), None)
    posted_in = {post.unit_id for post in posts}
    inspects = viewer.role is Role.SUPERVISOR and not posted_in.isdisjoint(_inspecting(tree))
    unit_ids = zone if inspects else viewer.unit_ids
    below = units_below(tree, {home.unit_id}) if home else Units()
    is_principal = home is not None and home.duty is Duty.PRINCIPAL
    by_duty = {
        Duty.PRINCIPAL: (below if is_principal else Units()) | (zone if inspects else Units())
    }

    for duty in set(Duty) - {Duty.PRINCIPAL}:
        # a lower duty at the same unit does not see it
        is_lower = home is not None and RANK[home.duty] < RANK[duty]
        by_duty[duty] = unit_ids - {home.unit_id} if home and is_lower else unit_ids

    return FigureScope(viewer.person_id, unit_ids, by_duty)


def _with_left(admin: FigureScope, seeing: Sequence[FigureScope]) -> FigureScope:
    """An admin stands in where no supervisor may see a figure."""
    left: defaultdict[Duty, defaultdict[Units, set[int]]] = defaultdict(lambda: defaultdict(set))

    for duty, seen in admin.units_by_duty.items():
        for unit_id in admin.unit_ids - seen:
            supervisors = Units(
                scope.person_id for scope in seeing if unit_id in scope.units_by_duty[duty]
            )
            # of more than two, one is neither the figure's person nor the author
            if len(supervisors) <= _MOST_EXCLUDED:
                left[duty][supervisors].add(unit_id)

    kept = {
        duty: {supervisors: Units(units) for supervisors, units in by_supervisors.items()}
        for duty, by_supervisors in left.items()
    }

    return FigureScope(admin.person_id, admin.unit_ids, admin.units_by_duty, kept)


def _is_among(
    supervisor: int, person: ColumnElement[Any], author: ColumnElement[Any] | None
) -> ColumnElement[bool]:
    is_author = false() if author is None else func.coalesce(author, 0) == supervisor
    return or_(person == supervisor, is_author)


def _without(people: Sequence[int], person_id: int) -> list[int]:
    return [other for other in people if other != person_id]
