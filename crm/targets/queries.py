"""Reads of targets, of the projects that count for them, and of projects' speed (REGIME 6)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Subquery, func, select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.money import Currency
from crm.base.periods import Period
from crm.leads.models import Lead, Milestone
from crm.leads.roles import responsible_unit_on
from crm.leads.tier_lines import tier_lines
from crm.leads.tiers import Tier
from crm.people.queries import UnitNode, units_below
from crm.results.basis import Basis
from crm.results.figures import ClaimFact, claim_facts
from crm.results.money_figures import CountedMoney, counted_money
from crm.results.rules import MILESTONE_OF, ClaimKind, ClaimState, Span, needs_recognition
from crm.results.settings import spans
from crm.targets.in_hand import in_hand
from crm.targets.in_hand_queries import projects_in_hand
from crm.targets.models import Target
from crm.targets.money import money_of, money_share, with_money
from crm.targets.rules import (
    BESIDE_SIGNED,
    CLAIM_OF,
    KIND_OF,
    OF_MONEY,
    Goal,
    Metric,
    Project,
    TargetMeasure,
    TargetProgress,
    currencies_of,
    progress_of,
)
from crm.targets.speed import Course, MeasuredSpan, Speed, speeds, year_of

_CLAIM_KINDS = {milestone: kind for kind, milestone in MILESTONE_OF.items()}


def goals(db: Session, units: Sequence[UnitNode], year: int) -> list[Goal]:
    """The targets of the year, by unit in tree order, then by metric, tier and measure."""
    unit_order = {node.unit.id: place for place, node in enumerate(units)}
    metrics, tiers = list(Metric), list(Tier)
    rows = db.scalars(select(Target).where(Target.year == year)).all()
    # Not in SQL: the order of the tree and of the enums is known in Python only.
    rows = sorted(
        rows,
        key=lambda target: (
            unit_order[target.unit_id],
            metrics.index(target.metric),
            tiers.index(target.tier),
            target.measure is TargetMeasure.AMOUNT,
            target.currency or "",
        ),
    )

    return [goal_of(row) for row in rows]


def goal_of(row: Target) -> Goal:
    value = Decimal(row.count) if row.count is not None else row.amount or Decimal(0)
    currency = row.currency or Currency.CNY
    return Goal(row.id, row.year, row.unit_id, row.metric, row.tier, row.measure, value, currency)


def target_progress(  # noqa: PLR0913 - of what, of when, and as found when
    db: Session,
    *,
    units: Sequence[UnitNode],
    seen: Collection[int],
    year: int,
    last: date,
    before: date,
    at: datetime,
) -> list[TargetProgress]:
    """How far each target of the units has come, by what was reached up to `last` as found `at`.

    Progress is compared with the months of the year that ended before the date `before`.
    """
    wanted = [goal for goal in _with_unset(goals(db, units, year)) if goal.unit_id in seen]
    if not wanted:
        return []

    whole = year_of(year)
    last = min(last, whole.last)
    reached = projects(db, first=whole.first, last=last, at=at)
    tiers = {goal.tier for goal in wanted if goal.metric is Metric.SIGNED}
    waiting = projects_in_hand(db, tiers=tiers, last=last, at=at)
    names = {node.unit.id: node.unit.name for node in units}

    # what a project received before the year counts in its share (资金到位率)
    money = counted_money(db, first=date.min, last=last, at=at)
    of_year = [fact for fact in money if fact.on >= whole.first]

    found, lines = [], tier_lines(db)
    for goal in wanted:
        own = units_of_target(units, goal.unit_id)
        progress = progress_of(goal, names[goal.unit_id], own, reached, before)
        progress = replace(progress, money_share=money_share(reached, money, own))
        if goal.metric is Metric.SIGNED:
            rows = in_hand(waiting, tier=goal.tier, currencies=goal.currencies, unit_ids=own)
            progress = replace(progress, in_hand=rows)
        is_money = goal.metric in OF_MONEY
        found.append(with_money(progress, of_year, own, lines) if is_money else progress)
    return found


def money_of_target(
    db: Session, goal: Goal, *, units: Sequence[UnitNode], last: date, at: datetime
) -> list[CountedMoney]:
    """The receipts of the year that a target of money is about, those too that do not count."""
    whole = year_of(goal.year)
    money = counted_money(db, first=whole.first, last=min(last, whole.last), at=at)
    return money_of(goal, money, units_of_target(units, goal.unit_id), tier_lines(db))


def _with_unset(goals: Sequence[Goal]) -> list[Goal]:
    """The goals, and what stands beside signings without a number (PROJECTS 11)."""
    by_unit: dict[int, list[Goal]] = {}
    for goal in goals:
        by_unit.setdefault(goal.unit_id, []).append(goal)

    found: list[Goal] = []
    for unit_id, own in by_unit.items():
        found += own
        metrics = {goal.metric for goal in own}
        found += [
            _unset(own[0].year, unit_id, metric)
            for metric in BESIDE_SIGNED
            if Metric.SIGNED in metrics and metric not in metrics
        ]
    return found


def _unset(year: int, unit_id: int, metric: Metric) -> Goal:
    measure = TargetMeasure.AMOUNT if metric in OF_MONEY else TargetMeasure.COUNT
    currency = currencies_of(metric)[0]
    return Goal(None, year, unit_id, metric, Tier.ANY, measure, None, currency)


def units_of_target(units: Sequence[UnitNode], unit_id: int) -> frozenset[int | None]:
    """The unit and all below it; the top unit also has the projects of no unit."""
    is_top = any(node.unit.id == unit_id and node.unit.parent_id is None for node in units)
    return units_below(units, {unit_id}) | ({None} if is_top else frozenset())


def projects(db: Session, *, first: date, last: date, at: datetime) -> list[Project]:
    """What was reached for the first time between the dates, each project once a kind.

    With what was reached earlier and counts between them (上年结转).
    """
    reached = _first_reached(list(KIND_OF.values()), at)
    rows = db.execute(
        select(
            *(Lead.id, reached.c.kind, reached.c.on, Lead.amount, Lead.currency),
            *(responsible_unit_on(reached.c.on), Lead.earlier_lead_id),
        )
        .join(reached, reached.c.lead_id == Lead.id)
        .where(reached.c.on >= first, reached.c.on <= last)
        .order_by(reached.c.on, Lead.id)
    )
    facts = claim_facts(db, list(CLAIM_OF.values()), at)
    rules = spans(db)
    found = []
    for *row, earlier in rows:
        project = _judged(Project(*row), facts, rules, first, last)
        kind = _CLAIM_KINDS[project.kind]
        expands = _expands(earlier, kind, project.reached_on, rules)
        found.append(replace(project, expands=expands))
    known = {(project.lead_id, _CLAIM_KINDS[project.kind]) for project in found}
    carried = [
        fact
        for key, fact in facts.items()
        if first <= fact.counts_on <= last
        and key not in known
        # PROJECTS 7: a corrected milestone leaves the recognition on its date
        and (fact.reached_on < first or fact.state is ClaimState.RECOGNISED)
    ]
    lines = tier_lines(db)
    return [project.sized(lines) for project in (*_carried(db, carried, rules), *found)]


def _expands(earlier_lead_id: int | None, kind: ClaimKind, on: date, rules: Sequence[Span]) -> bool:
    """Whether it counts as an expansion of an earlier project.

    PROJECTS 7: facts of an earlier date, and kinds that are off, count as registered.
    """
    return earlier_lead_id is not None and needs_recognition(rules, kind, on)


def _judged(
    project: Project,
    facts: Mapping[tuple[int, ClaimKind], ClaimFact],
    rules: Sequence[Span],
    first: date,
    last: date,
) -> Project:
    """The project with how it counts between the dates."""
    kind = _CLAIM_KINDS[project.kind]
    fact = facts.get((project.lead_id, kind))
    if fact is None or fact.state is ClaimState.WITHDRAWN:
        is_enough = not needs_recognition(rules, kind, project.reached_on)
        return replace(project, basis=Basis.REGISTERED if is_enough else Basis.UNCLAIMED)

    basis = fact.basis
    if basis is Basis.RECOGNISED and not first <= fact.counts_on <= last:
        basis = Basis.OTHER_YEAR
    amount, currency = _registered(fact, project.amount, project.currency)
    return replace(
        project,
        amount=amount,
        currency=currency,
        unit_id=fact.unit_id,
        basis=basis,
        recognised_amount=fact.recognised_amount,
        claim_id=fact.claim_id,
        counted_on=fact.counts_on,
    )


def _registered(
    fact: ClaimFact, amount: Decimal | None, currency: Currency | None
) -> tuple[Decimal | None, Currency | None]:
    """What is registered of a project of that amount to which there is the claim."""
    return (fact.claimed_amount, fact.currency) if fact.states_amount else (amount, currency)


def _carried(db: Session, facts: Sequence[ClaimFact], rules: Sequence[Span]) -> list[Project]:
    """What counts between the dates, though its milestone has another date."""
    ids = {fact.lead_id for fact in facts}
    query = select(Lead.id, Lead.amount, Lead.currency, Lead.earlier_lead_id).where(
        Lead.id.in_(ids)
    )
    leads = {row.id: row for row in db.execute(query)} if ids else {}

    return [
        Project(
            fact.lead_id,
            MILESTONE_OF[fact.kind],
            fact.counts_on,
            *_registered(fact, leads[fact.lead_id].amount, leads[fact.lead_id].currency),
            fact.unit_id,
            fact.basis,
            fact.recognised_amount,
            fact.claim_id,
            expands=_expands(
                leads[fact.lead_id].earlier_lead_id, fact.kind, fact.reached_on, rules
            ),
        )
        for fact in facts
    ]


def courses(
    db: Session, period: Period, at: datetime, told: Sequence[MeasuredSpan]
) -> list[Course]:
    """The projects that completed a span in the period, with the first date of each milestone."""
    kinds = {kind for span in told for kind in (span.begin, span.end)}
    # Only the span's end must lie in the period; it may have begun long before.
    ended = (
        select(Milestone.lead_id)
        .where(
            Milestone.kind.in_({span.end for span in told}),
            Milestone.reached_on >= period.first,
            Milestone.reached_on <= period.last,
            Milestone.entered_at <= at,
        )
        .distinct()
    )
    reached = _first_reached(kinds, at)
    rows = db.execute(
        select(
            *(Lead.id, Lead.amount, Lead.currency, Lead.industry),
            *(responsible_unit_on(period.last), reached.c.kind, reached.c.on),
        )
        .join(reached, reached.c.lead_id == Lead.id)
        .where(Lead.id.in_(ended))
        .order_by(Lead.id)
    )
    found: dict[int, Course] = {}
    dates: defaultdict[int, dict[str, date]] = defaultdict(dict)
    lines, on = tier_lines(db), min(period.last, civil_date(at))

    for lead_id, amount, currency, industry, unit, kind, on in rows:
        dates[lead_id][kind] = on
        size = lines.tier_of(amount, currency, on)
        found[lead_id] = Course(lead_id, unit, size, industry, dates[lead_id])

    return list(found.values())


def speeds_of(
    ended: Collection[Course],
    period: Period,
    told: Sequence[MeasuredSpan],
    kind_names: Mapping[str, str],
    industries: Mapping[str, str],
) -> tuple[Speed, ...]:
    """How fast projects completed their spans in the period, against the zone's norms."""
    return speeds(
        ended,
        period,
        told,
        kind_names=kind_names,
        industry_name=lambda code: industries.get(code, code),
    )


def _first_reached(kinds: Collection[str], at: datetime) -> Subquery:
    return (
        select(Milestone.lead_id, Milestone.kind, func.min(Milestone.reached_on).label("on"))
        # what was entered later is not known at that moment
        .where(Milestone.kind.in_(kinds), Milestone.entered_at <= at)
        .group_by(Milestone.lead_id, Milestone.kind)
        .subquery()
    )
