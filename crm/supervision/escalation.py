"""What the clock does each day: drafts of overdue milestones, overdue orders one level up."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.leads.models import LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.planning import OverdueMilestone, overdue_milestones
from crm.leads.rules import LeadRoleKind, Secrecy
from crm.people.models import Person, Unit
from crm.people.queries import UnitNode, active_at, posted_as, unit_tree, units_above
from crm.people.rules import OVERSEEING, Role, nearest
from crm.quotas.queries import working_calendar
from crm.supervision.assignees import admins, seeing
from crm.supervision.drafting import Cause, OrderData, draft_by_clock
from crm.supervision.history import note_and_record
from crm.supervision.models import Order, OrderEntry
from crm.supervision.notifications import tell
from crm.supervision.permissions import IN_LINE
from crm.supervision.queries import last_entry
from crm.supervision.rules import (
    WORKING,
    About,
    EntryKind,
    OrderKind,
    Origin,
    escalates_on,
    next_level,
)

DEMAND = "请查明原因，明确新的完成时间和措施，并按期反馈。"
# Who issues or drops where nobody else may know of the lead, in this order.
NAMED_OFFICERS = (
    LeadRoleKind.ATTACHED_LEADER,
    LeadRoleKind.TASK_FORCE_HEAD,
    LeadRoleKind.TASK_FORCE_MEMBER,
)


@dataclass(frozen=True, slots=True)
class _Line:
    """The tree of units, and who holds which office in it."""

    units: Sequence[UnitNode]
    supervisors: Mapping[int, list[int]]
    in_line: Mapping[int, list[int]]
    admins: Sequence[int]


def draft_from_milestones(
    db: Session, *, at: datetime, late: bool, site: Site
) -> Mapping[str, int]:
    """Draft an order of each overdue milestone, once per milestone and planned date."""
    on = civil_date(at)
    overdue = {_milestone_key(one): one for one in overdue_milestones(db, on, as_of=at)}
    known = select(Order.dedupe_key).where(Order.dedupe_key.in_(overdue))
    new = [overdue[key] for key in overdue.keys() - set(db.scalars(known))] if overdue else []
    line = _line(db, at) if new else None
    made: Counter[str] = Counter()

    for one in sorted(new, key=lambda one: (one.planned_on, one.lead.id, one.kind)):
        order = _draft(db, one, line, at) if line else None
        made["drafts" if order else "undrafted"] += 1
        if order:
            tell(db, order=order, entry=last_entry(db, order), site=site, late=late)

    return made


def escalate_orders(db: Session, *, at: datetime, late: bool, site: Site) -> Mapping[str, int]:
    """Tell one level more of each order past its due date; at most once a day and order."""
    on, calendar = civil_date(at), working_calendar(db)
    query = (
        select(Order)
        .where(Order.state.in_(WORKING), Order.due_on < on)
        .order_by(Order.id)
        .with_for_update()
    )
    found = [
        order
        for order in db.scalars(query).all()
        if order.due_on and escalates_on(order.due_on, order.escalated_on, calendar) <= on
    ]
    line = _line(db, at) if found else None
    escalated = mails = 0

    for order in found:
        if line and (entry := _escalate(db, order, line, at)):
            escalated += 1
            mails += tell(db, order=order, entry=entry, site=site, late=late)

    return {"escalated": escalated, "mails": mails} if escalated else {}


def _escalate(db: Session, order: Order, line: _Line, at: datetime) -> OrderEntry | None:
    chain = units_above(line.units, order.unit_id)
    held = [unit_id for unit_id in chain if _sees(db, order, line.in_line.get(unit_id, ()), at)]
    if not held and _sees(db, order, line.admins, at):
        held = chain[-1:]  # nobody is left in the whole line: the admins hear of it, at the top

    step = next_level(chain, order.reached_unit_id, held)
    if step is None or order.due_on is None:
        return None

    order.level, order.reached_unit_id = step
    order.escalated_on = civil_date(at)
    unit = db.get_one(Unit, order.reached_unit_id)
    text = f"逾期{(order.escalated_on - order.due_on).days}天，提级至{unit.name}"
    after = {"level": order.level, "reached_unit_id": unit.id}

    return note_and_record(db, order, EntryKind.ESCALATED, by=None, now=at, after=after, text=text)


def _sees(db: Session, order: Order, person_ids: Collection[int], at: datetime) -> bool:
    """Whether one of these may know of the order."""
    if not person_ids or (order.lead_id is None and order.rule_code is None):
        return bool(person_ids)
    people = db.scalars(select(Person).where(Person.id.in_(person_ids))).all()
    return bool(seeing(db, order, people, civil_date(at)))


def _line(db: Session, at: datetime) -> _Line:
    in_line = posted_as(db, IN_LINE, at)
    stand_ins = [one.id for one in admins(db, at)]
    return _Line(unit_tree(db), posted_as(db, {Role.SUPERVISOR}, at), in_line, stand_ins)


def _draft(db: Session, one: OverdueMilestone, line: _Line, at: datetime) -> Order | None:
    """The draft for the responsible unit; none where there is none, or nobody may know of it."""
    named = _named(db, one, civil_date(at))
    unit_id = named.unit_id
    if unit_id is None:
        return None

    person_id = next(iter(named.people[LeadRoleKind.TRACKER]), None)
    officer_id = _officer(db, one, named, line, at, but=person_id)
    if officer_id is None and one.lead.secrecy is Secrecy.RESTRICTED:
        return None

    data = OrderData(
        kind=OrderKind.NORMAL,
        origin=Origin.MILESTONE,
        about=About.PROJECT,
        matter=f"{one.lead.title}：{one.kind.label}计划{_dated(one.planned_on)}完成，尚未完成",
        demand=DEMAND,
        unit_id=unit_id,
        person_id=person_id,
        lead_id=one.lead.id,
        officer_id=officer_id,
    )
    cause = Cause(key=_milestone_key(one), milestone=one.kind, planned_on=one.planned_on)

    return draft_by_clock(db, data=data, cause=cause, now=at)


@dataclass(frozen=True, slots=True)
class _Named:
    unit_id: int | None
    people: Mapping[LeadRoleKind, list[int]]


def _named(db: Session, one: OverdueMilestone, on: date) -> _Named:
    """Who is what to the lead on the date."""
    query = select(LeadRole).where(LeadRole.lead_id == one.lead.id, role_held_on(on))
    unit_id, people = None, defaultdict[LeadRoleKind, list[int]](list)
    for held in db.scalars(query.order_by(LeadRole.id)):
        unit_id = held.unit_id or unit_id
        if held.person_id is not None:
            people[held.role].append(held.person_id)
    return _Named(unit_id, people)


def _officer(  # noqa: PLR0913 - of what, among whom, and when
    db: Session, one: OverdueMilestone, named: _Named, line: _Line, at: datetime, *, but: int | None
) -> int | None:
    """Who issues or drops it: of a restricted lead, only somebody named on it."""
    if one.lead.secrecy is not Secrecy.RESTRICTED:
        chain = units_above(line.units, named.unit_id or 0)
        return next(iter(nearest(chain, dict(line.supervisors), but or 0)), None)
    candidates = [each for role in NAMED_OFFICERS for each in named.people[role] if each != but]
    overseeing = select(Person.id).where(
        Person.id.in_(candidates), Person.role.in_(OVERSEEING), active_at(at)
    )
    allowed = set(db.scalars(overseeing))
    return next((each for each in candidates if each in allowed), None)


def _milestone_key(one: OverdueMilestone) -> str:
    return f"milestone:{one.lead.ref}:{one.kind.value}:{one.planned_on.isoformat()}"


def _dated(on: date) -> str:
    return f"{on.year}年{on.month}月{on.day}日"
