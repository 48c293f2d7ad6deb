"""From the facts of a run to the digest of one recipient."""

from crm.base.outbox import MessageKind
from crm.base.periods import PeriodKind
from crm.digests.content import Digest, Listed, OwnPart
from crm.digests.lines import due_lines, figure_lines, planned, visit_line
from crm.digests.permissions import Sight
from crm.digests.queries import Facts
from crm.digests.rules import waiting
from crm.digests.units import units_part
from crm.quotas.rules import basis_of

KINDS = {PeriodKind.WEEK: MessageKind.WEEKLY, PeriodKind.MONTH: MessageKind.MONTHLY}

MOST_DUE = 10
MOST_PLANNED = 12


def compose(facts: Facts, sight: Sight, *, late: bool) -> Digest:
    """What the recipient reads: their own part, the part of their units, or both in one."""
    me, seen = sight.viewer.person_id, sight.figures.unit_ids
    shown = [
        one.figure
        for one in facts.figures
        if one.person_id == me or (sight.has_units and one.unit_id in seen)
    ]

    return Digest(
        kind=KINDS[facts.period.kind],
        period=facts.period,
        zone_name=facts.units[0].unit.name if facts.units else "",
        name=sight.viewer.person.name,
        at=facts.at,
        is_late=late,
        is_estimated=facts.is_estimated,
        basis=basis_of(shown, facts.period, facts.since),
        waiting=waiting(shown, facts.at),
        own=_own_part(facts, sight),
        units=units_part(facts, sight) if sight.has_units else None,
        rules=tuple({one.rule.code: one.rule for one in shown}.values()),
    )


def _own_part(facts: Facts, sight: Sight) -> OwnPart | None:
    me = sight.viewer.person_id
    own = [one for one in facts.figures if one.person_id == me]
    part = OwnPart(
        ended=figure_lines(facts, (one for one in own if one.figure.period in facts.spans.ended)),
        running=figure_lines(
            facts, (one for one in own if one.figure.period in facts.spans.running)
        ),
        due=Listed.first(due_lines(facts, sight), MOST_DUE),
        plan=Listed.first(
            [visit_line(one, sight, minutes=False) for one in planned(facts) if one.is_of(me)],
            MOST_PLANNED,
        ),
    )

    return part if part.figures or part.due or part.plan else None
