"""What pages read of claims: one claim, those of a lead, and what waits for somebody."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from crm.base.clock import civil_date
from crm.base.db import batches
from crm.base.paging import PAGE, Page, page_of
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar
from crm.leads.models import Lead, Milestone
from crm.leads.rules import Agreement, Stage
from crm.people.rules import Role
from crm.quotas.queries import working_calendar
from crm.results.deciders import deciders
from crm.results.models import Claim, ClaimEntry
from crm.results.permissions import (
    ClaimScope,
    actor_conditions,
    may_take,
    visible,
    visible_to,
)
from crm.results.rules import DECIDED_IN, ClaimKind, ClaimState
from crm.results.settings import kind_rows
from crm.results.workflow import CLAIM_WORKFLOW, STEP_OF_WAIT, Step, Wait

PARTIES = (
    joinedload(Claim.lead).joinedload(Lead.company),
    joinedload(Claim.unit),
    joinedload(Claim.claimed_by),
    joinedload(Claim.decided_by),
)

AWAITS_DECISION = frozenset({Step.CLAIM, Step.CLAIM_AGAIN, Step.FLAG})


@value_class
class WaitingClaim:
    """A claim that waits for somebody, for what, and by when."""

    claim: Claim
    wait: Wait
    due_on: date | None  # none where no time is set
    is_overdue: bool


def claim_of(db: Session, scope: ClaimScope, claim_id: int) -> Claim | None:
    """The visible claim with all that its page shows; none: 404."""
    return db.scalar(
        visible_to(scope)
        .where(Claim.id == claim_id)
        .options(*PARTIES, joinedload(Claim.named))
        .options(selectinload(Claim.entries).joinedload(ClaimEntry.by))
        # the session may hold the claim as it was before a step
        .execution_options(populate_existing=True)
    )


def claims_of_lead(db: Session, lead_id: int) -> Sequence[Claim]:
    """The claims on a lead that the viewer sees, the earliest first, with their entries."""
    entries = joinedload(Claim.entries).joinedload(ClaimEntry.by)
    query = select(Claim).where(Claim.lead_id == lead_id).options(entries)
    return db.scalars(query.order_by(Claim.id)).unique().all()


def signed_as(db: Session, lead_id: int) -> Agreement | None:
    """By what agreement a lead was first signed; none: not signed, or not stated (未注明)."""
    signed = (Milestone.lead_id == lead_id) & (Milestone.kind == Stage.SIGNED)
    query = select(Milestone.agreement).where(signed)
    return db.scalar(query.order_by(Milestone.reached_on, Milestone.id).limit(1))


def claims_page(  # noqa: PLR0913 - whose claims, and which part of them
    db: Session,
    scope: ClaimScope,
    *,
    kind: ClaimKind | None,
    state: ClaimState | None,
    cursor: str | None,
    size: int = PAGE,
) -> Page[Claim]:
    """A page of the claims that the viewer may see, the latest first."""
    query = _narrowed(scope, kind, state)
    return page_of(db, query, on=Claim.claimed_at, row_id=Claim.id, cursor=cursor, size=size)


def all_claims(
    db: Session, scope: ClaimScope, *, kind: ClaimKind | None, state: ClaimState | None
) -> Sequence[Claim]:
    """The whole list."""
    query = _narrowed(scope, kind, state)
    return db.scalars(query.order_by(Claim.claimed_at.desc(), Claim.id.desc())).all()


def _narrowed(scope: ClaimScope, kind: ClaimKind | None, state: ClaimState | None) -> Select[Claim]:
    query = visible_to(scope).options(*PARTIES)
    if kind:
        query = query.where(Claim.kind == kind)
    return query.where(Claim.state == state) if state else query


def due_on(claim: Claim, calendar: WorkingCalendar) -> date | None:
    """The last day for the decision, where one is awaited."""
    if claim.state is ClaimState.CLAIMED:
        return DECIDED_IN.after(civil_date(claim.claimed_at), calendar)
    if claim.flagged_at is not None:
        return DECIDED_IN.after(civil_date(claim.flagged_at), calendar)
    return None


def waiting_for(db: Session, scope: ClaimScope, at: datetime) -> list[WaitingClaim]:
    """What waits for the viewer, the most pressing first: the lists of *my day*."""
    calendar = working_calendar(db)
    found = [
        WaitingClaim(claim, wait, due := due_on(claim, calendar), bool(due and due < scope.on))
        for claim, wait in [*_own(db, scope), *_without_decider(db, scope, at)]
    ]
    places = {wait: place for place, wait in enumerate(Wait)}
    return sorted(
        found, key=lambda item: (places[item.wait], item.due_on or date.max, item.claim.id)
    )


def _own(db: Session, scope: ClaimScope) -> list[tuple[Claim, Wait]]:
    marks = _marks(scope)
    query = select(Claim, *(mark.label(wait.value) for wait, mark in marks.items()))
    query = query.where(or_(*marks.values()), visible(scope)).options(*PARTIES)
    return [
        (row[0], wait)
        for row in db.execute(query)
        for wait, is_so in zip(marks, row[1:], strict=True)
        if is_so
    ]


def _marks(scope: ClaimScope) -> dict[Wait, Any]:
    """By wait, the claims on which the step is the viewer's task; naming is not among them."""
    actors = actor_conditions(scope)
    rows = {wait: CLAIM_WORKFLOW.of(step) for wait, step in STEP_OF_WAIT.items()}
    return {
        wait: may_take(row.step, actors) & or_(*(actors[actor] for actor in row.waits_for))
        for wait, row in rows.items()
        if wait is not Wait.NAME
    }


