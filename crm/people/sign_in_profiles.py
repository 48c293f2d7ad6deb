"""The zone's profiles of signing in: what the chosen one asks, chosen and changed by an admin."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.locks import take_exclusive_lock
from crm.base.seed_files import read_seeds
from crm.people.models import Person
from crm.people.password_rules import PasswordRules
from crm.people.rules import Role
from crm.people.sign_in_models import FormerPassword, SignInProfile

IDLE = timedelta(days=14)  # a phone that is used every other week stays signed in


class SessionRules(NamedTuple):
    """What the chosen profile asks of whoever is signed in."""

    idle_minutes: int
    expires_days: int | None
    second_factor_roles: frozenset[Role]

    @property
    def idle(self) -> timedelta:
        return timedelta(minutes=self.idle_minutes)

    def is_password_over(self, person: Person, now: datetime) -> bool:
        """Whether the person's password is as old as one may get."""
        if self.expires_days is None or person.password_changed_at is None:
            return False
        return person.password_changed_at + timedelta(days=self.expires_days) <= now

    def must_change_password(self, person: Person, now: datetime) -> bool:
        """Whether the person must set another password before anything else."""
        return person.is_password_temporary or self.is_password_over(person, now)

    def requires_second_factor(self, person: Person) -> bool:
        return person.role in self.second_factor_roles


# as shipped: holds where no profile was chosen yet
SHIPPED = SessionRules(int(IDLE.total_seconds()) // 60, None, frozenset())
SESSION_COLUMNS = tuple(getattr(SignInProfile, name) for name in SessionRules._fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileData:
    """What an admin sets of a profile."""

    shortest: int
    character_kinds: int
    bars_common: bool
    history: int
    expires_days: int | None
    idle_minutes: int
    second_factor_roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class PasswordDemands:
    """What a new password of a person is checked against."""

    rules: PasswordRules
    former: Sequence[str] = ()  # hashes


def profiles(db: Session) -> Sequence[SignInProfile]:
    """All profiles, in the order in which they were shipped."""
    return db.scalars(select(SignInProfile).order_by(SignInProfile.id)).all()


def chosen_profile(db: Session) -> SignInProfile | None:
    return db.scalar(select(SignInProfile).where(SignInProfile.is_chosen))


def session_rules(db: Session) -> SessionRules:
    """What the chosen profile asks of sessions."""
    row = db.execute(select(*SESSION_COLUMNS).where(SignInProfile.is_chosen)).one_or_none()
    return SessionRules(*row) if row else SHIPPED


def password_rules(db: Session) -> PasswordRules:
    """What the chosen profile asks of passwords."""
    chosen = chosen_profile(db)
    if chosen is None:
        return PasswordRules()
    return PasswordRules(
        shortest=chosen.shortest,
        character_kinds=chosen.character_kinds,
        history=chosen.history,
        bars_common=chosen.bars_common,
    )


def password_demands(db: Session, person: Person) -> PasswordDemands:
    """What a new password of the person is checked against: read before it is hashed."""
    rules = password_rules(db)
    former: list[str] = []
    if rules.history:
        query = select(FormerPassword.password_hash).where(FormerPassword.person_id == person.id)
        latest = query.order_by(FormerPassword.id.desc()).limit(rules.history - 1)
        former = [*filter(None, [person.password_hash]), *db.scalars(latest)]
    return PasswordDemands(rules, former)


def change_profile(
    db: Session, *, profile: SignInProfile, data: ProfileData, by: Person, now: datetime
) -> None:
    """Change what a profile asks; the chosen one holds at once, also for whoever is signed in."""
    before, after = changes(profile, asdict(data))
    if after:
        before, after = _readable(before), _readable(after)
        record(db, "sign_in_profile.changed", profile, by=by, at=now, before=before, after=after)


def choose_profile(db: Session, *, profile: SignInProfile, by: Person, now: datetime) -> None:
    """Let the profile hold for everybody from now on."""
    take_exclusive_lock(db)
    former = chosen_profile(db)
    if former is profile:
        return
    if former:
        former.is_chosen = False
        db.flush()  # the index takes one at a time
    profile.is_chosen = True
    if former:
        before = {"name": former.name}
        record(db, "sign_in_profile.ended", former, by=by, at=now, before=before, after={})
    after = {"name": profile.name}
    record(db, "sign_in_profile.chosen", profile, by=by, at=now, after=after)


def plant_profiles(db: Session, *, now: datetime) -> int:
    """Add missing shipped profiles; how many. The first is chosen where none is."""
    known = {profile.code for profile in profiles(db)}
    new = [seed for seed in read_seeds("sign_in.yaml") if seed["code"] not in known]
    for seed in new:
        roles = frozenset(map(Role, seed["second_factor_roles"]))
        is_chosen = chosen_profile(db) is None
        profile = SignInProfile(**seed | {"second_factor_roles": roles}, is_chosen=is_chosen)
        db.add(profile)
        after = {"name": profile.name}
        record(db, "sign_in_profile.added", profile, by=None, at=now, after=after)
    return len(new)


def _readable(values: dict[str, object]) -> dict[str, object]:
    """The values as the trail keeps them: sets as sorted lists."""
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in values.items()
    }
