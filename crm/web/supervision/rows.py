"""Supervision orders as pages show them: rows of the register, facts, history, printed form."""

from collections.abc import Sequence
from datetime import date

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.value_class import value_class
from crm.supervision.assignees import WaitingOrder
from crm.supervision.models import Order, OrderEntry
from crm.supervision.rules import EntryKind, OrderKind, OrderState, days_overdue
from crm.supervision.workflow import Wait

NO_NUMBER = {OrderState.DRAFT: "草稿", OrderState.DROPPED: "未编号"}
TONES = {
    OrderState.DRAFT: "neutral",
    OrderState.ISSUED: "info",
    OrderState.RECEIVED: "info",
    OrderState.ANSWERED: "info",
    OrderState.RETURNED: "warn",
    OrderState.ACCEPTED: "good",
    OrderState.DROPPED: "neutral",
}
MARKS = {
    EntryKind.DRAFTED: ("file-text", "neutral"),
    EntryKind.CHANGED: ("pencil", "neutral"),
    EntryKind.NOTED: ("info-circle", "neutral"),
    EntryKind.ISSUED: ("send", "info"),
    EntryKind.DROPPED: ("ban", "neutral"),
    EntryKind.RECEIVED: ("check", "info"),
    EntryKind.PROGRESS: ("progress", "info"),
    EntryKind.EXTENSION_ASKED: ("calendar-plus", "warn"),
    EntryKind.EXTENSION_GRANTED: ("calendar-check", "info"),
    EntryKind.EXTENSION_REFUSED: ("calendar-x", "warn"),
    EntryKind.ESCALATED: ("alert-triangle", "bad"),
    EntryKind.ANSWERED: ("message", "info"),
    EntryKind.RETURNED: ("arrow-back-up", "warn"),
    EntryKind.ACCEPTED: ("circle-check", "good"),
}
NEW_DUE = {
    EntryKind.EXTENSION_ASKED: "申请延期至",
    EntryKind.EXTENSION_GRANTED: "期限改为",
    EntryKind.RETURNED: "期限改为",
}
BY_CLOCK = "系统"
# The printed form tells what was done, not each formal step.
PRINTED_ENTRIES = frozenset({EntryKind.PROGRESS, EntryKind.ANSWERED, EntryKind.RETURNED})


@value_class
class OrderLine:
    """An order in the register or in a list of what waits."""

    id: int
    number: str
    matter: str
    unit: str
    person: str
    officer: str
    due: str
    overdue: str
    state: OrderState
    tone: str
    asked: str  # for which date an extension is asked
    wait: Wait | None = None


@value_class
class EntryLine:
    """An entry of an order's history."""

    kind: EntryKind
    icon: str
    tone: str
    title: str
    when: str
    texts: tuple[str, ...]


@value_class
class PaperLine:
    """An entry of the history in the printed form."""

    when: str
    who: str
    text: str


@value_class
class Paper:
    """The printed form of an order; what is not known yet is empty."""

    number: str
    unit: str
    units: str
    person: str
    officer: str
    origin: str
    matter: str
    demand: str
    kind: str
    due: str
    issuer: str
    issued_on: str
    course: tuple[PaperLine, ...]
    basis: str
    accepter: str
    accepted_on: str
    is_draft: bool


def order_line(order: Order, on: date, *, wait: Wait | None = None) -> OrderLine:
    """The row of an order; its parties are loaded."""
    late = days_overdue(order.state, order.due_on, on)

    return OrderLine(
        id=order.id,
        number=order.number_text or NO_NUMBER[order.state],
        matter=order.matter,
        unit=order.unit.name,
        person=order.person.name if order.person else "",
        officer=order.officer.name if order.officer else "",
        due=formatting.dated(order.due_on, on) if order.due_on else "",
        overdue=f"逾期 {late} 天" if late else "",
        state=order.state,
        tone=TONES[order.state],
        asked=f"申请延期至{formatting.dated(order.asked_due_on, on)}" if order.asked_due_on else "",
        wait=wait,
    )


