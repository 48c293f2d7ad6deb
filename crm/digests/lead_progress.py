"""What leads reached in a digest's period, as far as its reader may know of them (REGIME 2)."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crm.digests.content import Listed, MovedLine, Step
from crm.digests.permissions import Sight
from crm.digests.queries import Facts, StepFact
from crm.digests.results import everything
from crm.digests.rules import FORWARD
from crm.leads.rules import MilestoneKind

MOST_SIGNED = 20
MOST_MOVED = 15
MOST_OTHER = 8
Moves = tuple[Listed[MovedLine], Listed[MovedLine], Listed[MovedLine]]


@dataclass(frozen=True, slots=True)
class Move:
    """What one lead reached in the period."""

    lead_id: int
    steps: Sequence[StepFact]

    @property
    def is_signing(self) -> bool:
        """Whether it was signed, for the first time."""
        return any(step.is_first_signing for step in self.steps)

    @property
    def is_forward(self) -> bool:
        """Whether it went forward on its line."""
        return any(step.kind in FORWARD for step in self.steps)


def moves(facts: Facts, sight: Sight) -> Moves:
    """The units' leads that were signed, that else went forward, and that else moved."""
    if not sight.has_records:
        return Listed((), 0, 0), Listed((), 0, 0), Listed((), 0, 0)
    all_moves = _of_units(facts, sight)

    def some(is_wanted: Callable[[Move], bool], most: int) -> Listed[MovedLine]:
        wanted = [move for move in all_moves if is_wanted(move)]
        # REGIME 2: not even a code name, but where a visit shows it; the totals have them all
        known = [move for move in wanted if sight.knows(move.lead_id)]
        lines = [_line(facts, sight, move) for move in known]
        return Listed.first(lines, most, hidden=len(wanted) - len(known))

    return (
        some(lambda move: move.is_signing, MOST_SIGNED),
        some(lambda move: move.is_forward and not move.is_signing, MOST_MOVED),
        some(lambda move: not move.is_forward, MOST_OTHER),
    )


def _of_units(facts: Facts, sight: Sight) -> list[Move]:
    """By unit, and in a unit in the order in which the leads were entered."""
    in_scope = everything(facts.units, sight.viewer.unit_ids).unit_ids
    place = {node.unit.id: number for number, node in enumerate(facts.units)}
    steps: defaultdict[int, list[StepFact]] = defaultdict(list)
    for step in facts.steps:
        lead = facts.leads.get(step.lead_id)
        if lead is None or lead.unit_id not in in_scope:
            continue
        if step.reached_on in facts.period and step.kind is not MilestoneKind.LEAD:
            steps[step.lead_id].append(step)
    order = sorted(steps, key=lambda one: (place.get(facts.leads[one].unit_id or 0, -1), one))
    return [Move(lead_id, steps[lead_id]) for lead_id in order]


def _line(facts: Facts, sight: Sight, move: Move) -> MovedLine:
    lead = facts.leads[move.lead_id]
    names = {node.unit.id: node.unit.name for node in facts.units}
    return MovedLine(
        lead=sight.name_of(move.lead_id),
        unit_name=names.get(lead.unit_id) if lead.unit_id else None,
        amount=lead.amount,
        currency=lead.currency,
        steps=tuple(Step(step.kind, step.reached_on) for step in move.steps),
    )
