"""The daily job: drafts for overdue milestones, and overdue orders one level up (REGIME 5)."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.value_class import value_class
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
from crm.supervision.permissions import IN_LINE, overdue
from crm.supervision.queries import LeadParties, last_entry, lead_parties
from crm.supervision.rules import (
    About,
    EntryKind,
    OrderKind,
    Origin,
    escalates_on,
    next_level,
)

DEMAND = "请查明原因，明确新的完成时间和措施，并按期反馈。"
# REGIME 2: of a restricted lead only these may know, and so issue or drop a draft about it.
NAMED_OFFICERS = (
    LeadRoleKind.ATTACHED_LEADER,
    LeadRoleKind.TASK_FORCE_HEAD,
    LeadRoleKind.TASK_FORCE_MEMBER,
)


@value_class
class _Line:
    """The tree of units and the people posted in it, read once for a run."""

    units: Sequence[UnitNode]
    supervisors: Mapping[int, list[int]]
    in_line: Mapping[int, list[int]]
    admins: Sequence[int]


def draft_from_milestones(
    db: Session, *, at: datetime, late: bool, site: Site
) -> Mapping[str, int]:
    """Draft an order for each overdue milestone, once per milestone and planned date."""
    on = civil_date(at)
    overdue = {
        _milestone_key(milestone): milestone for milestone in overdue_milestones(db, on, as_of=at)
    }
    known = select(Order.dedupe_key).where(Order.dedupe_key.in_(overdue))
    new = [overdue[key] for key in overdue.keys() - set(db.scalars(known))] if overdue else []
    # on most days nothing is new, and the tree need not be read
    line = _line(db, at) if new else None
    made: Counter[str] = Counter()

    for milestone in sorted(new, key=_milestone_order):
        order = _draft(db, milestone, line, at) if line else None
        made["drafts" if order else "undrafted"] += 1
        if order:
            tell(db, order=order, entry=last_entry(db, order), site=site, late=late)

    return made


def escalate_orders(db: Session, *, at: datetime, late: bool, site: Site) -> Mapping[str, int]:
    """Tell the next level up of each order past its due date, at most once a day."""
    on, calendar = civil_date(at), working_calendar(db)
    # Locked: an order that is answered at this moment is not escalated.
    query = select(Order).where(overdue(on)).order_by(Order.id).with_for_update()
    late_orders = [
        order
        for order in db.scalars(query).all()
        if order.due_on and escalates_on(order.due_on, order.escalated_on, calendar) <= on
    ]
    line = _line(db, at) if late_orders else None
    escalated = mails = 0

    for order in late_orders:
        if line and (entry := _escalate(db, order, line, at)):
            escalated += 1
            mails += tell(db, order=order, entry=entry, site=site, late=late)

    return {"escalated": escalated, "mails": mails} if escalated else {}


def _escalate(db: Session, order: Order, line: _Line, at: datetime) -> OrderEntry | None:
    chain = units_above(line.units, order.unit_id)
    held = [unit_id for unit_id in chain if _sees(db, order, line.in_line.get(unit_id, ()), at)]
    if not held and _sees(db, order, line.admins, at):
        held = chain[-1:]  # nobody is left in the chain: inform the admins

    step = next_level(chain, order.reached_unit_id, held)
    if step is None or order.due_on is None:
        return None

    order.level, order.reached_unit_id = step
    order.escalated_on = civil_date(at)
    unit = db.get_one(Unit, order.reached_unit_id)
    text = f"逾期 {(order.escalated_on - order.due_on).days} 天，提级至{unit.name}"
    after = {"level": order.level, "reached_unit_id": unit.id}

    return note_and_record(db, order, EntryKind.ESCALATED, by=None, now=at, after=after, text=text)


def _sees(db: Session, order: Order, person_ids: Collection[int], at: datetime) -> bool:
    """Whether at least one of these people may see the order."""
    # an order about neither a lead nor a figure is hidden from nobody in the line
    if not person_ids or (order.lead_id is None and order.rule_code is None):
        return bool(person_ids)
    people = db.scalars(select(Person).where(Person.id.in_(person_ids))).all()
    return bool(seeing(db, order, people, civil_date(at)))


def _line(db: Session, at: datetime) -> _Line:
    in_line, supervisors = posted_as(db, IN_LINE, at), posted_as(db, {Role.SUPERVISOR}, at)
    return _Line(unit_tree(db), supervisors, in_line, [person.id for person in admins(db, at)])


def _draft(db: Session, milestone: OverdueMilestone, line: _Line, at: datetime) -> Order | None:
    """Draft for the responsible unit; `None` if there is none, or nobody may know of the lead."""
    parties = lead_parties(db, milestone.lead.id, civil_date(at))
    unit_id, person_id = parties.unit_id, parties.tracker_id
    if unit_id is None:
        return None

    officer_id = _officer(db, milestone, parties, line, at)
    # REGIME 2: only those named on the lead may know of it, and none of them is an officer
    if officer_id is None and milestone.lead.secrecy is Secrecy.RESTRICTED:
        return None

    data = OrderData(
        kind=OrderKind.NORMAL,
        origin=Origin.MILESTONE,
        about=About.PROJECT,
        matter=f"{milestone.lead.title}：{milestone.name}计划{_dated(milestone.planned_on)}完成，尚未完成",
        demand=DEMAND,
        unit_id=unit_id,
        person_id=person_id,
        lead_id=milestone.lead.id,
        officer_id=officer_id,
    )
    cause = Cause(
        key=_milestone_key(milestone), milestone=milestone.kind, planned_on=milestone.planned_on
    )

    return draft_by_clock(db, data=data, cause=cause, now=at)


def _officer(
    db: Session, milestone: OverdueMilestone, parties: LeadParties, line: _Line, at: datetime
) -> int | None:
    """Who issues or drops the draft; for a restricted lead, only a person named on it."""
    tracker_id = parties.tracker_id
    if milestone.lead.secrecy is not Secrecy.RESTRICTED:
        chain = units_above(line.units, parties.unit_id or 0)
        return next(iter(nearest(chain, dict(line.supervisors), tracker_id or 0)), None)

    candidates = [
        person_id
        for role in NAMED_OFFICERS
        for person_id in parties.people.get(role, ())
        if person_id != tracker_id
    ]
    overseeing = select(Person.id).where(
        Person.id.in_(candidates), Person.role.in_(OVERSEEING), active_at(at)
    )
    allowed = set(db.scalars(overseeing))

    return next((person_id for person_id in candidates if person_id in allowed), None)


def _milestone_order(milestone: OverdueMilestone) -> tuple[date, int, str]:
    return milestone.planned_on, milestone.lead.id, milestone.kind


def _milestone_key(milestone: OverdueMilestone) -> str:
    return f"milestone:{milestone.lead.ref}:{milestone.kind}:{milestone.planned_on.isoformat()}"


def _dated(on: date) -> str:
    return f"{on.year}年{on.month}月{on.day}日"
