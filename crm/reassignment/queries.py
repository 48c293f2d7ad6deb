"""Everything that is open in a person's name (REGIME 2)."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, or_, select, union
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.value_class import value_class
from crm.followups.models import Followup
from crm.leads.models import LeadRole
from crm.leads.permissions import role_held_on
from crm.people.models import Person, Posting
from crm.people.queries import active_at, held_on, unit_tree, units_above
from crm.people.rules import Role
from crm.problems.models import Problem, ProblemLead
from crm.problems.rules import OVER
from crm.reassignment.rules import Thing
from crm.results.models import Claim
from crm.results.rules import OPEN
from crm.supervision.models import Order
from crm.supervision.rules import CLOSED
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.permissions import of_person
from crm.visits.rules import Status, is_stay_under_way


@value_class
class OpenThing:
    """One thing in a person's name; only those who see its leads may read `words`."""

    kind: Thing
    row_id: int
    on: date
    text: str
    words: str = ""
    lead_ids: frozenset[int] = frozenset()

    @property
    def key(self) -> str:
        """Its name in a form."""
        return f"{self.kind.value}-{self.row_id}"


@value_class
class Span:
    """The dates of an absence, both included."""

    first: date
    last: date


def open_things_of(db: Session, person_id: int, now: datetime) -> list[OpenThing]:
    """All that is open in the person's name, in the order in which it is handed over."""
    found = [
        *_roles(db, person_id, civil_date(now)),
        *_orders(db, person_id),
        *_problems(db, person_id),
        *_claims(db, person_id),
        *_followups(db, person_id),
        *_visits(db, person_id, now),
    ]
    places = {thing: place for place, thing in enumerate(Thing)}
    return sorted(found, key=lambda thing: (places[thing.kind], thing.on, thing.row_id))


def during(things: Sequence[OpenThing], span: Span, on: date) -> list[OpenThing]:
    """The things that an absence concerns: due or beginning in it, or under way in it."""
    return [thing for thing in things if _is_during(thing, span, on)]


def _is_during(thing: OpenThing, span: Span, on: date) -> bool:
    match thing.kind:
        case Thing.FOLLOWUP:
            return thing.on <= span.last  # what is overdue, too
        case Thing.VISIT | Thing.JOINED:
            return span.first <= thing.on <= span.last
        case Thing.STAY:
            return span.first <= on <= span.last
        case Thing.BEGUN:  # it stays with whoever made it
            return False
        case _:
            return True


def closed_with_open(db: Session, now: datetime) -> Sequence[Person]:
    """People whose account is closed though something is open in their name."""
    on = civil_date(now)
    planned = Visit.status == Status.PLANNED
    joined = select(VisitParticipant.person_id).join(Visit, Visit.id == VisitParticipant.visit_id)
    owners: Any = union(
        select(LeadRole.person_id).where(_is_held(on), LeadRole.person_id.is_not(None)),
        select(Order.person_id).where(_is_open(), Order.person_id.is_not(None)),
        select(Order.officer_id).where(_is_open(), Order.officer_id.is_not(None)),
        select(Problem.person_id).where(Problem.state.not_in(OVER), Problem.person_id.is_not(None)),
        select(Claim.claimed_by_id).where(Claim.state.in_(OPEN)),
        select(Followup.person_id).where(Followup.done_at.is_(None)),
        select(Visit.leader_id).where(planned),
        # of a visit that has begun a companion has nothing to hand over
        joined.where(planned, Visit.starts_at > now),
    ).subquery()
    query = select(Person).where(Person.id.in_(select(owners)), ~active_at(now))

    return db.scalars(query.order_by(Person.id)).all()


def heirs_of(db: Session, person: Person, now: datetime) -> list[Person]:
    """Who takes over what is left: supervisors up the tree, the nearest first, then admins."""
    held = select(Posting.unit_id).where(Posting.person_id == person.id, Posting.is_primary)
    # the last unit: whoever has left holds no posting any more
    begun = held.where(Posting.from_on <= civil_date(now)).order_by(Posting.from_on.desc())
    last_unit = begun.correlate(None).limit(1).scalar_subquery()

    posted = and_(Posting.person_id == Person.id, held_on(civil_date(now)))
    may_inherit = Person.role.in_((Role.SUPERVISOR, Role.ADMIN)) & active_at(now)
    query = select(Person, Posting.unit_id, last_unit).outerjoin(Posting, posted).where(may_inherit)
    rows = db.execute(query.order_by(Person.id)).all()
    unit_id = rows[0][-1] if rows else None
    chain = units_above(unit_tree(db), unit_id) if unit_id else []

    # in this order each once, though posted in several units
    heirs = [heir for unit in chain for heir, of, _ in rows if of == unit and not _is_admin(heir)]
    heirs += [heir for heir, *_ in rows if _is_admin(heir)]

    return [heir for heir in dict.fromkeys(heirs) if heir.id != person.id]


