"""Units, people, their postings, absences and login sessions."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from crm.base.db import Base, enum_column
from crm.base.names import person_pinyin, person_search_text
from crm.people.rules import AbsenceKind, AbsenceStatus, Duty, Role, Scope, UnitKind


class Unit(Base):
    """An org unit; the units form a tree."""

    __tablename__ = "unit"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[UnitKind] = mapped_column(enum_column(UnitKind, "kind"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("unit.id"), index=True)
    position: Mapped[int]  # order among the units of one parent
    # keeps discipline: its supervisors see the figures of the whole zone (REGIME 2)
    inspects: Mapped[bool] = mapped_column(default=False, server_default=false())
    # the coordinating office: its supervisors are the officers (PROJECTS 0)
    coordinates: Mapped[bool] = mapped_column(default=False, server_default=false())


class Person(Base):
    """Someone who signs in, owes quotas or reads digests."""

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    pinyin: Mapped[str] = mapped_column(server_default=text("''"))  # what lists sort by
    search: Mapped[str]  # what the person is found by
    email: Mapped[str | None]
    phone: Mapped[str | None]
    role: Mapped[Role] = mapped_column(enum_column(Role, "role"))
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    # given by an admin: its owner sets another one before anything else
    is_password_temporary: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]  # from then on, which may be yet to come

    postings: Mapped[list["Posting"]] = relationship(
        back_populates="person", lazy="raise", order_by="Posting.from_on"
    )

    @validates("name")
    def _spell(self, _key: str, name: str) -> str:
        self.pinyin, self.search = person_pinyin(name), person_search_text(name)
        return name

    def is_disabled(self, now: datetime) -> bool:
        """Whether the account is closed at that moment."""
        return self.disabled_at is not None and self.disabled_at <= now


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
    duty: Mapped[Duty] = mapped_column(enum_column(Duty, "duty"))
    is_primary: Mapped[bool]
    from_on: Mapped[date]
    to_on: Mapped[date | None]

    person: Mapped[Person] = relationship(back_populates="postings", lazy="raise")
    unit: Mapped[Unit] = relationship(lazy="raise")


class Absence(Base):
    """Dates, both included, on which a person is away; one that is imported was never asked for."""

    __tablename__ = "absence"
    __table_args__ = (
        CheckConstraint("to_on >= from_on", "ends_after_it_begins"),
        CheckConstraint(
            "status NOT IN ('approved', 'cancelled') OR approved_at IS NOT NULL",
            "approved_has_moment",
        ),
        Index(None, "person_id", "from_on"),
        Index(None, "status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    from_on: Mapped[date]
    to_on: Mapped[date]
    kind: Mapped[AbsenceKind] = mapped_column(enum_column(AbsenceKind, "kind"))
    reason: Mapped[str]
    status: Mapped[AbsenceStatus] = mapped_column(enum_column(AbsenceStatus, "status"))
    asked_at: Mapped[datetime | None]
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    approved_at: Mapped[datetime | None]
    # the last change of another kind: who returned, withdrew, shortened or cancelled it, and why
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    changed_at: Mapped[datetime | None]
    note: Mapped[str | None]

    person: Mapped[Person] = relationship(foreign_keys=person_id, lazy="raise")


class CalendarFeed(Base):
    """The address of a person's calendar for other programs; only the hash of its token is kept."""

    __tablename__ = "calendar_feed"
    __table_args__ = (
        Index(
            # one open address at a time; those that ended do not count
            "uq_calendar_feed_open",
            "person_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="raise")


class EntryGrant(Base):
    """Who, the agent, may enter visits for whom, the owner, between two dates (代录, REGIME 2).

    Both dates are included, an empty last one is open; one that was ended stays ended.
    """

    __tablename__ = "entry_grant"
    __table_args__ = (
        CheckConstraint("owner_id <> agent_id", "for_another"),
        CheckConstraint("to_on IS NULL OR to_on >= from_on", "ends_after_it_begins"),
        CheckConstraint("ended_by_id IS NULL OR ended_at IS NOT NULL", "ended_has_moment"),
        Index(
            # one open grant at a time for two people; those that ended do not count
            "uq_entry_grant_open",
            "owner_id",
            "agent_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "agent_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    granted_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    granted_at: Mapped[datetime]
    # none: by its last date, or with one of the accounts
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    ended_at: Mapped[datetime | None]

    owner: Mapped[Person] = relationship(foreign_keys=owner_id, lazy="raise")
    agent: Mapped[Person] = relationship(foreign_keys=agent_id, lazy="raise")


class Delegation(Base):
    """Who, the agent, has the rights of whom, the owner, between two dates (代理).

    Both dates are included; one that was ended stays ended.
    """

    __tablename__ = "delegation"
    __table_args__ = (
        CheckConstraint("owner_id <> agent_id", "to_another"),
        CheckConstraint("to_on >= from_on", "ends_after_it_begins"),
        CheckConstraint("ended_by_id IS NULL OR ended_at IS NOT NULL", "ended_has_moment"),
        Index(
            # one open one at a time for two people; those that ended do not count
            "uq_delegation_open",
            "owner_id",
            "agent_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "agent_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    agent_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    from_on: Mapped[date]
    to_on: Mapped[date]
    reason: Mapped[str]
    given_at: Mapped[datetime]
    # none: by its last date, or with one of the accounts
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    ended_at: Mapped[datetime | None]

    owner: Mapped[Person] = relationship(foreign_keys=owner_id, lazy="raise")
    agent: Mapped[Person] = relationship(foreign_keys=agent_id, lazy="raise")


class DutySeparation(Base):
    """The one row that is there while three people administer (三员分立)."""

    __tablename__ = "duty_separation"
    __table_args__ = (CheckConstraint("id = 1", "only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    begun_at: Mapped[datetime]
    begun_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))


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


class ApiToken(Base):
    """With what a program asks the API in a person's name; only the hash of it is kept."""

    __tablename__ = "api_token"
    __table_args__ = (CheckConstraint("expires_at > made_at", "ends_after_it_begins"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str]
    scopes: Mapped[str]  # their codes with blanks between
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]  # moves at most every five minutes
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="raise")

    @property
    def granted(self) -> list[Scope]:
        """The scopes, in the order of their list."""
        codes = self.scopes.split()
        return [scope for scope in Scope if scope.value in codes]
