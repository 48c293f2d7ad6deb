"""Password attempts, counted by account and by where they come from.

Nobody can lock an owner out: a browser at which the person has signed in before has a limit of its
own, and attempts from elsewhere only slow down browsers and addresses that are not known. Nor do
attempts at other accounts from the owner's address: they leave each account a few tries that only
the right password ends.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.rate_counts import RateCount, count_up
from crm.base.usernames import fold_username
from crm.people.models import LoginSession, Person

MINUTE, HOUR, DAY = 60, 3_600, 86_400
ATTEMPTS = 10  # a minute, of one account from one place
BROWSER_ATTEMPTS = 60  # an hour, of one account from a browser that is known
ADDRESS_ATTEMPTS = 60  # a minute, of all accounts from one address
SPRAYED_ATTEMPTS = 150  # wrong ones an hour, of all accounts from one address
SCATTERED_ATTEMPTS = 100  # an hour, of one account from unknown places; then each is slowed
SLOWED_ATTEMPTS = 1  # a minute: an owner somewhere new still gets in
SPARED_ATTEMPTS = 5  # an hour, of one account from an address that has used up its own
CODE_SECONDS = 300  # in which so many codes of the second step are tried, at most
CODE_ATTEMPTS = 5
CODES_A_DAY = 50  # of a million: a guesser who knows the password needs years
NETWORK_BITS = 64  # of an IPv6 address: the rest is the customer's to choose
NOTED = frozenset(10**power for power in range(9))  # failures of a day that get an entry
MOST_NOTED = 50  # entries a day of one account, and of all unknown ones together
UNKNOWN = "unknown"


class Admission(Enum):
    """What is done with an attempt."""

    CHECKED = auto()
    SPARED = auto()  # checked, and a wrong password answered as if it were not
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One password attempt: for which account, and from where."""

    person_id: int | None
    account: str  # the id, or the hash of a name that nobody has
    address: str
    browser: str | None = None  # one at which the person has signed in before
    is_known_address: bool = False


def attempt_of(
    db: Session, person: Person | None, *, typed: str, address: str, browser: str | None
) -> Attempt:
    """An attempt to sign in to the account that the typed name was found to mean."""
    # hashed: what is typed as a name may be a password
    name = sha256(fold_username(typed).encode()).hexdigest()
    signed_in_here = exists().where(
        LoginSession.person_id == (person.id if person else 0), LoginSession.address == address
    )

    return Attempt(
        person_id=person.id if person else None,
        account=str(person.id) if person else name,
        address=network_of(address),
        browser=browser,
        is_known_address=bool(db.scalar(select(signed_in_here))),
    )


def network_of(address: str) -> str:
    """The address, or the network of an IPv6 address: its customer may use any address in it."""
    try:
        read = ip_address(address)
    except ValueError:  # no address: it stands for itself
        return address
    if isinstance(read, IPv6Address) and read.ipv4_mapped is None:
        return str(ip_network((address, NETWORK_BITS), strict=False))
    return address


def count_attempt(db: Session, attempt: Attempt, *, now: datetime) -> Admission:
    """Count the attempt before the password is checked; whether it is."""
    own = count_up(db, _own_key(attempt), seconds=MINUTE, now=now)
    # a browser that is known has its own limit: no stranger can use it up
    if attempt.browser:
        of_browser = count_up(db, _browser_key(attempt), seconds=HOUR, now=now)
        if of_browser <= BROWSER_ATTEMPTS:
            return Admission.CHECKED if own <= ATTEMPTS else Admission.REFUSED
        # whoever guesses at it, or has its cookie, is as anybody else from then on
        attempt = replace(attempt, browser=None)
        own = count_up(db, _own_key(attempt), seconds=MINUTE, now=now)

    at_address = count_up(db, _address_key(attempt), seconds=MINUTE, now=now)
    # one password for many accounts stays below each account's own limit
    sprayed = count_up(db, _sprayed_key(attempt), seconds=HOUR, now=now)
    limit = ATTEMPTS
    if not attempt.is_known_address:
        scattered = count_up(db, _scattered_key(attempt), seconds=HOUR, now=now)
        limit = ATTEMPTS if scattered <= SCATTERED_ATTEMPTS else SLOWED_ATTEMPTS

    if own > limit:
        return Admission.REFUSED
    if at_address <= ADDRESS_ATTEMPTS and sprayed <= SPRAYED_ATTEMPTS:
        return Admission.CHECKED
    return _spared(db, attempt, own, now)


