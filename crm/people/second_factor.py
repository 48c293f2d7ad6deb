"""The second step of signing in: codes of an authenticator app (TOTP), and recovery codes."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import pyotp
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.errors import Refused
from crm.base.sealed import seal, unseal
from crm.people.accounts import READABLE, end_sessions
from crm.people.models import Person
from crm.people.sign_in_models import RecoveryCode, SecondFactor
from crm.people.sign_in_profiles import session_rules

STEP_SECONDS = 30
DRIFT = (0, -1, 1)  # steps by which the clock of a telephone may differ
RECOVERY_CODES = 10
RECOVERY_LENGTH = 16  # some 79 bits: a plain hash of it cannot be searched
PURPOSE = "second factor"
ISSUER = "招商管理系统"  # how the app lists the account


@dataclass(frozen=True, slots=True)
class FactorState:
    """What the account page shows of a second factor."""

    confirmed_at: datetime | None  # none: the person has none
    recovery_codes: int  # that are left
    pending: str | None  # the secret that is being set up


def factor_state(db: Session, person: Person, *, key: str) -> FactorState:
    """The state of the person's second factor."""
    factor = _factor(db, person.id)
    left = select(func.count()).where(
        RecoveryCode.person_id == person.id, RecoveryCode.used_at.is_(None)
    )
    if factor is None:
        return FactorState(None, 0, None)
    return FactorState(factor.confirmed_at, db.scalar(left) or 0, _pending(factor, key))


def has_second_factor(db: Session, person_id: int) -> bool:
    """Whether the person signs in by two steps."""
    factor = _factor(db, person_id)
    return factor is not None and factor.confirmed_at is not None


def provisioning_uri(person: Person, secret: str) -> str:
    """What the QR code holds, for the app to read."""
    return pyotp.TOTP(secret).provisioning_uri(name=person.username, issuer_name=ISSUER)


def begin_setup(db: Session, *, person: Person, key: str, now: datetime) -> None:
    """Make a secret for an app; one that is in use stays until a code of the new one confirms."""
    factor = _factor(db, person.id)
    if factor is None:
        factor = SecondFactor(person_id=person.id, last_step=0)
        db.add(factor)
    factor.pending_secret = seal(pyotp.random_base32(), key=key, purpose=PURPOSE)
    record(db, "person.second_factor_begun", person, by=person, at=now)


def confirm_setup(db: Session, *, person: Person, code: str, key: str, now: datetime) -> list[str]:
    """Take the app into use once a code of it is right; the recovery codes, shown this once.

    Refused as `no_setup`, `wrong_code`. Other sessions of the person end.
    """
    factor = _factor(db, person.id)
    secret = _pending(factor, key) if factor else None
    if factor is None or secret is None:
        raise Refused("no_setup", field="code")
    step = _step_of(secret, code, now)
    if step is None:
        raise Refused("wrong_code", field="code")

    factor.secret, factor.pending_secret = factor.pending_secret, None
    factor.confirmed_at, factor.last_step = now, step
    record(db, "person.second_factor_set", person, by=person, at=now)
    return _make_recovery_codes(db, person)


def make_recovery_codes(db: Session, *, person: Person, now: datetime) -> list[str]:
    """New recovery codes, shown this once; the earlier ones end. Refused as `no_setup`."""
    if not has_second_factor(db, person.id):
        raise Refused("no_setup")
    record(db, "person.recovery_codes_made", person, by=person, at=now)
    return _make_recovery_codes(db, person)


def remove_second_factor(db: Session, *, person: Person, now: datetime) -> None:
    """Sign in by one step again; refused as `second_factor_required` where the role asks for it."""
    if session_rules(db).requires_second_factor(person):
        raise Refused("second_factor_required")
    _remove(db, person)
    record(db, "person.second_factor_removed", person, by=person, at=now)


def reset_second_factor(db: Session, *, person: Person, by: Person | None, now: datetime) -> None:
    """Remove another's second factor, as a telephone was lost; all their sessions end.

    Refused as `own_account`, `no_second_factor`.
    """
    if by and by.id == person.id:
        raise Refused("own_account")
    if not has_second_factor(db, person.id):
        raise Refused("no_second_factor")
    _remove(db, person)
    end_sessions(db, person=person, now=now)
    record(db, "person.second_factor_reset", person, by=by, at=now)


def take_code(db: Session, *, person: Person, code: str, key: str, now: datetime) -> None:
    """Accept a code of the app, once; refused as `wrong_code`, `secret_key_changed`."""
    factor = _factor(db, person.id)
    if factor is None or factor.secret is None:
        raise Refused("wrong_code", field="code")
    step = _step_of(unseal(factor.secret, key=key, purpose=PURPOSE), code, now)
    if step is None:
        raise Refused("wrong_code", field="code")

    # decided by the database: of two requests with one code the second finds the step taken
    taken = update(SecondFactor).where(SecondFactor.id == factor.id, SecondFactor.last_step < step)
    if db.scalar(taken.values(last_step=step).returning(SecondFactor.id)) is None:
        raise Refused("wrong_code", field="code")


def take_recovery_code(db: Session, *, person: Person, code: str, now: datetime) -> int:
    """Accept a recovery code, once; how many are left. Refused as `wrong_recovery_code`."""
    used = update(RecoveryCode).where(
        RecoveryCode.person_id == person.id,
        RecoveryCode.code_hash == _hash(code),
        RecoveryCode.used_at.is_(None),
    )
    if db.scalar(used.values(used_at=now).returning(RecoveryCode.id)) is None:
        raise Refused("wrong_recovery_code", field="recovery_code")
    left = db.scalar(
        select(func.count()).where(
            RecoveryCode.person_id == person.id, RecoveryCode.used_at.is_(None)
        )
    )
    record(db, "person.recovery_code_used", person, by=person, at=now, after={"left": left})
    return left or 0


def _factor(db: Session, person_id: int) -> SecondFactor | None:
    return db.scalar(select(SecondFactor).where(SecondFactor.person_id == person_id))


def _pending(factor: SecondFactor, key: str) -> str | None:
    if factor.pending_secret is None:
        return None
    try:
        return unseal(factor.pending_secret, key=key, purpose=PURPOSE)
    except Refused:  # sealed with an earlier key: it is made anew
        return None


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The step of which the code is, where it is near enough."""
    typed = "".join(code.split())
    current = int(now.timestamp()) // STEP_SECONDS
    codes = pyotp.TOTP(secret)
    near = ((step, codes.at(step * STEP_SECONDS)) for step in (current + by for by in DRIFT))
    right = [step for step, made in near if secrets.compare_digest(made.encode(), typed.encode())]
    return right[0] if right else None


def _make_recovery_codes(db: Session, person: Person) -> list[str]:
    db.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    db.add_all(RecoveryCode(person_id=person.id, code_hash=_hash(code)) for code in codes)
    return codes


def _recovery_code() -> str:
    letters = "".join(secrets.choice(READABLE) for _ in range(RECOVERY_LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, RECOVERY_LENGTH, 4))


def _hash(code: str) -> str:
    letters = "".join(char for char in code.casefold() if char.isalnum())
    return sha256(letters.encode()).hexdigest()


def _remove(db: Session, person: Person) -> None:
    db.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person.id))
    db.execute(delete(SecondFactor).where(SecondFactor.person_id == person.id))
