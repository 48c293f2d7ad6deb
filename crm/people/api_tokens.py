"""Personal tokens of the API: made by their person, shown once, ended by them or an admin."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, func, select, update
from sqlalchemy.orm import Session, joinedload

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.people.models import ApiToken, Person
from crm.people.rules import LONGEST_TOKEN_DAYS, Scope
from crm.people.sign_in_models import SecondFactor, SignInProfile
from crm.people.sign_in_profiles import SESSION_COLUMNS, SHIPPED, SessionRules

PREFIX = "crm_"  # by which scanners for leaked secrets know it
USED_EVERY = timedelta(minutes=5)  # a write at each request would be too many
MOST_TOKENS = 20
_IS_OPEN = and_(ApiToken.ended_at.is_(None), ApiToken.expires_at > bindparam("now"))
# put together once: every request sends it
_OPEN_OF_TOKEN = (
    select(ApiToken, SecondFactor.confirmed_at, *SESSION_COLUMNS)
    .options(joinedload(ApiToken.person, innerjoin=True))
    .select_from(ApiToken)
    .outerjoin(SecondFactor, SecondFactor.person_id == ApiToken.person_id)
    .outerjoin(SignInProfile, SignInProfile.is_chosen.is_(True))
    .where(ApiToken.token_hash == bindparam("token_hash"), _IS_OPEN)
)


@dataclass(frozen=True, slots=True)
class OpenToken:
    """A token that works, with what the chosen profile asks of its person."""

    token: ApiToken
    second_factor_at: datetime | None
    rules: SessionRules

    def must_change_password(self, now: datetime) -> bool:
        """Whether pages would let the person do nothing before they set another password."""
        return self.rules.must_change_password(self.token.person, now)

    @property
    def lacks_second_factor(self) -> bool:
        """Whether pages would let the person do nothing before they set up a second step."""
        return self.second_factor_at is None and self.rules.requires_second_factor(
            self.token.person
        )


def open_tokens(db: Session, person_id: int, *, now: datetime) -> Sequence[ApiToken]:
    """The person's tokens that still work, the newest first."""
    query = select(ApiToken).where(ApiToken.person_id == person_id, _IS_OPEN)
    return db.scalars(query.order_by(ApiToken.id.desc()), {"now": now}).all()


def tokens_and_factor(db: Session, person_id: int, *, now: datetime) -> tuple[int, bool]:
    """How many of the person's tokens still work, and whether they sign in by two steps."""
    tokens = select(func.count()).where(ApiToken.person_id == person_id, _IS_OPEN)
    factors = select(func.count()).where(
        SecondFactor.person_id == person_id, SecondFactor.confirmed_at.is_not(None)
    )
    both = select(tokens.scalar_subquery(), factors.scalar_subquery())
    tokens_count, factors_count = db.execute(both, {"now": now}).one()
    return tokens_count, factors_count > 0


def find_token(db: Session, token: str, *, now: datetime) -> OpenToken | None:
    """The open token with its person; none of a closed account."""
    row = db.execute(_OPEN_OF_TOKEN, {"token_hash": _hash(token), "now": now}).one_or_none()
    if row is None:
        return None

    found, confirmed_at, *columns = row
    rules = SHIPPED if columns[0] is None else SessionRules(*columns)
    return None if found.person.is_disabled(now) else OpenToken(found, confirmed_at, rules)


def make_token(  # noqa: PLR0913 - a token is its name, scopes and time
    db: Session,
    *,
    person: Person,
    name: str,
    scopes: Collection[Scope],
    days: int,
    now: datetime,
) -> str:
    """A new token for the person's own programs; it is returned once and kept only as a hash.

    Refused as `required`, `number_out_of_range`, `too_many_tokens`.
    """
    if not name:
        raise Refused("required", field="name")
    if not scopes:
        raise Refused("required", field="scopes")
    if not 1 <= days <= LONGEST_TOKEN_DAYS:
        raise Refused("number_out_of_range", field="days", first=1, last=LONGEST_TOKEN_DAYS)
    # held, so that of two at once the second counts the first
    db.execute(select(Person.id).where(Person.id == person.id).with_for_update(key_share=True))
    if len(open_tokens(db, person.id, now=now)) >= MOST_TOKENS:
        raise Refused("too_many_tokens", field="name", most=MOST_TOKENS)

    token = PREFIX + secrets.token_urlsafe(32)
    codes = " ".join(scope.value for scope in Scope if scope in scopes)
    expires_at = now + timedelta(days=days)
    db.add(
        ApiToken(
            token_hash=_hash(token),
            person_id=person.id,
            name=name,
            scopes=codes,
            made_at=now,
            expires_at=expires_at,
        )
    )
    after = {"name": name, "scopes": codes, "expires_on": civil_date(expires_at)}
    record(db, "person.api_token_made", person, by=person, at=now, after=after)
    return token


def end_token(db: Session, *, person: Person, token_id: int, by: Person, now: datetime) -> bool:
    """End a token of the person; False where they have no such open token."""
    tokens = {token.id: token for token in open_tokens(db, person.id, now=now)}
    if (token := tokens.get(token_id)) is None:
        return False
    token.ended_at = now
    after = {"name": token.name}
    record(db, "person.api_token_ended", person, by=by, at=now, after=after)
    return True


def end_all(db: Session, *, person: Person, by: Person, now: datetime) -> None:
    """End all tokens of the person; nothing is changed where there is none."""
    if count := len(open_tokens(db, person.id, now=now)):
        end_tokens(db, person_id=person.id, now=now)
        after = {"tokens": count}
        record(db, "person.api_token_ended", person, by=by, at=now, after=after)


def end_tokens(db: Session, *, person_id: int, now: datetime) -> None:
    """End the person's tokens with their account, whose entry tells of it."""
    own = (ApiToken.person_id == person_id, ApiToken.ended_at.is_(None))
    db.execute(update(ApiToken).where(*own).values(ended_at=now))


def note_use(db: Session, token_id: int, *, now: datetime) -> None:
    """Note that the token was used."""
    db.execute(update(ApiToken).where(ApiToken.id == token_id).values(used_at=now))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
