"""People added and changed, their postings, absences and passwords."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from crm.base.addresses import optional_address
from crm.base.audit import changes, record
from crm.base.errors import Refused
from crm.base.usernames import fold_username, new_username
from crm.people.accounts import end_sessions, note_record_access_ended
from crm.people.admin_duties import require_holders_left, require_role_open
from crm.people.delegations import end_delegations_of
from crm.people.entry_grants import end_grants_to
from crm.people.models import Absence, Person, Posting, Unit
from crm.people.password_rules import PasswordRules, require_acceptable
from crm.people.quota_inputs import Edit, collect_edit
from crm.people.rules import WITH_RECORDS, AbsenceKind, AbsenceStatus, Duty, Role
from crm.people.sign_in_models import FormerPassword

FORMER_KEPT = 24  # as many as a profile may bar
AT_A_TIME = 4  # each takes 64 MB
_hasher = PasswordHasher()
_hashing = BoundedSemaphore(AT_A_TIME)


def add_person(  # noqa: PLR0913 - a person has that many parts
    db: Session,
    *,
    username: str,
    name: str,
    role: Role,
    email: str | None = None,
    phone: str | None = None,
    by: Person | None,
    now: datetime,
) -> Person:
    """Enter a person without a password.

    Refused as `bad_username`, `bad_email`, `email_not_ascii`, `duplicate_username`, `separated`.
    """
    if not username.strip() or not name.strip():
        raise Refused("required", field="name" if username.strip() else "username")

    require_role_open(db, role)
    username = new_username(username)
    if taken := _namesake(db, username):
        raise Refused("duplicate_username", field="username", username=taken)

    person = Person(
        username=username,
        name=name.strip(),
        email=optional_address(email),
        phone=phone or None,
        role=role,
        created_at=now,
    )
    db.add(person)
    record(
        db,
        "person.added",
        person,
        by=by,
        at=now,
        after={"username": username, "role": role},
    )

    return person


def _namesake(db: Session, username: str) -> str | None:
    """The name of an account that would be taken for this one; older ones may be of any width."""
    # only names with other than printable ASCII can be another spelling
    may_fold = Person.username.regexp_match("[^ -~]")
    others = db.scalars(select(Person.username).where(or_(Person.username == username, may_fold)))
    return next((name for name in others if fold_username(name) == username), None)


def change_person(  # noqa: PLR0913 - a person has that many parts
    db: Session,
    *,
    person: Person,
    name: str,
    email: str | None,
    phone: str | None,
    role: Role,
    by: Person | None,
    now: datetime,
) -> bool:
    """Change a person; whether anything changed."""
    if role is not person.role:
        require_role_open(db, role)
        require_holders_left(db, person, role)
    if email != person.email:  # older addresses are only checked when a mail is sent
        email = optional_address(email)

    before, after = changes(person, {"name": name, "email": email, "phone": phone, "role": role})

    # REGIME 2: a reader has no records, and enters none for others
    if role not in WITH_RECORDS:
        note_record_access_ended(db, person, by=by, at=now)
        end_grants_to(db, person=person, now=now)
    if "role" in after:
        end_delegations_of(db, person=person, role=role, now=now)
    if after:
        record(db, "person.changed", person, by=by, at=now, before=before, after=after)

    return bool(after)


def add_posting(  # noqa: PLR0913 - a posting has that many parts
    db: Session,
    *,
    person: Person,
    unit: Unit,
    duty: Duty,
    is_primary: bool = True,
    from_on: date,
    to_on: date | None = None,
    by: Person | None,
    now: datetime,
) -> Posting:
    """Post a person; refused as `last_day_before_first` or `overlapping_posting` (REGIME 2)."""
    check_posting(db, person=person, is_primary=is_primary, from_on=from_on, to_on=to_on)
    posting = Posting(
        person_id=person.id,
        unit_id=unit.id,
        duty=duty,
        is_primary=is_primary,
        from_on=from_on,
        to_on=to_on,
    )
    db.add(posting)
    after = {
        "person": person.username,
        "unit": unit.code,
        "duty": duty,
        "from": from_on,
        "to": to_on,
    }
    record(db, "posting.added", posting, by=by, at=now, after=after)
    collect_edit(db, posting, Edit.POSTING_ADDED, from_on, to_on, by=by, at=now)

    return posting


def end_posting(
    db: Session, *, posting: Posting, to_on: date | None, by: Person | None, now: datetime
) -> None:
    """Set the last date of a posting, or open it; the caller has seen to it that none overlaps."""
    was_to_on = posting.to_on
    before, after = changes(posting, {"to_on": to_on})
    record(db, "posting.changed", posting, by=by, at=now, before=before, after=after)
    collect_edit(db, posting, Edit.POSTING_CHANGED, was_to_on, to_on, by=by, at=now)


def hold_postings(db: Session, person: Person) -> None:
    """Lock the person's postings for the transaction: they must not overlap."""
    db.execute(select(Person.id).where(Person.id == person.id).with_for_update(key_share=True))