def waiting_line(item: WaitingOrder, on: date) -> OrderLine:
    """The row of an order that waits for somebody."""
    return order_line(item.order, on, wait=item.wait)


def units_of(order: Order) -> str:
    """The names of the assisting units; they are loaded."""
    return "、".join(unit.name for unit in order.units)


def facts_of(order: Order, on: date) -> list[tuple[str, str]]:
    """The facts of an order beside its matter and demand."""
    line = order_line(order, on)
    pairs = [
        ("牵头单位", line.unit),
        ("配合单位", units_of(order) or "无"),
        ("责任人", line.person or "由牵头单位明确"),
        ("经办人", line.officer or "待明确"),
        ("时限类别", order.kind.label),
        ("来源", order.origin.label),
    ]
    if order.issued_at:
        pairs.append(("下达日期", formatting.dated(civil_date(order.issued_at), on)))

    if order.due_on:
        # REGIME 5: an extension leaves the first date visible
        moved = order.first_due_on not in (None, order.due_on)
        first = f"（原为{formatting.dated(order.first_due_on, on)}）" if moved else ""  # type: ignore[arg-type]
        pairs.append(("办理期限", f"{line.due}（{formatting.weekday(order.due_on)}）{first}"))

    return pairs


def entry_lines(entries: Sequence[OrderEntry], on: date) -> list[EntryLine]:
    """The history of an order, the latest entry first."""
    return [_entry_line(entry, on) for entry in reversed(entries)]


def _entry_line(entry: OrderEntry, on: date) -> EntryLine:
    icon, tone = MARKS[entry.kind]
    texts = [entry.text or ""]
    if entry.new_due_on and entry.kind in NEW_DUE:
        texts.append(f"{NEW_DUE[entry.kind]}{formatting.dated(entry.new_due_on, on)}")

    return EntryLine(
        entry.kind,
        icon,
        tone,
        entry.kind.label,
        f"{entry.by.name if entry.by else BY_CLOCK} {formatting.moment(entry.at, on)}",
        tuple(filter(None, texts)),
    )


def kind_name(kind: OrderKind) -> str:
    """The name of a kind without its days: `急办`."""
    return kind.label.partition("（")[0]


def due_if_issued(dates: dict[OrderKind, date], on: date) -> str:
    """A sentence with the due dates of an order issued today."""
    dues = "、".join(f"{kind_name(kind)}{formatting.dated(due, on)}" for kind, due in dates.items())
    return f"期限自下达之日起算；今天下达的，{dues}到期。"


def paper_of(order: Order) -> Paper:
    """The printed form; history and units are loaded, dates have their year."""
    by_kind = {entry.kind: entry for entry in order.entries}  # the latest of a kind
    issued, accepted = by_kind.get(EntryKind.ISSUED), by_kind.get(EntryKind.ACCEPTED)

    return Paper(
        number=order.number_text or "",
        unit=order.unit.name,
        units=units_of(order),
        person=order.person.name if order.person else "",
        officer=order.officer.name if order.officer else "",
        origin=order.origin.label,
        matter=order.matter,
        demand=order.demand,
        kind=order.kind.label,
        due=_full(order.due_on) if order.due_on else "",
        issuer=_by(issued) if issued else "",
        issued_on=_full(civil_date(issued.at)) if issued else "",
        course=tuple(
            _paper_line(entry) for entry in order.entries if entry.kind in PRINTED_ENTRIES
        ),
        basis=order.basis or "",
        accepter=_by(accepted) if accepted else "",
        accepted_on=_full(civil_date(accepted.at)) if accepted else "",
        is_draft=order.number is None,
    )


def _paper_line(entry: OrderEntry) -> PaperLine:
    text = f"{entry.kind.label}：{entry.text}"
    return PaperLine(_full(civil_date(entry.at)), _by(entry), text)


def _by(entry: OrderEntry) -> str:
    return entry.by.name if entry.by else BY_CLOCK


def _full(on: date) -> str:
    # printed orders are kept for years
    return f"{on.year}年{formatting.day(on)}"
