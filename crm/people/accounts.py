"""What happens to accounts: temporary passwords, accounts closed and opened again."""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from crm.base.audit import changes, record
from crm.base.errors import Refused
from crm.base.pending import collect
from crm.base.value_class import value_class
from crm.people.admin_duties import require_holders_left
from crm.people.api_tokens import end_tokens
from crm.people.delegations import end_delegations_of
from crm.people.entry_grants import end_grants_of
from crm.people.models import LoginSession, Person
from crm.people.password_rules import PasswordRules, require_acceptable

# Letters and digits that nobody takes for one another when reading them out.
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
CAPITALS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # only where a profile asks for every kind
LENGTH = 12
EVERY_KIND = 4
TEMPORARY_DAYS = 7  # long enough to reach somebody on the road


@value_class
class RecordAccessEnded:
    """A person sees no records any more, from that moment or from when the account closes.

    What only they could see goes to somebody else before the transaction commits.
    """

    person: Person
    by: Person | None
    at: datetime


def note_record_access_ended(
    db: Session, person: Person, *, by: Person | None, at: datetime
) -> None:
    """Collect it for `reassignment` and `leads.succession`, which act when it is committed."""
    collect(db, RecordAccessEnded(person, by, at))


def temporary_password(rules: PasswordRules, username: str) -> str:
    """A random temporary password that the rules take: at least 59 bits, in groups of four."""
    readable = READABLE + CAPITALS if rules.character_kinds >= EVERY_KIND else READABLE
    length = max(LENGTH, rules.shortest)
    while True:
        letters = "".join(secrets.choice(readable) for _ in range(length))
        password = "-".join(letters[at : at + 4] for at in range(0, length, 4))
        with suppress(Refused):
            require_acceptable(rules, username, password)
            return password


def temporary_until(person: Person) -> datetime | None:
    """When the person's temporary password expires; None if they chose their own."""
    if not person.is_password_temporary or person.password_changed_at is None:
        return None
    return person.password_changed_at + timedelta(days=TEMPORARY_DAYS)


def require_in_time(person: Person, now: datetime) -> None:
    """Refuse an expired temporary password (`password_over`)."""
    until = temporary_until(person)
    if until is not None and until <= now:
        raise Refused("password_over", field="password", days=TEMPORARY_DAYS)


def disable_person(
    db: Session, *, person: Person, at: datetime, by: Person | None, now: datetime
) -> None:
    """Close the account from that moment; refused as `own_account`, `last_admin`.

    One that is closed already stays closed, whatever date its person leaves on.
    """
    if by and by.id == person.id:
        raise Refused("own_account")
    require_holders_left(db, person)
    if person.is_disabled(now):
        return

    # never back in time: until now things were done with an open account
    before, after = changes(person, {"disabled_at": max(at, now)})

    if at <= now:
        end_sessions(db, person=person, now=now)
        end_tokens(db, person_id=person.id, now=now)
        end_grants_of(db, person=person, now=now)
        end_delegations_of(db, person=person, now=now)

    note_record_access_ended(db, person, by=by, at=now)
    record(db, "person.disabled", person, by=by, at=now, before=before, after=after)


def close_unused(db: Session, *, person: Person, by: Person | None, now: datetime) -> None:
    """Close an account to which nobody has signed in; its first password opens it no more."""
    disable_person(db, person=person, at=now, by=by, now=now)
    person.password_hash, person.password_changed_at = None, None
    person.is_password_temporary = False


def enable_person(db: Session, *, person: Person, by: Person | None, now: datetime) -> None:
    """Open the account again; earlier sessions and tokens stay ended."""
    if person.is_disabled(now):  # what ended with the account does not come back with it
        end_grants_of(db, person=person, now=now)
        end_delegations_of(db, person=person, now=now)
    before, after = changes(person, {"disabled_at": None})
    if not after:
        return
    end_sessions(db, person=person, now=now)
    end_tokens(db, person_id=person.id, now=now)
    record(db, "person.enabled", person, by=by, at=now, before=before, after=after)


def end_sessions(db: Session, *, person: Person, now: datetime, but_id: int | None = None) -> int:
    """End the person's sessions, but for that one; how many there were."""
    ended = db.execute(
        update(LoginSession)
        .where(
            LoginSession.person_id == person.id,
            LoginSession.ended_at.is_(None),
            LoginSession.id != (but_id or 0),
        )
        .values(ended_at=now)
        .returning(LoginSession.id)
    )
    return len(ended.all())


def sign_out_elsewhere(
    db: Session, *, person: Person, but_id: int | None, by: Person, now: datetime
) -> int:
    """End the person's other sessions and record it; how many."""
    count = end_sessions(db, person=person, now=now, but_id=but_id)
    if count:
        record(db, "person.signed_out", person, by=by, at=now, after={"sessions": count})
    return count