def check_posting(  # noqa: PLR0913 - a posting has that many parts
    db: Session,
    *,
    person: Person,
    is_primary: bool,
    from_on: date,
    to_on: date | None,
    but_id: int | None = None,
) -> None:
    """Refuse as `last_day_before_first`, or as `overlapping_posting` with another than `but_id`."""
    if to_on and to_on < from_on:
        raise Refused("last_day_before_first", field="to")

    # held from the check to the change, so that no other posting comes between
    hold_postings(db, person)
    if is_primary and (other := _overlapping(db, person, from_on, to_on, but_id)):
        raise Refused(
            "overlapping_posting",
            field="from",
            from_on=other.from_on,
            to_on=other.to_on,
        )


def _overlapping(
    db: Session, person: Person, from_on: date, to_on: date | None, but_id: int | None
) -> Posting | None:
    return db.scalar(
        select(Posting)
        .where(
            Posting.person_id == person.id,
            Posting.id != (but_id or 0),
            Posting.is_primary,
            Posting.from_on <= (to_on or date.max),
            Posting.to_on.is_(None) | (Posting.to_on >= from_on),
        )
        .limit(1)
    )


def add_absence(  # noqa: PLR0913 - an absence has that many parts
    db: Session,
    *,
    person: Person,
    from_on: date,
    to_on: date,
    kind: AbsenceKind = AbsenceKind.LEAVE,
    reason: str,
    by: Person | None,
    now: datetime,
) -> Absence:
    """Enter an approved absence; refused as `last_day_before_first`."""
    if to_on < from_on:
        raise Refused("last_day_before_first", field="to")

    absence = Absence(
        person_id=person.id,
        from_on=from_on,
        to_on=to_on,
        kind=kind,
        reason=reason,
        status=AbsenceStatus.APPROVED,
        approved_by_id=by.id if by else None,
        approved_at=now,
    )
    db.add(absence)
    after = {"person": person.username, "from": from_on, "to": to_on, "kind": kind}
    record(db, "absence.approved", absence, by=by, at=now, after=after)
    collect_edit(db, absence, Edit.ABSENCE_APPROVED, from_on, to_on, by=by, at=now)

    return absence


def hash_password(
    username: str,
    password: str,
    *,
    rules: PasswordRules = PasswordRules(),  # noqa: B008 - it is frozen
    former: Iterable[str] = (),
) -> str:
    """The argon2 hash; refused as `require_acceptable` does, and as `former_password`.

    `former`: the hashes of passwords that are not taken again.
    """
    require_acceptable(rules, username, password)
    if any(_is_hash_of(password, each) for each in former):
        raise Refused("former_password", field="password", history=rules.history)
    with _hashing:
        return _hasher.hash(password)


def set_password(  # noqa: PLR0913 - a password has that many parts
    db: Session,
    *,
    person: Person,
    password_hash: str,
    is_temporary: bool = False,
    by: Person | None,
    now: datetime,
) -> None:
    """Give the person a password (see `hash_password`) and end all their sessions."""
    _keep_former(db, person, now)
    person.password_hash = password_hash
    person.password_changed_at = now
    person.is_password_temporary = is_temporary

    # whoever knew the old password is signed out everywhere
    end_sessions(db, person=person, now=now)
    record(db, "person.password_set", person, by=by, at=now)


def _keep_former(db: Session, person: Person, now: datetime) -> None:
    """Keep the hash of the password that is replaced, and no more than a profile may ask for."""
    if person.password_hash is None or person.is_password_temporary:
        return
    former = FormerPassword(
        person_id=person.id, password_hash=person.password_hash, replaced_at=now
    )
    db.add(former)
    own = FormerPassword.person_id == person.id
    newest = select(FormerPassword.id).where(own).order_by(FormerPassword.id.desc())
    db.flush()
    kept = newest.limit(FORMER_KEPT)
    db.execute(delete(FormerPassword).where(own, FormerPassword.id.not_in(kept)))


def give_password(
    db: Session, *, person: Person, password_hash: str, by: Person, now: datetime
) -> None:
    """Give another person a password that they must replace.

    Refused as `own_account`, and as `last_admin`: a temporary password may be over before its use.
    """
    if person.id == by.id:
        raise Refused("own_account")
    if person.password_hash and not person.is_password_temporary:
        require_holders_left(db, person)
    set_password(db, person=person, password_hash=password_hash, is_temporary=True, by=by, now=now)


def change_own_password(
    db: Session, *, person: Person, known_hash: str | None, password_hash: str, now: datetime
) -> None:
    """Set a new password for whoever proved to know that of `known_hash`; end all sessions.

    Refused as `wrong_old_password` where it was changed since.
    """
    if person.password_hash != known_hash:
        raise Refused("wrong_old_password", field="old")
    set_password(db, person=person, password_hash=password_hash, by=person, now=now)


def verify(person: Person | None, password: str, *, now: datetime) -> bool:
    """Whether the password is right; takes as long for a person who does not exist.

    Slow on purpose, as `hash_password` is: not to be called where a write transaction has begun.
    """
    # without a hash that of nobody is checked, so that the time tells nothing
    known = person.password_hash if person and not person.is_disabled(now) else None
    return _is_hash_of(password, known or _nobody()) and known is not None


def _is_hash_of(password: str, known: str) -> bool:
    try:
        with _hashing:
            return _hasher.verify(known, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")
