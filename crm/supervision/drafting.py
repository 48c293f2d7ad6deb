"""Drafts of supervision orders: written by hand or by the clock, changed, dropped (REGIME 5)."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes
from crm.base.clock import civil_date
from crm.base.db import insert_into
from crm.base.errors import Refused, refusals_of, refuse
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.leads.permissions import colleague_of
from crm.leads.permissions import may_see as may_see_lead
from crm.people.models import Person, Unit
from crm.people.permissions import Viewer, viewer, viewers, visible_to
from crm.people.rules import OVERSEEING
from crm.quotas.models import RuleVersion
from crm.quotas.permissions import figure_scopes
from crm.supervision.history import note_and_record
from crm.supervision.models import Order, OrderUnit
from crm.supervision.permissions import may_draft, require_step
from crm.supervision.rules import BY_CLOCK, About, EntryKind, OrderKind, OrderState, Origin
from crm.supervision.workflow import Step


@value_class(kw_only=True)
class OrderData:
    """The content of a draft; `unit_id` leads, `unit_ids` assist."""

    kind: OrderKind
    origin: Origin
    about: About
    matter: str
    demand: str
    unit_id: int
    unit_ids: Collection[int] = ()
    person_id: int | None = None
    lead_id: int | None = None
    officer_id: int | None = None  # issues or drops it; none: the person who drafts it by hand
    # the figure of a draft by hand; people who may not see the figure do not see the order either
    rule_code: str | None = None
    period: str | None = None
    ref: str = ""  # of the form, so that a form sent twice drafts one order


@value_class(kw_only=True)
class Cause:
    """The cause of a draft by the clock; the unique key keeps it from drafting twice."""

    key: str
    rule_code: str | None = None
    period: str | None = None
    earlier_period: str | None = None
    milestone: str | None = None
    planned_on: date | None = None


def draft_order(db: Session, *, data: OrderData, by: Person, now: datetime) -> Order:
    """Draft an order by hand; a form sent twice drafts one order.

    Refused as `not_yours`, `required`, `origin_of_clock`, `no_such_unit`, `no_such_person`,
    `no_such_lead`, `officer_is_person`, `leads_and_assists`, `may_not_know_lead`,
    `may_not_know_figure`, `person_out_of_scope`.
    """
    if data.origin in BY_CLOCK:
        raise Refused("origin_of_clock", field="origin")

    key = f"hand:{by.username}:{data.ref.strip()}" if data.ref.strip() else None
    if key and (known := _of_key(db, key)):
        return known

    me = viewer(db, by, civil_date(now))
    if not may_draft(me, data.unit_id):
        raise Refused("not_yours")

    officer_id = by.id if data.officer_id is None else data.officer_id
    values = _checked(db, data, me, now, officer_id=officer_id)
    _check_scope(db, data.person_id, me, now)
    # a figure is always that of a person
    figure = {"rule_code": data.rule_code, "period": data.period} if data.person_id else {}
    own = {"dedupe_key": key, "drafted_at": now, "drafted_by_id": by.id} | figure
    order = Order(state=OrderState.DRAFT, level=0, **own, **values)

    try:
        with db.begin_nested():
            db.add(order)
    except IntegrityError:  # the same form came twice at once
        if key and (known := _of_key(db, key)):
            return known
        raise

    _assist(db, order, data)
    after = {**values, "unit_ids": sorted(data.unit_ids)}
    note_and_record(db, order, EntryKind.DRAFTED, by=by, now=now, after=after)

    return order


def _of_key(db: Session, key: str) -> Order | None:
    return db.scalar(select(Order).where(Order.dedupe_key == key))


def draft_by_clock(db: Session, *, data: OrderData, cause: Cause, now: datetime) -> Order | None:
    """Draft an order for its cause; `None` if that was done before."""
    values = {name: getattr(data, name) for name in _OWN}
    # The unique key, not a query before it, keeps two schedulers from drafting twice.
    insert = insert_into(db, Order).values(
        state=OrderState.DRAFT,
        drafted_at=now,
        level=0,
        dedupe_key=cause.key,
        **{name: getattr(cause, name) for name in _OF_CAUSE},
        **values,
    )
    new = insert.on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(Order.id)
    if (order_id := db.scalar(new)) is None:
        return None

    order = db.get_one(Order, order_id)
    note_and_record(db, order, EntryKind.DRAFTED, by=None, now=now, after=values)

    return order


def change_draft(db: Session, *, order: Order, data: OrderData, by: Person, now: datetime) -> Order:
    """Change a draft before it is issued; its origin and its lead stay.

    Refused as `draft_order`, as `figure_of_person` where it is about the figure of another person,
    and as `order_state` once it is issued or dropped.
    """
    require_step(db, order=order, step=Step.CHANGE, by=by, now=now)
    me = viewer(db, by, civil_date(now))
    if data.unit_id != order.unit_id and not may_draft(me, data.unit_id):
        raise Refused("not_yours")
    # the figure would be that of another person, which this draft is not about
    if order.rule_code and data.person_id != order.person_id:
        raise Refused("figure_of_person", field="person_id")

    values = _checked(
        db,
        replace(data, lead_id=order.lead_id, rule_code=order.rule_code, period=order.period),
        me,
        now,
        officer_id=order.officer_id if data.officer_id is None else data.officer_id,
    )
    # A person who has left the author's scope since may stay in the draft.
    if data.person_id != order.person_id:
        _check_scope(db, data.person_id, me, now)

    values |= {"origin": order.origin}
    before, after = changes(order, values)
    units = _assisting(db, order)

    if units != sorted(data.unit_ids):
        before["unit_ids"], after["unit_ids"] = units, sorted(data.unit_ids)
        db.execute(delete(OrderUnit).where(OrderUnit.order_id == order.id))
        _assist(db, order, data)

    if after:
        note_and_record(db, order, EntryKind.CHANGED, by=by, now=now, before=before, after=after)
        # what was loaded is from before the change
        db.expire(order, ["unit", "person", "officer", "units", "entries"])

    return order


_OWN = (
    *("kind", "origin", "about", "matter", "demand"),
    *("unit_id", "person_id", "lead_id", "officer_id"),
)
_OF_CAUSE = ("rule_code", "period", "earlier_period", "milestone", "planned_on")


def _checked(
    db: Session, data: OrderData, me: Viewer, now: datetime, *, officer_id: int | None
) -> dict[str, object]:
    """The columns of a draft, once all of its content is allowed."""
    refuse(_faults(db, data, me, civil_date(now), officer_id=officer_id))

    if data.rule_code and data.person_id:
        _check_figure(db, data, me, now, officer_id=officer_id)
    if data.lead_id is not None:
        _check_lead(db, data.lead_id, me, now, person_id=data.person_id, officer_id=officer_id)

    return {name: getattr(data, name) for name in _OWN} | {
        "matter": data.matter.strip(),
        "demand": data.demand.strip(),
        "officer_id": officer_id,
    }


def _faults(
    db: Session, data: OrderData, me: Viewer, on: date, *, officer_id: int | None
) -> Iterator[Refused]:
    """What is wrong with the content of a draft, as far as its lead and figure do not decide."""
    for field in ("matter", "demand"):
        if not getattr(data, field).strip():
            yield Refused("required", field=field)
    if db.get(Unit, data.unit_id) is None:
        yield Refused("no_such_unit", field="unit_id")
    yield from refusals_of(lambda: _check_units(db, data))

    person_id = data.person_id
    if person_id is not None:
        yield from refusals_of(lambda: colleague_of(db, person_id, "person_id", on=on))
    # Nobody decides on an order that they have to answer.
    if officer_id is not None and officer_id == person_id:
        yield Refused("officer_is_person", field="officer_id")
    elif officer_id is not None and officer_id != me.person_id:
        yield from refusals_of(
            lambda: colleague_of(db, officer_id, "officer_id", on=on, roles=OVERSEEING)
        )


def _check_scope(db: Session, person_id: int | None, me: Viewer, now: datetime) -> None:
    """Refuse a person outside the author's scope."""
    mine = visible_to(me, civil_date(now)).with_only_columns(Person.id)
    if person_id is not None and db.scalar(mine.where(Person.id == person_id)) is None:
        raise Refused("person_out_of_scope", field="person_id")


