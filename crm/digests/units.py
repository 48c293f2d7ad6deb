"""The part of a digest on the units that its recipient sees: results, and who needs a hand."""

from itertools import groupby

from crm.base.periods import PeriodKind
from crm.digests.content import FigureLine, MovedLine, Step, UnitsPart, VisitLine
from crm.digests.lines import figure_lines, plan, visit_line
from crm.digests.queries import Facts, VisitFact
from crm.digests.results import everything, groups, rule_lines, tops, unit_line
from crm.digests.rules import SHORT
from crm.digests.sight import Sight
from crm.leads.rules import MilestoneKind, is_major
from crm.visits.rules import Status


def units_part(facts: Facts, sight: Sight) -> UnitsPart:
    """What is told of the units that the recipient sees; records only to who has them."""
    seen = sight.viewer.unit_ids
    figures = [one for one in facts.figures if one.unit_id in seen]
    lines = [unit_line(facts, group) for group in groups(facts.units, seen)]
    moved = _moved(facts, sight) if sight.has_records else []
    signed = {step.lead_id for step in facts.steps if step.is_first_signing}
    return UnitsPart(
        names=tuple(top.unit.name for top in tops(facts.units, seen)),
        lines=tuple(line for line in lines if not line.is_empty),
        total=unit_line(facts, everything(facts.units, seen)),
        rules=tuple(rule_lines(facts, figures)),
        people=_people(facts, sight) if sight.has_records else (),
        moved=tuple(line for lead_id, line in moved if lead_id not in signed),
        signed=tuple(line for lead_id, line in moved if lead_id in signed),
        notable=_notable(facts, sight) if sight.has_records else (),
        plan=plan(facts, sight, lambda visit: _is_of_units(facts, sight, visit))
        if sight.has_records
        else (),
    )


def _people(facts: Facts, sight: Sight) -> tuple[FigureLine, ...]:
    """By unit and name, never by score: a week's shortfalls, a month in full."""
    place = {node.unit.id: number for number, node in enumerate(facts.units)}
    shown = [
        one
        for one in facts.figures
        if one.unit_id in sight.viewer.unit_ids
        and one.person_id != sight.viewer.person_id
        and (
            one.figure.status in SHORT
            or (facts.period.kind is PeriodKind.MONTH and one.figure.period == facts.period)
        )
    ]
    shown.sort(key=lambda one: (place[one.unit_id], one.username))
    return figure_lines(facts, shown)


def _moved(facts: Facts, sight: Sight) -> list[tuple[int, MovedLine]]:
    """The leads of these units that reached something in the period, by unit."""
    in_scope = everything(facts.units, sight.viewer.unit_ids).unit_ids
    names = {node.unit.id: node.unit.name for node in facts.units}
    place = {node.unit.id: number for number, node in enumerate(facts.units)}
    steps = [
        step
        for step in facts.steps
        if step.reached_on in facts.period
        and step.kind is not MilestoneKind.LEAD
        and step.lead_id in facts.leads
        and facts.leads[step.lead_id].unit_id in in_scope
    ]
    steps.sort(key=lambda step: step.lead_id)
    lines = []
    for lead_id, some in groupby(steps, key=lambda step: step.lead_id):
        lead = facts.leads[lead_id]
        known = sight.knows(lead_id)
        line = MovedLine(
            lead=sight.name_of(lead_id),
            unit_name=names.get(lead.unit_id) if lead.unit_id else None,
            amount=lead.amount if known else None,
            currency=lead.currency if known else None,
            steps=tuple(Step(step.kind, step.reached_on) for step in some),
        )
        lines.append((place.get(lead.unit_id or 0, len(place)), lead_id, line))
    return [(lead_id, line) for _, lead_id, line in sorted(lines, key=lambda one: one[:2])]


def _is_of_units(facts: Facts, sight: Sight, visit: VisitFact) -> bool:
    """Whether the recipient sees it and someone of their units leads it or takes part."""
    people = {visit.facts.leader_id, *visit.participant_ids}
    homes = {facts.homes.get(person_id) for person_id in people}
    return visit.facts.id in sight.visit_ids and bool(homes & sight.viewer.unit_ids)


def _notable(facts: Facts, sight: Sight) -> tuple[VisitLine, ...]:
    """The visits made in the period that concern a major project, then those with minutes."""
    shown = [
        visit
        for visit in facts.visits
        if visit.status is Status.DONE
        and visit.facts.last_on in facts.period
        and (visit.minutes or _is_major(facts, visit))
        and _is_of_units(facts, sight, visit)
    ]
    shown.sort(key=lambda visit: not _is_major(facts, visit))
    return tuple(visit_line(visit, sight, minutes=True) for visit in shown)


def _is_major(facts: Facts, visit: VisitFact) -> bool:
    leads = [facts.leads[lead_id] for lead_id in visit.lead_ids if lead_id in facts.leads]
    return any(is_major(lead.amount, lead.currency) for lead in leads)
