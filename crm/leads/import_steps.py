"""What an imported lead has reached, by the dates of its row (PROJECTS 1). Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise

from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.leads.fields import STAGE_DATES
from crm.leads.rules import (
    FINAL,
    FRAMEWORK,
    LINE,
    ON_LINE,
    Agreement,
    Reached,
    Stage,
    current_stage,
    kind_signed,
)

_COLUMNS: Mapping[Stage, str] = {stage: code for code, stage in STAGE_DATES.items()}


@value_class(kw_only=True)
class RowDates:
    """What a row says of the way of a lead; nothing of it need be given."""

    stage: Stage | None = None
    entered_on: date | None = None
    stages: Mapping[Stage, date]  # those of the line after the first
    side: Sequence[tuple[str, date]] = ()  # side milestones by code
    agreement: Agreement | None = None
    stopped_on: date | None = None
    stop_reason: str | None = None
    look_again_on: date | None = None


@value_class
class Step:
    """A milestone to be kept."""

    kind: str
    on: date
    reason: str | None = None
    agreement: Agreement | None = None
    look_again_on: date | None = None


@value_class
class Way:
    """The way of a lead: where it stands, and its milestones, the first stage among them."""

    stage: Stage
    entered_on: date
    steps: tuple[Step, ...]
    is_framework: bool  # told as a signing, it is none (PROJECTS 1)


def way_of(row: RowDates, today: date) -> Way:
    """The way that a row tells of; the dates of a form's single stage are that of its entry.

    Refused as `in_future`, `before_entered`, `out_of_order`, `already_reached`, `required`,
    `stage_without_date`, `stage_disagrees`, `agreement_without_signing`, `stop_without_stage`,
    `stopped_before`, `look_again_too_early`.
    """
    dates = [*row.stages.values(), *(on for _, on in row.side)]
    dates += [row.stopped_on] if row.stopped_on else []
    entered_on = row.entered_on or min(dates, default=today)
    line = _line(row, entered_on)
    side, signed_as = _signed(row, line)

    _check_dates(row, line, entered_on, today)
    _check_order(line)
    steps = [
        Step(Stage.LEAD, entered_on),
        *side,
        *(
            Step(stage, line[stage], agreement=signed_as if stage is Stage.SIGNED else None)
            for stage in LINE
            if stage in line
        ),
        *_stop(row, line, entered_on),
    ]

    reached = [Reached(step.kind, step.on, place) for place, step in enumerate(steps)]
    stage = current_stage(step for step in reached if step.kind in {*ON_LINE, *FINAL})
    is_framework = row.agreement not in (None, Agreement.FORMAL) and _says_signed(row)
    if row.stage and stage is not row.stage and not is_framework:
        raise Refused("stage_disagrees", field="stage", stage=row.stage, furthest=stage)
    return Way(stage, entered_on, tuple(steps), is_framework)


def _says_signed(row: RowDates) -> bool:
    return row.stage is Stage.SIGNED or Stage.SIGNED in row.stages


def _line(row: RowDates, entered_on: date) -> dict[Stage, date]:
    """The dates of the stages; that of a single one may be left out, as in the form."""
    line = dict(row.stages)
    stage = row.stage
    if stage is None or stage is Stage.LEAD or stage in FINAL or stage in line:
        return line
    if line or row.side:
        raise Refused("stage_without_date", field=_COLUMNS[stage], stage=stage)
    return {stage: entered_on}


def _signed(row: RowDates, line: dict[Stage, date]) -> tuple[list[Step], Agreement | None]:
    """The side milestones, and the agreement of the signing; another than a formal one is none."""
    side = [Step(kind, on) for kind, on in row.side]
    if row.agreement is None:
        return side, None

    if kind_signed(row.agreement) == Stage.SIGNED:
        if Stage.SIGNED not in line:
            raise Refused("agreement_without_signing", field="agreement")
        return side, row.agreement

    framework = {step.kind: step.on for step in side}.get(FRAMEWORK)
    if Stage.SIGNED in line:
        if framework:
            facts = {"kind": Agreement.FRAMEWORK.label, "on": framework}
            raise Refused("already_reached", field=_COLUMNS[Stage.SIGNED], **facts)
        side.append(Step(FRAMEWORK, line.pop(Stage.SIGNED)))
    elif framework is None:
        raise Refused("agreement_without_signing", field="agreement")
    return [
        Step(step.kind, step.on, agreement=row.agreement if step.kind == FRAMEWORK else None)
        for step in side
    ], None


def _check_dates(row: RowDates, line: Mapping[Stage, date], entered_on: date, today: date) -> None:
    columns = [(_COLUMNS[stage], on) for stage, on in line.items()]
    columns += [("side_milestones", on) for _, on in row.side]
    columns += [("entered_on", entered_on)]
    columns += [("stopped_on", row.stopped_on)] if row.stopped_on else []
    for column, on in columns:
        if on > today:
            raise Refused("in_future", field=column, on=on)
        if on < entered_on:
            raise Refused("before_entered", field=column, on=entered_on)


def _check_order(line: Mapping[Stage, date]) -> None:
    for earlier, later in pairwise(stage for stage in LINE if stage in line):
        if line[later] < line[earlier]:
            facts = {"kind": earlier.label, "on": line[earlier]}
            raise Refused("out_of_order", field=_COLUMNS[later], **facts)


def _stop(row: RowDates, line: Mapping[Stage, date], entered_on: date) -> list[Step]:
    if row.stage not in FINAL:
        for column in ("stopped_on", "stop_reason", "look_again_on"):
            if getattr(row, column):
                raise Refused("stop_without_stage", field=column)
        return []

    on = row.stopped_on
    if on is None and (line or row.side):
        raise Refused("required", field="stopped_on")
    on = on or entered_on
    if not row.stop_reason:
        raise Refused("required", field="stop_reason")
    if any(on < reached for reached in line.values()):
        raise Refused("stopped_before", field="stopped_on")

    again = row.look_again_on
    if again and row.stage is not Stage.PARKED:
        raise Refused("stop_without_stage", field="look_again_on")
    if again and again <= on:
        raise Refused("look_again_too_early", field="look_again_on", on=on)
    return [Step(Stage(row.stage), on, reason=row.stop_reason, look_again_on=again)]
