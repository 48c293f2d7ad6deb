"""Amounts of a lead by kind; a changed amount keeps its former row (PROJECTS 1)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.money import Currency, Stated, editable_amount
from crm.base.pending import collect
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.leads.amount_models import LeadAmount
from crm.leads.models import Lead, Milestone
from crm.leads.rates import rate_of
from crm.leads.result_facts import ResultFactChanged
from crm.leads.rules import AmountKind, Stage
from crm.people.models import Person

LARGEST = Decimal(10) ** 14  # a million 亿: more is a slip of the keys
# The field of the form and of files that holds the amount of a kind.
FIELD_OF = {kind: kind.value for kind in AmountKind} | {AmountKind.TOTAL: "amount"}
NONE_STATED = (None, None)
Changes = tuple[dict[str, object], dict[str, object]]  # values before and after, by field


@value_class
class AmountRow:
    """An amount of a lead as its page shows it."""

    kind: AmountKind
    amount: Decimal
    currency: Currency
    rate: Decimal | None
    stated_on: date
    entered_at: datetime
    replaced_at: datetime | None
    entered_by: str | None


@value_class
class AmountChange:
    """An amount that was replaced by another, or taken away."""

    at: datetime
    kind: AmountKind
    former: AmountRow
    latter: AmountRow | None


def amounts_of(db: Session, lead_id: int) -> list[AmountRow]:
    """All amounts of a lead, those that were replaced too, in the order in which they came."""

    def read() -> list[AmountRow]:
        columns: list[Any] = [getattr(LeadAmount, name) for name in AmountRow.__match_args__[:-1]]
        columns.append(Person.name)
        rows = select(*columns).outerjoin(LeadAmount.entered_by)
        found = db.execute(rows.where(LeadAmount.lead_id == lead_id).order_by(LeadAmount.id))
        return [AmountRow(*row) for row in found]

    return remembered(db, "lead-amounts", lead_id, read=read)


def amount_changes(rows: Iterable[AmountRow]) -> list[AmountChange]:
    """The changes of a lead's amounts, from its rows in the order in which they were entered."""
    rows = list(rows)
    entered = {(row.kind, row.entered_at): row for row in rows}
    return [
        # what replaced a row was entered at that moment
        AmountChange(row.replaced_at, row.kind, row, entered.get((row.kind, row.replaced_at)))
        for row in rows
        if row.replaced_at
    ]


def is_plausible(amount: Decimal) -> bool:
    """Whether it is in whole cents and not larger than any investment, however it was typed."""
    # the size first: an amount of very many digits cannot be rounded
    return amount.is_finite() and abs(amount) < LARGEST and amount == round(amount, 2)


def check_amounts(amounts: Mapping[AmountKind, Stated | None]) -> None:
    """Refuse as `bad_amount`, at its field, what is no amount in whole cents."""
    for kind, stated in amounts.items():
        if stated is None:
            continue
        value, _ = stated
        if not is_plausible(value) or value < 0:
            raise Refused("bad_amount", field=FIELD_OF[kind])


def keep_amounts(  # noqa: PLR0913 - what was stated, when, by whom
    db: Session,
    lead: Lead,
    amounts: Mapping[AmountKind, Stated | None],
    *,
    stated_on: date | None,
    by: Person | None,
    now: datetime,
) -> Changes:
    """Keep the amounts of these kinds; returns what changed. Without a date stated today."""
    if stated_on and stated_on > civil_date(now):
        raise Refused("in_future", field="stated_on", on=stated_on)
    held = {row.kind: row for row in held_amounts(db, lead.id)}
    changed = {
        kind: stated for kind, stated in amounts.items() if stated != _stated(held.get(kind))
    }
    if not changed:
        return {}, {}

    was = {kind: _stated(held.get(kind)) for kind in changed}
    for kind in changed:
        if row := held.get(kind):
            row.replaced_at = now
    db.flush()  # before the new rows: one of each kind holds
    for kind, stated in changed.items():
        if stated:
            row = _new_row(db, lead, kind, stated, held.get(kind))
            row.stated_on, row.entered_at = stated_on or civil_date(now), now
            row.entered_by_id = by.id if by else None
            db.add(row)
    db.flush()
    db.refresh(lead, ["amount", "currency"])  # the database copies the total to the lead
    if AmountKind.TOTAL in changed:
        collect(db, ResultFactChanged(lead.id, None, now))

    return _audited(was, changed), _audited(changed, was)