def _is_admin(person: Person) -> bool:
    return person.role is Role.ADMIN


def named_on(
    db: Session, lead_ids: Collection[int], leaver: Person, now: datetime
) -> Sequence[Person]:
    """Others named on one of the leads, by id; they may read what belongs to it."""
    named = select(LeadRole.person_id).where(
        LeadRole.lead_id.in_(lead_ids), role_held_on(civil_date(now))
    )
    query = select(Person).where(Person.id.in_(named), Person.id != leaver.id, active_at(now))
    return db.scalars(query.order_by(Person.id)).all() if lead_ids else ()


def _is_held(on: date) -> Any:
    return or_(LeadRole.to_on.is_(None), LeadRole.to_on >= on)


def _is_open() -> Any:
    return Order.state.not_in(CLOSED)


def _roles(db: Session, person_id: int, on: date) -> Iterator[OpenThing]:
    query = select(LeadRole).where(LeadRole.person_id == person_id, _is_held(on))
    for held in db.scalars(query):
        leads = frozenset({held.lead_id})
        yield OpenThing(Thing.ROLE, held.id, held.from_on, held.role.label, lead_ids=leads)


def _orders(db: Session, person_id: int) -> Iterator[OpenThing]:
    mine = or_(Order.person_id == person_id, Order.officer_id == person_id)
    for order in db.scalars(select(Order).where(mine, _is_open())):
        leads = frozenset({order.lead_id} if order.lead_id else ())
        text = f"{order.number_text or '督办单'}（{order.state.label}）"
        on = order.due_on or civil_date(order.drafted_at)
        for kind, holder in (
            (Thing.ORDER_PERSON, order.person_id),
            (Thing.ORDER_OFFICER, order.officer_id),
        ):
            if holder == person_id:
                yield OpenThing(kind, order.id, on, text, order.matter, leads)


def _problems(db: Session, person_id: int) -> Iterator[OpenThing]:
    linked = select(Problem, ProblemLead.lead_id).join(ProblemLead)
    query = linked.where(Problem.person_id == person_id, Problem.state.not_in(OVER))
    leads: defaultdict[Problem, set[int]] = defaultdict(set)
    for problem, lead_id in db.execute(query.order_by(Problem.id)):
        leads[problem].add(lead_id)

    for problem, lead_ids in leads.items():
        text = f"{formatting.day(problem.due_on)}到期（{problem.state.label}）"
        on, words = problem.due_on, problem.matter
        yield OpenThing(Thing.PROBLEM, problem.id, on, text, words, frozenset(lead_ids))


def _claims(db: Session, person_id: int) -> Iterator[OpenThing]:
    query = select(Claim).where(Claim.claimed_by_id == person_id, Claim.state.in_(OPEN))
    for claim in db.scalars(query):
        text, on = f"{claim.kind.label}（{claim.state.label}）", civil_date(claim.claimed_at)
        leads = frozenset({claim.lead_id})
        yield OpenThing(Thing.CLAIM, claim.id, on, text, lead_ids=leads)


def _followups(db: Session, person_id: int) -> Iterator[OpenThing]:
    query = select(Followup).where(Followup.person_id == person_id, Followup.done_at.is_(None))
    for step in db.scalars(query):
        text, leads = f"{formatting.day(step.due_on)}到期", frozenset({step.lead_id})
        yield OpenThing(Thing.FOLLOWUP, step.id, step.due_on, text, step.what, leads)


def _visits(db: Session, person_id: int, now: datetime) -> Iterator[OpenThing]:
    linked = select(Visit, VisitLead.lead_id).outerjoin(VisitLead, VisitLead.visit_id == Visit.id)
    planned = linked.where(of_person(person_id), Visit.status == Status.PLANNED)
    leads: defaultdict[Visit, set[int]] = defaultdict(set)
    for visit, lead_id in db.execute(planned.order_by(Visit.id)):
        leads[visit].update([lead_id] if lead_id else ())

    for visit, lead_ids in leads.items():
        kind = _kind_of(visit, now) if visit.leader_id == person_id else Thing.JOINED
        # of a visit that has begun a companion has nothing to hand over
        if kind is Thing.JOINED and visit.starts_at <= now:
            continue
        text = f"{formatting.span(visit.first_on, visit.last_on)} {visit.city} {visit.kind.label}"
        yield OpenThing(kind, visit.id, visit.first_on, text, lead_ids=frozenset(lead_ids))


def _kind_of(visit: Visit, now: datetime) -> Thing:
    if visit.starts_at > now:
        return Thing.VISIT
    return Thing.STAY if is_stay_under_way(visit, now) else Thing.BEGUN
