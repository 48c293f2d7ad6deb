"""Reads of the projects in hand at a moment."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from crm.base.money import Currency
from crm.leads.models import Lead, Milestone
from crm.leads.roles import responsible_unit_on
from crm.leads.rules import FINAL, LINE, Stage
from crm.leads.tier_lines import tier_lines
from crm.leads.tiers import Tier
from crm.targets.in_hand import IN_HAND, ProjectInHand

_BEYOND = LINE[LINE.index(IN_HAND[-1]) + 1 :]


def projects_in_hand(
    db: Session, *, tiers: Collection[Tier], last: date, at: datetime
) -> list[ProjectInHand]:
    """The projects in hand on the date, as found at the moment, of the smallest of these tiers."""
    if not tiers:
        return []
    lines = tier_lines(db)
    smallest = min(tiers, key=list(Tier).index)
    begins = {currency: lines.of(currency, last).get(smallest) for currency in Currency}
    large = [
        (Lead.currency == currency) & (Lead.amount >= line)
        for currency, line in begins.items()
        if line is not None
    ]
    is_large = Lead.id.is_not(None) if smallest is Tier.ANY else or_(*large)

    rows = db.execute(
        select(
            *(Lead.id, _negotiates(last, at), Lead.amount, Lead.currency),
            responsible_unit_on(last),
        )
        .where(is_large, Lead.entered_at <= at)
        .where(_goes_on(IN_HAND, last, at), ~_goes_on(_BEYOND, last, at))
        .order_by(Lead.id)
    )
    return [
        ProjectInHand(
            *(row_id, IN_HAND[-1] if negotiates else IN_HAND[0], amount, currency, unit),
            lines.tier_of(amount, currency, last),
        )
        for row_id, negotiates, amount, currency, unit in rows
    ]


def _negotiates(last: date, at: datetime) -> ColumnElement[bool]:
    return _goes_on((Stage.NEGOTIATING,), last, at)


def _goes_on(stages: Collection[Stage], last: date, at: datetime) -> ColumnElement[bool]:
    """Whether the lead reached one of these and was neither parked nor lost since.

    The condition of `current_stage`, as known at the moment.
    """
    step, stop = aliased(Milestone), aliased(Milestone)
    is_later = or_(
        stop.reached_on > step.reached_on,
        and_(stop.reached_on == step.reached_on, stop.id > step.id),
    )
    stopped = exists().where(
        *(stop.lead_id == step.lead_id, stop.kind.in_(FINAL), is_later),
        *(stop.reached_on <= last, stop.entered_at <= at),
    )
    return exists().where(
        *(step.lead_id == Lead.id, step.kind.in_(stages), ~stopped),
        *(step.reached_on <= last, step.entered_at <= at),
    )
