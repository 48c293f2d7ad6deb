"""What is open in a person's name goes to successors, or falls to the supervisor (REGIME 2)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base import mail
from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.followups.models import Followup
from crm.followups.service import hand_over_followup
from crm.leads.handover import Term, give_role_over
from crm.leads.models import LeadRole
from crm.people.accounts import RecordAccessEnded
from crm.people.entry_grants import end_grants_of
from crm.people.models import Person
from crm.people.rules import WITH_RECORDS
from crm.reassignment.eligibility import Taking, is_fit, require_fit
from crm.reassignment.notifications import tell
from crm.reassignment.queries import (
    OpenThing,
    Span,
    closed_with_open,
    during,
    heirs_of,
    named_on,
    open_things_of,
)
from crm.reassignment.rules import Thing
from crm.reassignment.settling import settle
from crm.supervision.handover import give_answering, give_deciding
from crm.supervision.models import Order
from crm.visits.handover import cut_stay, give_place, give_visit
from crm.visits.models import Visit


@dataclass(frozen=True, slots=True)
class Moved:
    """A thing with whoever has it now; nobody: it was settled instead."""

    thing: OpenThing
    to: Person | None


@dataclass(frozen=True, slots=True)
class Plan:
    """To whom each thing goes, by its key; what is not named stays. `span`: of an absence."""

    successors: Mapping[str, int]
    span: Span | None = None


class Unfit(Refused):
    """Some things cannot go to those who were named: each refusal stands at its thing's key."""

    def __init__(self, problems: Sequence[Refused]) -> None:
        """Hold all of them."""
        super().__init__("handover_unfit")
        self.problems = problems


def hand_over(  # noqa: PLR0913 - whose things, to whom, by whose word, when
    db: Session, *, person: Person, plan: Plan, by: Person, now: datetime, site: Site | None
) -> list[Moved]:
    """Hand things over as planned, all of them or none; tell the successors and the person.

    The caller has seen to it that `by` may. Refused as `Unfit`, and as `things_changed` where
    something is no longer open in the person's name.
    """
    _hold(db, person)
    things = open_things(db, person, now, plan.span)
    if plan.successors.keys() - {one.key for one in things if one.kind is not Thing.BEGUN}:
        raise Refused("things_changed")

    moved, problems = [], []

    for one in things:
        if one.key not in plan.successors:
            continue
        try:
            moved.append(_hand_over(db, person, one, plan, by=by, now=now))
        except Refused as refusal:
            problems.append(Refused(refusal.code, one.key, **refusal.facts))

    if problems:
        raise Unfit(problems)

    _finish(db, person, moved, by=by, now=now, site=site)

    return moved


def open_things(
    db: Session, person: Person, now: datetime, span: Span | None = None
) -> list[OpenThing]:
    """What is open in the person's name, or what of it an absence concerns."""
    things = open_things_of(db, person.id, now)
    return during(things, span, civil_date(now)) if span else things


def let_fall(
    db: Session, *, person: Person, by: Person | None, now: datetime, site: Site | None
) -> int:
    """Let what is open in a closed account's name fall to the supervisor; how many things."""
    _hold(db, person)
    end_grants_of(db, person=person, now=now)
    things = open_things_of(db, person.id, now)
    if not things:
        return 0
    heirs = heirs_of(db, person, now)
    moved = [_let_fall(db, person, one, heirs, by=by, now=now) for one in things]
    _finish(db, person, moved, by=by, now=now, site=site)
    return len(moved)


def settle_ended(db: Session, ended: Iterable[RecordAccessEnded]) -> int:
    """Let fall what is open in the name of those who see no records any more; how many things.

    Who is to leave on a later date keeps theirs until then; the clock looks each day.
    """
    db.flush()
    return sum(
        let_fall(db, person=each.person, by=each.by, now=each.at, site=mail.current_site())
        for each in ended
        if each.person.is_disabled(each.at) or each.person.role not in WITH_RECORDS
    )


def settle_closed(db: Session, *, at: datetime, site: Site | None) -> Mapping[str, int]:
    """Let fall whatever is open in the name of closed accounts: what the clock does each day."""
    fallen = sum(
        let_fall(db, person=person, by=None, now=at, site=site)
        for person in closed_with_open(db, at)
    )
    return {"fallen": fallen} if fallen else {}


