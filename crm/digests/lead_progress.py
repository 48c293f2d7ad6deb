"""What the units' leads reached in a digest's period, as far as the reader may know (REGIME 2)."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from crm.base.value_class import value_class
from crm.digests.content import ProgressLine, ReachedMilestone
from crm.digests.facts import Facts, StepFact, Units
from crm.digests.permissions import Visibility
from crm.digests.results import everything
from crm.digests.rules import FORWARD
from crm.digests.truncated import Truncated
from crm.leads.rules import Stage
from crm.targets.months import Result
from crm.targets.rules import Metric

MOST_SIGNED = 20
MOST_MOVED = 15
MOST_OTHER = 8

Signings = Mapping[int, Result]  # by lead


@value_class
class LeadProgress:
    """What one lead reached in the period."""

    lead_id: int
    steps: Sequence[StepFact]

    @property
    def is_signing(self) -> bool:
        """Whether it was signed for the first time."""
        return any(step.is_first_signing for step in self.steps)

    @property
    def is_forward(self) -> bool:
        return any(step.kind in FORWARD for step in self.steps)


@value_class
class ProgressLists:
    """The leads that were signed, that otherwise moved forward, and the rest."""

    signed: Truncated[ProgressLine]
    moved: Truncated[ProgressLine]
    other: Truncated[ProgressLine]


def lead_progress(facts: Facts, visibility: Visibility) -> ProgressLists:
    """The progress of the units' leads; nothing for a reader of figures only."""
    if not visibility.has_records:
        nothing: Truncated[ProgressLine] = Truncated((), 0, 0)
        return ProgressLists(nothing, nothing, nothing)
    in_scope = everything(facts.units, visibility.viewer.unit_ids).unit_ids
    progress = facts.shared(_of_units, in_scope)
    signings = {row.lead_id: row for row in facts.results.now if row.metric is Metric.SIGNED}

    def lines(is_wanted: Callable[[LeadProgress], bool], limit: int) -> Truncated[ProgressLine]:
        wanted = [lead for lead in progress if is_wanted(lead)]
        # REGIME 2: of a hidden lead not even the code name is listed here; totals count it.
        known = [lead for lead in wanted if visibility.knows_lead(lead.lead_id)]
        shown = Truncated.of(known, limit, hidden=len(wanted) - len(known))
        return shown.each(lambda lead: _line(facts, visibility, lead, signings))

    return ProgressLists(
        signed=lines(lambda lead: lead.is_signing, MOST_SIGNED),
        moved=lines(lambda lead: lead.is_forward and not lead.is_signing, MOST_MOVED),
        other=lines(lambda lead: not lead.is_forward, MOST_OTHER),
    )


def _of_units(facts: Facts, unit_ids: Units) -> list[LeadProgress]:
    """By unit in the order of the tree, then in the order in which the leads were entered."""
    steps: defaultdict[int, list[StepFact]] = defaultdict(list)

    for step in facts.steps_by_unit.of(*unit_ids):
        if step.reached_on in facts.period and step.kind != Stage.LEAD:
            steps[step.lead_id].append(step)

    def place(lead_id: int) -> tuple[int, int]:
        return facts.unit_order.get(facts.leads[lead_id].unit_id or 0, -1), lead_id

    return [LeadProgress(lead_id, steps[lead_id]) for lead_id in sorted(steps, key=place)]


def _line(
    facts: Facts, visibility: Visibility, progress: LeadProgress, signings: Signings
) -> ProgressLine:
    lead = facts.leads[progress.lead_id]
    signing = signings.get(progress.lead_id) if progress.is_signing else None
    amount, currency = lead.amount, lead.currency
    if signing and signing.recognised > 0:
        amount, currency = signing.counted_amount, signing.currency
    return ProgressLine(
        lead=visibility.lead_name(progress.lead_id),
        unit_name=facts.unit_names.get(lead.unit_id) if lead.unit_id else None,
        amount=amount,
        currency=currency,
        steps=tuple(ReachedMilestone(step.name, step.reached_on) for step in progress.steps),
        signing=_state(signing) if progress.is_signing else "",
    )


def _state(signing: Result | None) -> str:
    if signing and signing.recognised > 0:
        return "认定"
    return "待认定" if signing and signing.waiting > 0 else "登记"
