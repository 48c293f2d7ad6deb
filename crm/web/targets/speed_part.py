"""How long projects take, on the board of targets: the zone's spans, and one that is picked."""

from collections.abc import Set as AbstractSet

from flask import request

from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.catalog import industries
from crm.leads.milestone_kinds import milestone_kinds
from crm.people.queries import unit_tree
from crm.targets.catalog import spans
from crm.targets.queries import courses, speeds_of
from crm.targets.speed import MeasuredSpan, Speed, year_of
from crm.web.auth import my_view
from crm.web.transaction import moment


@value_class
class SpeedPart:
    """The spans that projects completed in a year, and what may be picked."""

    speeds: tuple[Speed, ...]
    picked: MeasuredSpan | None
    found: Speed | None  # of the picked span; none where no project completed it
    kinds: list[tuple[str, str]]  # code and name


def speed_part(year: int) -> SpeedPart:
    """The speed of the projects of the viewer's units; the milestones picked come as arguments."""
    period, told = year_of(year), spans(db.session)
    names = milestone_kinds(db.session).names
    picked = _picked(names.keys(), told)
    wanted = (*told, picked) if picked else told
    unit_ids = my_view().unit_ids
    sees_all = all(node.unit.id in unit_ids for node in unit_tree(db.session))

    # only who sees the whole zone sees projects without a responsible unit
    projects = [
        project
        for project in courses(db.session, period, moment(), wanted)
        if project.unit_id in unit_ids or (sees_all and project.unit_id is None)
    ]
    sectors = industries(db.session)
    found = speeds_of(projects, period, [picked], names, sectors) if picked else ()

    speeds = speeds_of(projects, period, told, names, sectors)
    return SpeedPart(speeds, picked, next(iter(found), None), [*names.items()])


def _picked(codes: AbstractSet[str], told: tuple[MeasuredSpan, ...]) -> MeasuredSpan | None:
    """The span from one milestone to another, with its norm where the zone has set one."""
    begin, end = request.args.get("from", ""), request.args.get("to", "")
    if begin == end or not {begin, end} <= codes:
        return None
    known = {(span.begin, span.end): span for span in told}
    return known.get((begin, end)) or MeasuredSpan(begin, end)