def held_amounts(db: Session, lead_id: int) -> Sequence[LeadAmount]:
    """The amounts of a lead that hold."""
    rows = select(LeadAmount).where(LeadAmount.lead_id == lead_id, LeadAmount.replaced_at.is_(None))
    return db.scalars(rows).all()


def keep_signing_rates(db: Session, lead_id: int, *, by: Person | None, now: datetime) -> None:
    """Keep the rate of the day of signing with each foreign amount.

    A rate that is kept stays as it is, unless the date of the signing itself is corrected.
    """
    signed_on = _signed_on(db, lead_id)
    for row in held_amounts(db, lead_id):
        if row.currency is Currency.CNY or (row.rate_on and row.rate_on == signed_on):
            continue
        rate = rate_of(db, row.currency, signed_on) if signed_on else None
        if rate == row.rate:
            continue

        before = {"rate": row.rate, "rate_on": row.rate_on}
        row.rate, row.rate_on = rate, signed_on if rate else None
        after = {"currency": row.currency, "rate": row.rate, "rate_on": row.rate_on}
        lead = db.get_one(Lead, lead_id)
        record(db, "lead.rate_kept", lead, by=by, at=now, before=before, after=after)


def keep_missing_rates(db: Session, *, by: Person | None, now: datetime) -> None:
    """Keep the rates of signed amounts that had none, now that more rates are known."""
    signed = select(Milestone.lead_id).where(Milestone.kind == Stage.SIGNED)
    waiting = select(LeadAmount.lead_id).where(
        LeadAmount.currency != Currency.CNY,
        LeadAmount.rate.is_(None),
        LeadAmount.replaced_at.is_(None),
        LeadAmount.lead_id.in_(signed),
    )
    for lead_id in db.scalars(waiting.distinct()).all():
        keep_signing_rates(db, lead_id, by=by, now=now)


def _new_row(
    db: Session, lead: Lead, kind: AmountKind, stated: Stated, former: LeadAmount | None
) -> LeadAmount:
    value, currency = stated
    row = LeadAmount(lead_id=lead.id, kind=kind, amount=value, currency=currency)
    if currency is Currency.CNY:
        return row
    if former and former.currency is currency and former.rate:
        row.rate, row.rate_on = former.rate, former.rate_on
    elif signed_on := _signed_on(db, lead.id):
        row.rate = rate_of(db, currency, signed_on)
        row.rate_on = signed_on if row.rate else None
    return row


def _signed_on(db: Session, lead_id: int) -> date | None:
    first = select(func.min(Milestone.reached_on))
    return db.scalar(first.where(Milestone.lead_id == lead_id, Milestone.kind == Stage.SIGNED))


def _stated(row: LeadAmount | None) -> Stated | None:
    return (row.amount, row.currency) if row else None


def _audited(
    values: Mapping[AmountKind, Stated | None], others: Mapping[AmountKind, Stated | None]
) -> dict[str, object]:
    """The values by field; the total in two fields, of which only those that differ."""
    audited: dict[str, object] = {}
    for kind, stated in values.items():
        if kind is AmountKind.TOTAL:
            pairs = zip(stated or NONE_STATED, others[kind] or NONE_STATED, strict=True)
            differ = zip(("amount", "currency"), pairs, strict=True)
            audited |= {name: value for name, (value, other) in differ if value != other}
        else:
            audited[kind.value] = editable_amount(*stated) if stated else None
    return audited
