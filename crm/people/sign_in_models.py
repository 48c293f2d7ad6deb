"""How people sign in: the zone's profiles, second factors, and former passwords."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from crm.base.db import Base, Codes
from crm.people.rules import Role


class SignInProfile(Base):
    """What signing in asks of everybody while the profile is chosen; one of them is."""

    __tablename__ = "sign_in_profile"
    __table_args__ = (
        Index(
            "uq_sign_in_profile_chosen",
            "is_chosen",
            unique=True,
            sqlite_where=text("is_chosen"),
            postgresql_where=text("is_chosen"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    is_chosen: Mapped[bool]
    shortest: Mapped[int]  # characters of a password
    character_kinds: Mapped[int]  # of upper case, lower case, digits and others
    bars_common: Mapped[bool]
    history: Mapped[int]  # so many of the last passwords are not taken again
    expires_days: Mapped[int | None]  # after which a password is changed; none: never
    idle_minutes: Mapped[int]  # without use, after which a session ends
    second_factor_roles: Mapped[frozenset[Role]] = mapped_column(Codes(Role))  # must have one


class SecondFactor(Base):
    """A person's authenticator app; its secret is sealed with the key of the installation."""

    __tablename__ = "second_factor"
    __table_args__ = (
        CheckConstraint("(secret IS NULL) = (confirmed_at IS NULL)", "confirmed_has_secret"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), unique=True)
    secret: Mapped[str | None]  # none: set up for the first time, and not confirmed
    confirmed_at: Mapped[datetime | None]
    pending_secret: Mapped[str | None]  # of the app that is being set up
    last_step: Mapped[int] = mapped_column(default=0)  # of the last code taken: none is taken twice


class RecoveryCode(Base):
    """A code that replaces one of the app, once; only its hash is kept."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    code_hash: Mapped[str] = mapped_column(unique=True)
    used_at: Mapped[datetime | None]


class FormerPassword(Base):
    """The hash of a password that the person had before."""

    __tablename__ = "former_password"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    password_hash: Mapped[str]
    replaced_at: Mapped[datetime]
