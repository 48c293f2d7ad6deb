"""The lines of the tiers: read wherever a size matters, set by an admin (PROJECTS 1)."""

from dataclasses import asdict, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.money import WAN, Currency
from crm.base.remembered import remembered_long
from crm.base.seed_files import read_seeds
from crm.leads.catalog_models import TierLineRow
from crm.leads.tiers import Tier, TierLine, TierLines
from crm.people.models import Person
from crm.people.rules import SYSTEM

BEGINNING = date(2000, 1, 1)  # the lines as shipped hold for all projects


@cache
def shipped_lines() -> tuple[TierLine, ...]:
    """The lines of seeds/tier_lines.yaml."""
    return tuple(
        TierLine(
            *(Tier(row["tier"]), Currency(row["currency"])),
            *(BEGINNING, Decimal(row["threshold"]) * WAN),
        )
        for row in read_seeds("tier_lines.yaml")
    )


def tier_lines(db: Session) -> TierLines:
    """The lines with their dates, remembered until one is set."""
    return remembered_long(db, "tier lines", read=lambda: _read(db))


def _read(db: Session) -> TierLines:
    rows = tuple(map(_line, db.scalars(select(TierLineRow).order_by(TierLineRow.id))))
    # none at all: `crm init` has not been run since the table is there
    return TierLines(rows or shipped_lines())


def _line(row: TierLineRow) -> TierLine:
    return TierLine(row.tier, row.currency, row.from_on, row.threshold)


def plant_lines(db: Session, now: datetime) -> int:
    """Add the lines as shipped where there are none; how many."""
    if db.scalar(select(TierLineRow.id).limit(1)):
        return 0
    for line in shipped_lines():
        _save(db, line, by=None, now=now)
    return len(shipped_lines())


def set_line(db: Session, *, line: TierLine, by: Person, now: datetime) -> TierLineRow:
    """Set where a tier begins in a foreign currency, from a date on.

    Refused as `not_yours`, `tier_is_in_yuan`, `line_in_past`, `bad_amount`, `lines_out_of_order`,
    `known_line`.
    """
    if by.role not in SYSTEM:
        raise Refused("not_yours")
    # the tier itself is an amount in yuan, which is its name
    if line.currency is Currency.CNY or line.tier is Tier.ANY:
        raise Refused("tier_is_in_yuan", field="currency")
    # what counted by the former line stays as it was reported
    if line.from_on < civil_date(now):
        raise Refused("line_in_past", field="from_on")
    if line.threshold is not None and line.threshold <= 0:
        raise Refused("bad_amount", field="threshold")
    _check_order(tier_lines(db), line)

    # with a line of its own a zone no longer reads those as shipped
    plant_lines(db, now)
    return _save(db, line, by=by, now=now)


def _check_order(lines: TierLines, new: TierLine) -> None:
    """Refuse a line that is not above the smaller tiers' and below the larger ones'."""
    rows = TierLines((*lines.rows, new))
    later = {row.from_on for row in rows.rows if row.from_on >= new.from_on}
    for on in sorted(later):
        thresholds = [*rows.of(new.currency, on).values()]
        if any(below >= above for below, above in pairwise(thresholds)):
            raise Refused("lines_out_of_order", field="threshold")


def _save(db: Session, line: TierLine, *, by: Person | None, now: datetime) -> TierLineRow:
    """Add the line, or change that of the same date, which has not begun or begins today."""
    same = select(TierLineRow).filter_by(
        tier=line.tier, currency=line.currency, from_on=line.from_on
    )
    row = db.scalar(same)
    is_new = row is None
    row = row or TierLineRow(**asdict(replace(line, threshold=None)))

    try:
        with db.begin_nested():
            db.add(row)
            before, after = changes(row, {"threshold": line.threshold})
    except IntegrityError as error:
        raise Refused("known_line", field="from_on") from error

    if is_new:
        record(db, "tier_line.added", row, by=by, at=now, after=asdict(line))
    elif after:
        record(db, "tier_line.changed", row, by=by, at=now, before=before, after=after)
    return row
