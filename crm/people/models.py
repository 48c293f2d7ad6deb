"""Units, people, their postings and absences, and their sessions at the door."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from crm.base.db import Base, word
from crm.people.rules import AbsenceKind, Duty, Role, UnitKind


class Unit(Base):
    """An org unit; the units form a tree."""

    __tablename__ = "unit"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[UnitKind] = mapped_column(word(UnitKind, "kind"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"), index=True)
    position: Mapped[int]  # order among the units of one parent


class Person(Base):
    """Someone who signs in, owes quotas or reads digests."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    initials: Mapped[str]  # pinyin initials, for search
    email: Mapped[str | None]
    phone: Mapped[str | None]
    role: Mapped[Role] = mapped_column(word(Role, "role"))
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]

    postings: Mapped[list["Posting"]] = relationship(
        back_populates="person", lazy="raise", order_by="Posting.from_on"
    )


class Posting(Base):
    """A unit and a duty from one date to another, both included; an empty last date is open.

    Primary postings of one person never overlap: migration 0001 makes the databases hold it.
    """

    __tablename__ = "posting"
    __table_args__ = (
        CheckConstraint("to_on IS NULL OR to_on >= from_on", "ends_after_it_begins"),
        Index(None, "person_id", "from_on"),
        Index(None, "unit_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    unit_id: Mapped[int] = mapped_column(ForeignKey("unit.id"))
    duty: Mapped[Duty] = mapped_column(word(Duty, "duty"))
    is_primary: Mapped[bool]
    from_on: Mapped[date]
    to_on: Mapped[date | None]

    person: Mapped[Person] = relationship(back_populates="postings", lazy="raise")
    unit: Mapped[Unit] = relationship(lazy="raise")


class Absence(Base):
    """Dates, both included, on which a person is away; only an approved one reduces a quota."""

    __tablename__ = "absence"
    __table_args__ = (
        CheckConstraint("to_on >= from_on", "ends_after_it_begins"),
        Index(None, "person_id", "from_on"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    from_on: Mapped[date]
    to_on: Mapped[date]
    kind: Mapped[AbsenceKind] = mapped_column(word(AbsenceKind, "kind"))
    reason: Mapped[str]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    approved_at: Mapped[datetime | None]


class LoginSession(Base):
    """A signed-in browser; the cookie holds a token of which only the hash is kept."""

    __tablename__ = "login_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    begun_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str | None]
    browser: Mapped[str | None]

    person: Mapped[Person] = relationship(lazy="raise")
