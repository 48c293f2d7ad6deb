"""Supervision orders (督办单): the register, drafts, one order, and its steps (REGIME 5)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from crm.api.call import Call, found
from crm.api.lead_models import unit_id
from crm.api.models import Asked, Day, Listed, Listing, Prose, RowId, Username
from crm.api.operations import Resource
from crm.api.order_models import NewOrder, OrderListed, OrderShown, show_order, show_orders
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.base.locks import lock_row
from crm.base.typed_dates import YEARS
from crm.people.rules import OVERSEEING, WITH_RECORDS
from crm.supervision.drafting import draft_order
from crm.supervision.models import Order
from crm.supervision.notifications import tell
from crm.supervision.queries import last_entry, order_of
from crm.supervision.register import OrderFilter, orders_page
from crm.supervision.rules import OrderKind, OrderState, Origin
from crm.supervision.service import take_step
from crm.supervision.workflow import Step

orders = Resource("orders", "督办单")
ONE = "/orders/{order_id}"
# those that a person takes by what they write; the text of a draft is changed on its page
Deciding = Literal["issue", "drop", "grant", "refuse", "accept", "return"]
Taken = Literal[Deciding, "receive", "answer", "progress", "extend"]


class OrderQuery(Listed):
    text: Annotated[str, Field(max_length=100)] = Field("", description="查找的文字或编号")
    state: OrderState | None = Field(None, description="状态")
    kind: OrderKind | None = Field(None, description="时限类别")
    origin: Origin | None = Field(None, description="来源")
    unit: Annotated[str, Field(max_length=50)] | None = Field(
        None, description="牵头或配合单位的编号"
    )
    person: Username | None = Field(None, description="责任人（账号）")
    lead: RowId | None = Field(None, description="线索的 id")
    year: Annotated[int, Field(ge=YEARS[0], le=YEARS[-1])] | None = Field(
        None, description="编号的年度"
    )
    overdue: bool = Field(False, description="只要逾期的")  # noqa: FBT003 - a default


class OrderStep(Asked):
    """A step of the workflow; what it does not need is left out."""

    NAMES: ClassVar = dict.fromkeys(("reason", "basis"), "text")

    step: Taken = Field(description="督办单的 steps 中的一步")
    text: Annotated[Prose, Field(max_length=2000)] = Field(
        "", description="办理结果、进展、理由或销号依据"
    )
    new_due_on: Day | None = Field(None, description="延期至，或退回后的新期限")


@orders.get("/orders", "可见的督办单，新起草的在前", roles=WITH_RECORDS)
def listing(call: Call, query: OrderQuery) -> Listing[OrderListed]:
    by, place = _filter(call, query), place_of(call, query)
    page = orders_page(call.db, call.viewer, call.on, by=by, cursor=place, size=query.limit)
    return listed(call, query, page, lambda rows: show_orders(call, rows))


@orders.get(ONE, "一份督办单及其办理过程", roles=WITH_RECORDS)
def show(call: Call, order_id: RowId) -> OrderShown:
    return show_order(call, _visible(call, order_id))


@orders.post("/orders", "起草督办单", creates=True, roles=OVERSEEING)
def add(call: Call, body: NewOrder) -> OrderShown:
    """Draft an order; the same `ref` of the same person is the same draft, and harmless."""
    order = draft_order(call.db, data=body.data(call), by=call.person, now=call.now)
    tell(call.db, order=order, entry=last_entry(call.db, order), site=call.site)
    return call.after(show, order.id)


@orders.post(f"{ONE}/steps", "办理督办单的一步：签收、反馈、销号等", roles=WITH_RECORDS)
def take(call: Call, order_id: RowId, body: OrderStep) -> OrderShown:
    lock_row(call.db, Order, order_id)
    order = _visible(call, order_id)
    call.match(show_order(call, order))
    entry = take_step(
        call.db,
        order=order,
        step=Step(body.step),
        by=call.person,
        now=call.now,
        text=body.text,
        new_due_on=body.new_due_on,
    )
    tell(call.db, order=order, entry=entry, site=call.site)
    return call.after(show, order_id)


def _filter(call: Call, query: OrderQuery) -> OrderFilter:
    return OrderFilter(
        text=query.text,
        state=query.state,
        kind=query.kind,
        origin=query.origin,
        unit_id=unit_id(call, query.unit, "unit"),
        person_id=call.person_id(query.person, "person") if query.person else None,
        lead_id=query.lead,
        year=query.year,
        overdue_on=call.on if query.overdue else None,
    )


def _visible(call: Call, order_id: int) -> Order:
    return found(order_of(call.db, call.viewer, order_id, call.on))
