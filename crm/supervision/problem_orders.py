"""Problems overdue for three working days become drafts of orders, each once (PROJECTS 5)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.leads.models import Lead
from crm.leads.permissions import supervisors_of_unit
from crm.leads.rules import Secrecy
from crm.people.models import Person
from crm.people.queries import active_at
from crm.people.rules import OVERSEEING
from crm.problems.models import Problem
from crm.problems.permissions import overdue
from crm.problems.rules import orders_from
from crm.quotas.queries import working_calendar
from crm.supervision.drafting import Cause, OrderData, draft_by_clock
from crm.supervision.escalation import NAMED_OFFICERS
from crm.supervision.models import Order
from crm.supervision.notifications import tell
from crm.supervision.queries import last_entry, lead_parties
from crm.supervision.rules import About, OrderKind, Origin

DEMAND = "请查明原因，明确解决措施和完成时间，并按期反馈。"
LONGEST = 80  # of what blocks, in the matter of the order


KEY = "problem:"


def problem_key(problem: Problem) -> str:
    """The key of the one order that the clock drafts of a problem."""
    return f"{KEY}{problem.ref}"


def is_of_problem(order: Order) -> bool:
    """Whether the clock drafted the order of a problem."""
    return (order.dedupe_key or "").startswith(KEY)


def problem_of_order(db: Session, order: Order) -> Problem | None:
    """The problem of which the order was drafted; the caller checks who may see it."""
    ref = (order.dedupe_key or "").removeprefix(KEY)
    return db.scalar(select(Problem).where(Problem.ref == ref))


def order_of_problem(db: Session, problem: Problem) -> Order | None:
    """The order drafted of the problem; the caller checks who may see it."""
    return db.scalar(select(Order).where(Order.dedupe_key == problem_key(problem)))


def draft_from_problems(db: Session, *, at: datetime, late: bool, site: Site) -> Mapping[str, int]:
    """Draft an order for each problem that is overdue for three working days, once."""
    on, calendar = civil_date(at), working_calendar(db)
    query = select(Problem).where(overdue(on)).options(selectinload(Problem.leads))
    found = {
        problem_key(problem): problem
        for problem in db.scalars(query.order_by(Problem.due_on, Problem.id))
        if orders_from(problem.due_on, calendar) <= on
    }
    known = set(db.scalars(select(Order.dedupe_key).where(Order.dedupe_key.in_(found))))
    made: Counter[str] = Counter()

    for key, problem in found.items():
        order = _draft(db, problem, at) if key not in known else None
        if order:
            made["problem_drafts"] += 1
            tell(db, order=order, entry=last_entry(db, order), site=site, late=late)

    return made


def _draft(db: Session, problem: Problem, at: datetime) -> Order | None:
    """Draft for the owner unit; `None` where nobody may know of its restricted leads."""
    restricted = [lead for lead in problem.leads if lead.secrecy is Secrecy.RESTRICTED]
    officer_id = _officer(db, problem, restricted, at)
    # an order has the secrecy of one lead, and only those named on it may issue the draft
    if len(restricted) > 1 or (restricted and officer_id is None):
        return None

    lead_id = _lead_id(problem, restricted)
    matter = f"困难问题“{problem.matter[:LONGEST]}”逾期未解决"
    data = OrderData(
        kind=OrderKind.NORMAL,
        origin=Origin.PROBLEM,
        about=About.PROBLEM,
        matter=matter.replace("\n", " "),
        demand=DEMAND,
        unit_id=problem.unit_id,
        person_id=problem.person_id,
        lead_id=lead_id,
        officer_id=officer_id,
    )
    return draft_by_clock(db, data=data, cause=Cause(key=problem_key(problem)), now=at)


def _lead_id(problem: Problem, restricted: Sequence[Lead]) -> int | None:
    """The lead whose secrecy the order has.

    None of an internal one: the owner unit reads what blocks, and must be able to answer.
    """
    if restricted:
        return restricted[0].id
    is_open = all(lead.secrecy is Secrecy.OPEN for lead in problem.leads)
    return problem.leads[0].id if is_open else None


def _officer(db: Session, problem: Problem, restricted: Sequence[Lead], at: datetime) -> int | None:
    """Who issues or drops the draft: the nearest supervisor, of a restricted lead one named."""
    on = civil_date(at)
    if not restricted:
        above = supervisors_of_unit(db, problem.unit_id, on)
        return next((person_id for person_id in above if person_id != problem.person_id), None)

    parties = lead_parties(db, restricted[0].id, on)
    named = [person_id for role in NAMED_OFFICERS for person_id in parties.people.get(role, ())]
    overseeing = select(Person.id).where(
        Person.id.in_(named), Person.role.in_(OVERSEEING), active_at(at)
    )
    allowed = set(db.scalars(overseeing)) - {problem.person_id}
    return next((person_id for person_id in named if person_id in allowed), None)