def _hold(db: Session, person: Person) -> None:
    db.execute(select(Person.id).where(Person.id == person.id).with_for_update(key_share=True))


def _hand_over(  # noqa: PLR0913 - one thing, whole
    db: Session, person: Person, one: OpenThing, plan: Plan, *, by: Person, now: datetime
) -> Moved:
    to = db.get(Person, plan.successors[one.key])
    if to is None:
        raise Refused("no_such_person")
    taking = Taking(one, person, to, by, now)
    require_fit(db, taking)
    _GIVE[one.kind](db, taking, plan.span)
    db.flush()
    return Moved(one, to)


def _let_fall(  # noqa: PLR0913 - one thing, whole
    db: Session,
    person: Person,
    one: OpenThing,
    heirs: Sequence[Person],
    *,
    by: Person | None,
    now: datetime,
) -> Moved:
    """To the first who may take it; what nobody may take, or has begun, is settled."""
    candidates = [] if one.kind in (Thing.BEGUN, Thing.JOINED) else heirs
    for heir in (*candidates, *(named_on(db, one.lead_ids, person, now) if candidates else ())):
        taking = Taking(one, person, heir, by, now)
        if is_fit(db, taking):
            _GIVE[one.kind](db, taking, None)
            db.flush()
            return Moved(one, heir)
    settle(db, one, person, by=by, now=now)
    db.flush()
    return Moved(one, None)


def _finish(  # noqa: PLR0913 - what was done, for whom, by whom, when
    db: Session,
    person: Person,
    moved: Sequence[Moved],
    *,
    by: Person | None,
    now: datetime,
    site: Site | None,
) -> None:
    if not moved:
        return
    after = {"entries": len(moved), "people": sorted({each.to.id for each in moved if each.to})}
    record(db, "person.handed_over", person, by=by, at=now, after=after)
    if site:
        pairs = [(each.thing, each.to) for each in moved]
        tell(db, person=person, moved=pairs, by=by, now=now, site=site)


def _give_role(db: Session, taking: Taking, span: Span | None) -> None:
    """For good from today on, or for the dates of an absence."""
    held = db.get_one(LeadRole, taking.thing.row_id)
    term = Term(max(span.first, taking.on), span.last) if span else Term(taking.on)
    give_role_over(db, held=held, to=taking.to, term=term, by=taking.by, now=taking.now)


def _give_answering(db: Session, taking: Taking, _span: Span | None) -> None:
    order = db.get_one(Order, taking.thing.row_id)
    give_answering(db, order=order, to=taking.to, by=taking.by, now=taking.now)


def _give_deciding(db: Session, taking: Taking, _span: Span | None) -> None:
    order = db.get_one(Order, taking.thing.row_id)
    give_deciding(db, order=order, to=taking.to, by=taking.by, now=taking.now)


def _give_followup(db: Session, taking: Taking, _span: Span | None) -> None:
    step = db.get_one(Followup, taking.thing.row_id)
    hand_over_followup(db, followup=step, to=taking.to, by=taking.by, now=taking.now)


def _give_visit(db: Session, taking: Taking, _span: Span | None) -> None:
    visit = db.get_one(Visit, taking.thing.row_id)
    give_visit(db, visit=visit, to=taking.to, by=taking.by, now=taking.now)


def _give_place(db: Session, taking: Taking, _span: Span | None) -> None:
    visit, leaver = db.get_one(Visit, taking.thing.row_id), taking.leaver
    give_place(db, visit=visit, leaver=leaver, to=taking.to, by=taking.by, now=taking.now)


def _give_rest(db: Session, taking: Taking, _span: Span | None) -> None:
    visit = db.get_one(Visit, taking.thing.row_id)
    cut_stay(db, visit=visit, to=taking.to, by=taking.by, now=taking.now)


_GIVE: Mapping[Thing, Callable[[Session, Taking, Span | None], None]] = {
    Thing.ROLE: _give_role,
    Thing.ORDER_PERSON: _give_answering,
    Thing.ORDER_OFFICER: _give_deciding,
    Thing.FOLLOWUP: _give_followup,
    Thing.VISIT: _give_visit,
    Thing.JOINED: _give_place,
    Thing.STAY: _give_rest,
}