def undecided() -> Select[Claim]:
    """The claims on which somebody has to decide."""
    return select(Claim).where(or_(Claim.state == ClaimState.CLAIMED, Claim.flag.is_not(None)))


def _without_decider(db: Session, scope: ClaimScope, at: datetime) -> list[tuple[Claim, Wait]]:
    """For an admin the claims on which nobody is left to decide."""
    if scope.viewer.role is not Role.ADMIN:
        return []
    claims = db.scalars(undecided().where(visible(scope)).options(*PARTIES)).all()
    of_claim = deciders(db, claims, at)
    return [(claim, Wait.NAME) for claim in claims if not of_claim[claim.id]]


def overdue_units(db: Session, at: datetime) -> list[tuple[int | None, int | None]]:
    """Of each claim not decided in time at that moment the responsible and the recognising unit."""
    rows, calendar, on = kind_rows(db), working_calendar(db), civil_date(at)
    late = [
        claim_id
        for claim_id, since in _waiting_since(db, at).items()
        if DECIDED_IN.after(civil_date(since), calendar) < on
    ]
    claims = [
        claim
        for part in batches(late)
        for claim in db.execute(
            select(Claim.unit_id, Claim.kind).where(Claim.id.in_(part)).order_by(Claim.id)
        )
    ]
    return [(unit_id, rows[kind].unit_id if kind in rows else None) for unit_id, kind in claims]


def _waiting_since(db: Session, at: datetime) -> dict[int, datetime]:
    """By claim on which somebody had to decide at the moment, since when."""
    # what nobody has to decide now, and nothing has happened to since, did not wait then
    later = select(ClaimEntry.claim_id).where(ClaimEntry.at > at)
    may_wait = or_(
        ClaimEntry.claim_id.in_(undecided().with_only_columns(Claim.id)),
        ClaimEntry.claim_id.in_(later),
    )
    entries = select(ClaimEntry.claim_id, ClaimEntry.step, ClaimEntry.at)
    then = entries.where(may_wait, ClaimEntry.at <= at).order_by(ClaimEntry.id)
    since: dict[int, datetime] = {}
    for claim_id, step, entered_at in db.execute(then):
        if step in AWAITS_DECISION:
            since[claim_id] = entered_at
        elif step is not Step.NAME:  # who decides is another matter
            since.pop(claim_id, None)
    return since
