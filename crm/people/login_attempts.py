"""Tries of passwords: counted by the account that is meant and where they come from (DESIGN 8).

Nobody keeps an owner out: a browser at which the person has signed in before has tries of its own,
and what is tried elsewhere slows down only whoever is neither there nor at an address known so.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.rate_counts import RateCount, count_up
from crm.base.usernames import fold_username
from crm.people.models import LoginSession, Person

MINUTE, HOUR, DAY = 60, 3_600, 86_400
TRIES = 10  # a minute, of one account from one place
ADDRESS_TRIES = 60  # a minute, of all accounts from one address
SCATTERED_TRIES = 100  # an hour, of one account from unknown places; then each place is slowed down
SLOWED_TRIES = 1  # a minute: an owner somewhere new still gets in
NETWORK_BITS = 64  # of an IPv6 address: the rest is the customer's to choose
NOTED = frozenset(10**power for power in range(9))  # failures of a day that get an entry
MOST_NOTED = 50  # entries a day of one account, and of all unknown ones together
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a password: of which account, and from where."""

    person_id: int | None
    account: str  # who is meant, or the hash of a name that nobody has
    address: str
    browser: str | None = None  # one at which the person has signed in before
    is_known_address: bool = False


def attempt_of(
    db: Session, person: Person | None, *, typed: str, address: str, browser: str | None
) -> Attempt:
    """A try to sign in, by what the typed name was found to mean."""
    name = sha256(fold_username(typed).encode()).hexdigest()
    been_here = exists().where(
        LoginSession.person_id == (person.id if person else 0), LoginSession.address == address
    )
    return Attempt(
        person_id=person.id if person else None,
        account=str(person.id) if person else name,
        address=network_of(address),
        browser=browser,
        is_known_address=bool(db.scalar(select(been_here))),
    )


def network_of(address: str) -> str:
    """The address, of IPv6 the network: whoever has one address there has them all."""
    try:
        read = ip_address(address)
    except ValueError:
        return address
    if isinstance(read, IPv6Address) and read.ipv4_mapped is None:
        return str(ip_network((address, NETWORK_BITS), strict=False))
    return address


def take_try(db: Session, attempt: Attempt, *, now: datetime) -> bool:
    """Count the try before the password is looked at; whether it may be."""
    own = count_up(db, _own(attempt), seconds=MINUTE, now=now)
    if attempt.browser:
        return own <= TRIES
    at_address = count_up(db, _at_address(attempt), seconds=MINUTE, now=now)
    most = TRIES
    if not attempt.is_known_address:
        scattered = count_up(db, _scattered(attempt), seconds=HOUR, now=now)
        most = TRIES if scattered <= SCATTERED_TRIES else SLOWED_TRIES
    return own <= most and at_address <= ADDRESS_TRIES


def give_back(db: Session, attempt: Attempt, *, now: datetime) -> None:
    """Take the try out of the counts: the password was right."""
    count_up(db, _own(attempt), seconds=MINUTE, now=now, amount=-1)
    if attempt.browser:
        return
    count_up(db, _at_address(attempt), seconds=MINUTE, now=now, amount=-1)
    if not attempt.is_known_address:
        count_up(db, _scattered(attempt), seconds=HOUR, now=now, amount=-1)


def note_failure(db: Session, attempt: Attempt, *, now: datetime) -> int:
    """Count a wrong password; the 1st, 10th, 100th of a day from one address get an entry."""
    account = UNKNOWN if attempt.person_id is None else attempt.account
    key = f"failed:{account}:{attempt.address}"
    failures = count_up(db, key, seconds=DAY, now=now)
    if failures not in NOTED:
        return failures
    if count_up(db, f"noted:{account}", seconds=DAY, now=now) > MOST_NOTED:
        return failures

    after = {"failures": failures}
    if attempt.person_id is None:  # what was typed may be a password: it is kept nowhere
        counted = db.scalars(select(RateCount).where(RateCount.key == key)).one()
        record(db, "sign_in.unknown_account", counted, by=None, at=now, after=after)
    else:
        person = db.get_one(Person, attempt.person_id)
        record(db, "person.wrong_password", person, by=None, at=now, after=after)
    return failures


def _own(attempt: Attempt) -> str:
    place = f"browser:{attempt.browser}" if attempt.browser else f"address:{attempt.address}"
    return f"tries:{attempt.account}:{place}"


def _at_address(attempt: Attempt) -> str:
    return f"address-tries:{attempt.address}"


def _scattered(attempt: Attempt) -> str:
    return f"scattered-tries:{attempt.account}"
