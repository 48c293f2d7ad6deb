"""The audit trail as a whole: sealed daily, verified byte by byte, purged once it is old."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from crm.base.audit import record
from crm.base.audit_entries import (
    HASHED,
    AuditEntry,
    AuditHead,
    AuditLink,
    as_stored,
    as_text,
    entry_text,
    link_hash,
)
from crm.base.clock import civil_date
from crm.base.db import Base, database_now
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.value_class import value_class

KEPT_DAYS = 183  # half a year; the triggers in the database say the same
ROWS_PER_FETCH = 1000


class AuditSeal(Base):
    """The chain as it stood when a day was over; seals are chained as well, and never purged."""

    __tablename__ = "audit_seal"

    id: Mapped[int] = mapped_column(primary_key=True)
    sealed_on: Mapped[date] = mapped_column(unique=True)  # the day that was over
    position: Mapped[int]  # of the last link that it seals
    chain_hash: Mapped[str]  # of that link
    hash: Mapped[str]  # over all this and the seal before


class Flaw(LabeledEnum):
    """What is wrong with a part of the trail."""

    ALTERED = "altered", "内容被改动过"
    MISSING = "missing", "缺失"
    UNCHAINED = "unchained", "不在链上，不是由系统写入的"


class Part(LabeledEnum):
    """What of the trail has a flaw."""

    ENTRY = "entry", "操作记录"
    LINK = "link", "链环"
    SEAL = "seal", "日封存"
    HEAD = "head", "链尾"


@value_class
class Break:
    """The first place where the trail is not whole."""

    part: Part
    name: str  # the id of an entry, the position of a link, the day of a seal
    flaw: Flaw


@value_class
class Trail:
    """How far the trail reaches."""

    entries: int
    seals: int
    position: int
    hash: str


@value_class
class _Seal:
    id: int
    sealed_on: str
    position: int
    chain_hash: str
    hash: str

    def expected(self, previous: str) -> str:
        return _seal_hash(previous, self.sealed_on, self.position, self.chain_hash)


def _seal_hash(previous: str, sealed_on: str, position: int, chain_hash: str) -> str:
    text = entry_text({"sealed_on": sealed_on, "chain_hash": chain_hash})
    return link_hash(previous, position, text)


def seal_day(db: Session, *, on: date, at: datetime) -> int:
    """Seal the chain as committed so far, for that day; returns how many entries it adds.

    What commits later belongs to the next seal.
    """
    last = db.scalar(select(AuditSeal).order_by(AuditSeal.id.desc()).limit(1))
    head = trail(db)
    before = last.hash if last else ""
    seal = AuditSeal(
        sealed_on=on,
        position=head.position,
        chain_hash=head.hash,
        hash=_seal_hash(before, on.isoformat(), head.position, head.hash),
    )
    db.add(seal)
    # The entry stands in the chain, so that a seal cannot be taken away either.
    after = {"sealed_on": on, "position": seal.position, "hash": seal.hash}
    record(db, "audit.sealed", seal, by=None, at=at, after=after)

    return head.position - (last.position if last else 0)


def trail(db: Session) -> Trail:
    """How far the trail reaches."""
    head = db.execute(select(AuditHead.position, AuditHead.hash)).one_or_none()
    entries = db.scalar(select(func.count()).select_from(AuditEntry)) or 0
    seals = db.scalar(select(func.count()).select_from(AuditSeal)) or 0
    return Trail(entries, seals, *(head or (0, "")))


def first_break(db: Session) -> Break | None:
    """The first break of the trail, or None.

    Reads one snapshot, so the session must have read nothing yet.
    """
    if db.get_bind().dialect.name == "postgresql":
        db.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    return first_break_seen(db)


def first_break_seen(db: Session) -> Break | None:
    """The same in a transaction that nobody else can disturb."""
    return next(_breaks(db), None)


def _breaks(db: Session) -> Iterator[Break]:
    seals = _seals(db)
    previous = ""
    for seal in seals:
        if seal.hash != seal.expected(previous):
            yield Break(Part.SEAL, seal.sealed_on, Flaw.ALTERED)
        previous = seal.hash
    yield from _Chain(db, seals).breaks()
    linked = exists().where(AuditLink.entry_id == AuditEntry.id)
    stray = select(AuditEntry.id).where(~linked).order_by(AuditEntry.id).limit(1)
    if (entry_id := db.scalar(stray)) is not None:
        yield Break(Part.ENTRY, str(entry_id), Flaw.UNCHAINED)


def _seals(db: Session) -> list[_Seal]:
    columns = (
        AuditSeal.id,
        AuditSeal.sealed_on,
        AuditSeal.position,
        AuditSeal.chain_hash,
        AuditSeal.hash,
    )
    rows = db.execute(
        select(*as_stored(db.get_bind().dialect.name, columns)).order_by(AuditSeal.id)
    )

    return [
        _Seal(int(row_id), sealed_on, int(position), chain_hash, own)
        for row_id, sealed_on, position, chain_hash, own in (map(_value_text, row) for row in rows)
    ]


def _value_text(value: Any) -> str:
    return as_text(value) or ""


class _Chain:
    """A walk along the chain, from its first link that was not purged."""

    def __init__(self, db: Session, seals: Sequence[_Seal]) -> None:
        self._db = db
        self._dialect = db.get_bind().dialect.name
        self._seals = seals
        self._sealed = {seal.position: seal for seal in seals}
        self._position = 0
        self._hash = ""
        self._last_seal: str | None = None  # the last that an entry tells of

    def breaks(self) -> Iterator[Break]:
        """What is wrong, in the order of the chain."""
        yield from self._begin()
        for position, own, values in self._links():
            self._position += 1
            if position != self._position:
                yield Break(Part.LINK, str(self._position), Flaw.MISSING)
            yield from self._check(own, values)
        yield from self._end()

    def _begin(self) -> Iterator[Break]:
        first = self._db.scalar(select(func.min(AuditLink.position)))
        if first is None or first == 1:
            return
        seal = self._sealed.get(first - 1)
        if seal is None or not self._was_purged(seal):
            yield Break(Part.LINK, str(first - 1), Flaw.MISSING)
            return
        self._position, self._hash = seal.position, seal.chain_hash

    def _was_purged(self, seal: _Seal) -> bool:
        recorded = exists().where(
            AuditEntry.action == "audit.purged",
            AuditEntry.subject == AuditSeal.__tablename__,
            AuditEntry.subject_id == seal.id,
        )
        return bool(self._db.scalar(select(recorded)))

    def _links(self) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
        query: Select[Any] = (
            select(
                AuditLink.position.label("link_position"),
                *(
                    column.label("link_hash")
                    for column in as_stored(self._dialect, [AuditLink.hash])
                ),
                *as_stored(self._dialect, HASHED),
            )
            .outerjoin(AuditEntry, AuditEntry.id == AuditLink.entry_id)
            .order_by(AuditLink.position)
            .execution_options(yield_per=ROWS_PER_FETCH)
        )

        with self._db.execute(query) as rows:
            for row in rows.mappings():
                values = dict(row)
                yield values.pop("link_position"), _value_text(values.pop("link_hash")), values

    def _check(self, own: str, values: Mapping[str, Any]) -> Iterator[Break]:
        if values["id"] is None:  # who removed the entry left the link: no foreign keys were on
            yield Break(Part.LINK, str(self._position), Flaw.MISSING)
        elif own != link_hash(self._hash, self._position, entry_text(values)):
            yield Break(Part.ENTRY, _value_text(values["id"]), Flaw.ALTERED)
        self._hash = own
        seal = self._sealed.get(self._position)
        if seal and seal.chain_hash != own:
            yield Break(Part.SEAL, seal.sealed_on, Flaw.ALTERED)
        if _value_text(values["action"]) == "audit.sealed":
            self._last_seal = _value_text(values["subject_id"])

    def _end(self) -> Iterator[Break]:
        head = self._db.execute(
            select(AuditHead.position, *as_stored(self._dialect, [AuditHead.hash]))
        ).one_or_none()
        position, own = (head[0], _value_text(head[1])) if head else (0, "")

        if (position, own) != (self._position, self._hash):
            flaw = Flaw.ALTERED if position == self._position else Flaw.MISSING
            yield Break(Part.HEAD, str(position), flaw)

        known = {str(seal.id) for seal in self._seals}
        if self._last_seal is not None and self._last_seal not in known:
            yield Break(Part.SEAL, self._last_seal, Flaw.MISSING)

        if any(seal.position > self._position for seal in self._seals):
            yield Break(Part.LINK, str(self._position + 1), Flaw.MISSING)


def purge(db: Session, *, before: date, at: datetime) -> int:
    """Remove the entries of the days before that date, as far as they are sealed; how many.

    Refused as `audit_too_young` where one of them is not yet 183 days old by the database's clock.
    """
    old_at = db.scalar(select(database_now(db, -timedelta(days=KEPT_DAYS))))
    assert old_at is not None  # noqa: S101 - every database has a clock
    seal = db.scalar(
        select(AuditSeal).where(AuditSeal.sealed_on < before).order_by(AuditSeal.id.desc()).limit(1)
    )
    sealed = select(AuditLink.entry_id).where(AuditLink.position <= (seal.position if seal else 0))
    young = select(AuditEntry.id).where(AuditEntry.id.in_(sealed), AuditEntry.stored_at >= old_at)
    if before > civil_date(old_at) or db.scalar(young.limit(1)) is not None:
        raise Refused("audit_too_young", field="before", days=KEPT_DAYS, until=civil_date(old_at))

    count = db.scalar(select(func.count()).select_from(sealed.subquery())) or 0
    if seal is None or not count:
        return 0

    db.execute(delete(AuditEntry).where(AuditEntry.id.in_(sealed)))  # its link goes with each
    record(db, "audit.purged", seal, by=None, at=at, after={"before": before, "entries": count})

    return count
