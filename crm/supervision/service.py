"""What happens to a supervision order once it is drafted: issued, answered, accepted (REGIME 5)."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.db import insert_into
from crm.base.errors import Refused
from crm.base.seed_files import read_seeds
from crm.base.value_class import value_class
from crm.people.delegations import on_behalf
from crm.people.models import Person
from crm.quotas.queries import working_calendar
from crm.supervision.history import note_and_record
from crm.supervision.models import Order, OrderEntry, OrderSeries
from crm.supervision.notifications import require_receivers
from crm.supervision.permissions import require_step
from crm.supervision.rules import due_on
from crm.supervision.workflow import ENTRY_OF_STEP, ORDER_WORKFLOW, Step

# The steps that need words, and the field of the form in which these stand.
FIELDS = {
    Step.DROP: "reason",
    Step.PROGRESS: "text",
    Step.EXTEND: "reason",
    Step.REFUSE: "reason",
    Step.ANSWER: "text",
    Step.ACCEPT: "basis",
    Step.RETURN: "reason",
}


@value_class
class StepInput:
    """A step as it is taken: its words, its new due date, by whom, in whose name and when."""

    step: Step
    text: str | None
    new_due_on: date | None
    by: Person
    for_id: int | None
    now: datetime


@value_class
class StepRecord:
    """What a step leaves in the history and the trail beside its words."""

    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    new_due_on: date | None = None


def take_step(  # noqa: PLR0913 - a step has that many parts
    db: Session,
    *,
    order: Order,
    step: Step,
    by: Person,
    now: datetime,
    text: str = "",
    new_due_on: date | None = None,
) -> OrderEntry:
    """Take a step of the workflow: check it, apply it, and write it down.

    Refused as `require_step`, as `required` where words are missing, and as `due_not_later`.
    Issuing is refused as `nobody_receives` or `nobody_may_know` where nobody would receive it.
    """
    for_id = require_step(db, order=order, step=step, by=by, now=now)
    step_input = StepInput(step, _words(step, text), new_due_on, by, for_id, now)

    step_record = _CHANGES[step](db, order, step_input) if step in _CHANGES else StepRecord()
    order.state = ORDER_WORKFLOW.of(step).target or order.state

    return note_and_record(
        *(db, order, ENTRY_OF_STEP[step]),
        by=by,
        now=now,
        before=step_record.before,
        after=on_behalf(step_record.after, for_id),
        text=step_input.text,
        new_due_on=step_record.new_due_on,
    )


def _words(step: Step, text: str) -> str | None:
    if step in FIELDS and not text.strip():
        raise Refused("required", field=FIELDS[step])
    return text.strip() or None


def _issue(db: Session, order: Order, step_input: StepInput) -> StepRecord:
    """Give the order its number and its due date."""
    require_receivers(db, order, step_input.by, step_input.now)
    on = civil_date(step_input.now)
    due = due_on(order.kind, on, working_calendar(db))
    number = _next_number(db, on.year)

    order.code_word, order.number_year, order.number = code_word(), on.year, number
    # what a delegate issues is its owner's, who goes on with it afterwards
    order.issued_at, order.issued_by_id = step_input.now, step_input.for_id or step_input.by.id
    order.first_due_on = order.due_on = due

    return StepRecord(after={"number": order.number_text, "due_on": due})


def _receive(_db: Session, order: Order, step_input: StepInput) -> StepRecord:
    order.received_at, order.received_by_id = step_input.now, step_input.by.id
    return StepRecord()


def _ask_extension(_db: Session, order: Order, step_input: StepInput) -> StepRecord:
    asked = _later(step_input.new_due_on, _due(order))
    order.asked_due_on = asked
    order.asked_by_id, order.asked_for_id = step_input.by.id, step_input.for_id
    return StepRecord(after={"asked_due_on": asked}, new_due_on=asked)


def _grant(_db: Session, order: Order, _taken: StepInput) -> StepRecord:
    before, asked = {"due_on": order.due_on}, order.asked_due_on
    order.due_on = asked
    order.asked_due_on = order.asked_by_id = order.asked_for_id = None
    return StepRecord(before=before, after={"due_on": asked}, new_due_on=asked)


def _refuse(_db: Session, order: Order, _taken: StepInput) -> StepRecord:
    """Drop the request; the due date stays."""
    order.asked_due_on = order.asked_by_id = order.asked_for_id = None
    return StepRecord(before={"due_on": order.due_on}, after={"due_on": order.due_on})


def _answer(_db: Session, order: Order, step_input: StepInput) -> StepRecord:
    """Record the answer; an extension that is still asked for lapses."""
    order.answered_at = step_input.now
    order.answered_by_id, order.answered_for_id = step_input.by.id, step_input.for_id
    order.asked_due_on = order.asked_by_id = order.asked_for_id = None
    return StepRecord()


def _accept(_db: Session, order: Order, step_input: StepInput) -> StepRecord:
    order.basis = step_input.text
    order.accepted_at, order.accepted_by_id = step_input.now, step_input.by.id
    return StepRecord(after={"basis": step_input.text})


def _return(_db: Session, order: Order, step_input: StepInput) -> StepRecord:
    """Give the order back to the unit, with a new due date or the old one."""
    if step_input.new_due_on is None:
        return StepRecord()

    before = {"due_on": order.due_on}
    # the old due date may have passed: the new one must lie ahead of today, too
    order.due_on = _later(step_input.new_due_on, max(_due(order), civil_date(step_input.now)))

    return StepRecord(before=before, after={"due_on": order.due_on}, new_due_on=order.due_on)


_CHANGES: Mapping[Step, Callable[[Session, Order, StepInput], StepRecord]] = {
    Step.ISSUE: _issue,
    Step.RECEIVE: _receive,
    Step.EXTEND: _ask_extension,
    Step.GRANT: _grant,
    Step.REFUSE: _refuse,
    Step.ANSWER: _answer,
    Step.ACCEPT: _accept,
    Step.RETURN: _return,
}


def _due(order: Order) -> date:
    assert order.due_on is not None  # noqa: S101 - a constraint sees to it
    return order.due_on


def _later(new: date | None, than: date) -> date:
    if new is None or new <= than:
        raise Refused("due_not_later", field="new_due_on", on=than)
    return new


def _next_number(db: Session, year: int) -> int:
    """The next number of the year, without gap: a rollback gives it back (REGIME 5).

    Whoever takes one holds the year's row until the commit, and the next one waits.
    """
    first = insert_into(db, OrderSeries).values(year=year, last=1)
    upsert = first.on_conflict_do_update(
        index_elements=["year"], set_={"last": OrderSeries.last + 1}
    )
    return db.scalars(upsert.returning(OrderSeries.last)).one()


@cache
def code_word() -> str:
    """The word of the issuing office (机关代字) that stands before the number of an order."""
    return str(read_seeds("supervision.yaml")["code_word"])