def _spared(db: Session, attempt: Attempt, own: int, now: datetime) -> Admission:
    """What an address that has used up its attempts leaves to an account.

    Colleagues share the address of their office: what one does there keeps no other out. A name
    that nobody has gets nothing, as its password need not be checked.
    """
    if attempt.person_id is None or own > SLOWED_ATTEMPTS:
        return Admission.REFUSED
    key = f"spared-tries:{attempt.account}:{attempt.address}"
    spared = count_up(db, key, seconds=HOUR, now=now)
    return Admission.SPARED if spared <= SPARED_ATTEMPTS else Admission.REFUSED


def uncount_attempt(db: Session, attempt: Attempt, *, now: datetime) -> None:
    """Take the attempt out of the counts: the password was right."""
    count_up(db, _own_key(attempt), seconds=MINUTE, now=now, amount=-1)
    if attempt.browser:
        count_up(db, _browser_key(attempt), seconds=HOUR, now=now, amount=-1)
        return
    count_up(db, _address_key(attempt), seconds=MINUTE, now=now, amount=-1)
    count_up(db, _sprayed_key(attempt), seconds=HOUR, now=now, amount=-1)
    if not attempt.is_known_address:
        count_up(db, _scattered_key(attempt), seconds=HOUR, now=now, amount=-1)


def count_code(db: Session, attempt: Attempt, *, now: datetime) -> bool:
    """Count a code of the second step, by the account; whether it may be checked.

    A browser that is known has its own count: whoever knows the password keeps no owner out.
    """
    lately, today = (
        count_up(db, key, seconds=seconds, now=now) for key, seconds in _code_keys(attempt)
    )
    return lately <= CODE_ATTEMPTS and today <= CODES_A_DAY


def uncount_code(db: Session, attempt: Attempt, *, now: datetime) -> None:
    """Take the code out of the counts: it was right."""
    for key, seconds in _code_keys(attempt):
        count_up(db, key, seconds=seconds, now=now, amount=-1)


def _code_keys(attempt: Attempt) -> tuple[tuple[str, int], tuple[str, int]]:
    place = f":browser:{attempt.browser}" if attempt.browser else ""
    key = f"codes:{attempt.account}{place}"
    return (key, CODE_SECONDS), (f"{key}:day", DAY)


def note_failure(
    db: Session, attempt: Attempt, *, now: datetime, action: str = "person.wrong_password"
) -> int:
    """Count a wrong password or code; the 1st, 10th, 100th a day from one address get an entry."""
    account = UNKNOWN if attempt.person_id is None else attempt.account
    key = f"failed:{action}:{account}:{attempt.address}"
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
        record(db, action, person, by=None, at=now, after=after)
    return failures


def _own_key(attempt: Attempt) -> str:
    place = f"browser:{attempt.browser}" if attempt.browser else f"address:{attempt.address}"
    return f"tries:{attempt.account}:{place}"


def _browser_key(attempt: Attempt) -> str:
    return f"browser-tries:{attempt.account}:{attempt.browser}"


def _address_key(attempt: Attempt) -> str:
    return f"address-tries:{attempt.address}"


def _sprayed_key(attempt: Attempt) -> str:
    return f"sprayed-tries:{attempt.address}"


def _scattered_key(attempt: Attempt) -> str:
    return f"scattered-tries:{attempt.account}"