def _check_lead(db: Session, lead_id: int, me: Viewer, now: datetime, **people: int | None) -> None:
    """Refuse a lead that is hidden from the author, the person or the officer."""
    on = civil_date(now)
    if not may_see_lead(db, me, lead_id, on):
        raise Refused("no_such_lead", field="lead_id")
    for field, person_id in people.items():
        if person_id is None:
            continue
        if not may_see_lead(db, viewer(db, db.get_one(Person, person_id), on), lead_id, on):
            raise Refused("may_not_know_lead", field=field)


def _check_figure(
    db: Session, data: OrderData, me: Viewer, now: datetime, *, officer_id: int | None
) -> None:
    """Refuse a figure that the author or the officer may not see (REGIME 2)."""
    on, people = civil_date(now), [me.person]
    if officer_id is not None and officer_id != me.person_id:
        people.append(db.get_one(Person, officer_id))

    latest = select(RuleVersion.duty).where(RuleVersion.code == data.rule_code)
    duty = db.scalars(latest.order_by(RuleVersion.valid_from.desc())).first()
    if duty is None or data.person_id is None or not _is_period(data.period):
        raise Refused("not_yours")

    scopes = figure_scopes(db, list(viewers(db, people, on)), on)
    if not scopes[me.person_id].sees(data.person_id, data.unit_id, duty):
        raise Refused("may_not_know_figure", field="unit_id")
    if not all(scope.sees(data.person_id, data.unit_id, duty) for scope in scopes.values()):
        raise Refused("may_not_know_figure", field="officer_id")


def _is_period(name: str | None) -> bool:
    try:
        Period.parse(name or "")
    except ValueError:
        return False
    return True


def _check_units(db: Session, data: OrderData) -> None:
    if data.unit_id in data.unit_ids:
        raise Refused("leads_and_assists", field="unit_ids")
    known = set(db.scalars(select(Unit.id).where(Unit.id.in_(data.unit_ids))))
    if known != set(data.unit_ids):
        raise Refused("no_such_unit", field="unit_ids")


def _assist(db: Session, order: Order, data: OrderData) -> None:
    db.add_all(
        OrderUnit(order_id=order.id, unit_id=unit_id) for unit_id in sorted(set(data.unit_ids))
    )
    db.flush()


def _assisting(db: Session, order: Order) -> list[int]:
    query = select(OrderUnit.unit_id).where(OrderUnit.order_id == order.id)
    return sorted(db.scalars(query))
