"""What pages, mails and digests read of problems, always from those that the viewer may see."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Select, false, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from crm.base.paging import PAGE, Page, page_of
from crm.base.value_class import value_class
from crm.leads.models import Lead
from crm.leads.permissions import values_of
from crm.leads.redaction import LeadLabel, label_of, labelled_leads, lead_labels
from crm.problems.models import Problem, ProblemEntry, ProblemLead
from crm.problems.permissions import Onlooker, assisted_by, overdue, visible_to
from crm.problems.rules import OVER, ProblemState

PARTIES = (
    joinedload(Problem.category),
    joinedload(Problem.unit),
    joinedload(Problem.person),
    joinedload(Problem.raised_by),
)
WITH_LEADS = selectinload(Problem.leads)


@value_class
class ProblemFilter:
    """What the list is narrowed to; the defaults narrow nothing."""

    text: str = ""
    is_mine: bool = False  # raised by the viewer or theirs to solve
    unit_ids: frozenset[int] | None = None  # whose units own or assist
    state: ProblemState | None = None
    is_open: bool = False
    category_id: int | None = None
    lead_id: int | None = None
    is_overdue: bool = False
    ids: frozenset[int] | None = None  # the rows behind a figure


@value_class
class SeenProblem:
    """A problem before a viewer, its leads by the labels that the viewer may see."""

    problem: Problem
    leads: tuple[LeadLabel, ...]


def filtered(me: Onlooker, by: ProblemFilter) -> Select[Problem]:
    """The visible problems that pass the filter."""
    query = visible_to(me)
    if by.text.strip():
        text = by.text.strip()
        query = query.where(
            or_(*(c.icontains(text, autoescape=True) for c in (Problem.matter, Problem.ref)))
        )

    conditions: list[tuple[object, ColumnElement[bool]]] = [
        (by.is_mine, _is_mine(me)),
        (by.unit_ids is not None, _of_units(by.unit_ids or frozenset())),
        (by.state, Problem.state == by.state),
        (by.is_open, Problem.state.not_in(OVER)),
        (by.category_id, Problem.category_id == by.category_id),
        (by.lead_id, Problem.id.in_(_of_lead(by.lead_id or 0))),
        (by.is_overdue, overdue(me.on)),
        (by.ids is not None, Problem.id.in_(by.ids or ())),
    ]
    return query.where(*(condition for is_asked, condition in conditions if is_asked))


def _is_mine(me: Onlooker) -> ColumnElement[bool]:
    person_id = me.viewer.person_id
    return or_(Problem.raised_by_id == person_id, Problem.person_id == person_id)


def _of_units(unit_ids: Collection[int]) -> ColumnElement[bool]:
    return or_(Problem.unit_id.in_(unit_ids), assisted_by(unit_ids)) if unit_ids else false()


def _of_lead(lead_id: int) -> Select[int]:
    return select(ProblemLead.problem_id).where(ProblemLead.lead_id == lead_id)


def problems_page(
    db: Session, me: Onlooker, by: ProblemFilter, cursor: str | None = None, *, size: int = PAGE
) -> Page[Problem]:
    """A page of the list, the latest first; parties and leads loaded."""
    query = filtered(me, by).options(*PARTIES, selectinload(Problem.leads))
    return page_of(db, query, on=Problem.raised_at, row_id=Problem.id, cursor=cursor, size=size)


def found_problems(db: Session, me: Onlooker, text: str, *, most: int) -> Sequence[Problem]:
    """The latest problems found by the text, their categories loaded."""
    query = filtered(me, ProblemFilter(text=text)).options(joinedload(Problem.category))
    latest = query.order_by(Problem.raised_at.desc(), Problem.id.desc()).limit(most)
    return db.scalars(latest).all()


def all_problems(db: Session, me: Onlooker, by: ProblemFilter) -> Sequence[Problem]:
    """The whole list for a file, loaded like its pages, with the assisting units."""
    query = filtered(me, by).options(
        *PARTIES, selectinload(Problem.leads), selectinload(Problem.units)
    )
    return db.scalars(query.order_by(Problem.raised_at.desc(), Problem.id.desc())).all()


def seen(db: Session, me: Onlooker, problems: Collection[Problem]) -> list[SeenProblem]:
    """The problems, leads loaded, as the viewer may see them; one query for their leads."""
    ids = {lead.id for problem in problems for lead in problem.leads}
    labels = lead_labels(db, me.viewer, ids, me.on)
    return [
        SeenProblem(problem, tuple(labels[lead.id] for lead in problem.leads))
        for problem in problems
    ]


def seen_alone(db: Session, me: Onlooker, problem: Problem) -> SeenProblem:
    """One problem as the viewer may see it; its leads need not be loaded."""
    of_problem = select(ProblemLead.lead_id).where(ProblemLead.problem_id == problem.id)
    query = labelled_leads(me.viewer.role).where(Lead.id.in_(of_problem)).order_by(Lead.id)
    rows = db.execute(query, values_of(me.viewer, me.on))
    return SeenProblem(problem, tuple(label_of(row) for row in rows))


def problem_of(db: Session, me: Onlooker, problem_id: int) -> Problem | None:
    """The visible problem with all that its page shows; none: 404."""
    history = selectinload(Problem.entries)
    return db.scalar(
        visible_to(me)
        .where(Problem.id == problem_id)
        .options(
            *PARTIES,
            joinedload(Problem.named),
            selectinload(Problem.units),
            history.joinedload(ProblemEntry.by),
            history.joinedload(ProblemEntry.unit),
            history.joinedload(ProblemEntry.person),
        )
        # the session may hold the problem as it was before a step
        .execution_options(populate_existing=True)
    )


def problems_of_lead(db: Session, me: Onlooker, lead_id: int) -> Sequence[Problem]:
    """The visible problems of a lead, those that are due first, parties and history loaded."""
    query = visible_to(me).where(Problem.id.in_(_of_lead(lead_id)))
    # joined: a lead has few problems, and its page many other queries
    loaded = query.options(*PARTIES, joinedload(Problem.entries).joinedload(ProblemEntry.by))
    return db.scalars(loaded.order_by(Problem.due_on, Problem.id)).unique().all()


def problem_of_visit(db: Session, me: Onlooker, visit_id: int) -> Problem | None:
    """The visible problem into which a visit's next step was turned."""
    query = visible_to(me).where(Problem.visit_id == visit_id)
    return db.scalars(query.order_by(Problem.id).limit(1)).first()
