"""Posting a mail as its recipient chose to get it, and changing that choice."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.db import insert_into
from crm.base.errors import Refused
from crm.base.mail import Site, render
from crm.base.outbox import MessageKind, Row, State, row_of
from crm.base.value_class import value_class
from crm.mailing.announcing import put_and_announce
from crm.mailing.models import MailChoice, QuietTime
from crm.mailing.queries import is_mailed, mailed_kinds, quiet_hours
from crm.mailing.rules import IN_APP, IN_APP_ONLY, NEVER_MAILED, OPTIONAL, QuietHours
from crm.people.models import Person

MOST_QUIET_HOURS = 14  # so that every day has hours in which the person can be reached


@value_class
class Envelope:
    """A mail without its text and its reader."""

    kind: MessageKind
    dedupe_key: str
    at: datetime  # the slot's own moment
    expires_at: datetime | None = None
    kept: str | None = None  # why it is kept in the mailbox without being mailed


def post(db: Session, envelope: Envelope, *, person: Person, site: Site, **context: object) -> bool:
    """Render the mail and put it into the outbox; False where its key is there already.

    A mail that the person does not want by mail is left in the mailbox.
    """
    by_mail = is_mailed(db, person.id, envelope.kind)
    row = written(envelope, person, site=site, by_mail=by_mail, **context)
    return put_and_announce(db, [row]) > 0


def written(
    envelope: Envelope, person: Person, *, site: Site, by_mail: bool, **context: object
) -> Row:
    """The rendered mail as a row for the outbox; `by_mail`: whether the person wants it so."""
    link = site.unsubscribe_link(person.id, envelope.kind) if envelope.kind in OPTIONAL else None
    mail = render(envelope.kind.value, site=site, unsubscribe=link, **context)
    state, note = _state_of(envelope, by_mail=by_mail)

    return row_of(
        kind=envelope.kind,
        dedupe_key=envelope.dedupe_key,
        person=person,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        at=envelope.at,
        state=state,
        note=note,
        expires_at=envelope.expires_at,
        unsubscribe_url=link,
    )


def _state_of(envelope: Envelope, *, by_mail: bool) -> tuple[State, str | None]:
    if envelope.kept:
        return State.SKIPPED, envelope.kept
    if envelope.kind in IN_APP:
        return State.SENT, NEVER_MAILED
    if not by_mail:
        return State.SENT, IN_APP_ONLY  # delivered by being in the mailbox
    return State.PENDING, None


def choose(
    db: Session,
    *,
    person: Person,
    by_mail: Collection[MessageKind],
    quiet: QuietHours | None,
    now: datetime,
) -> None:
    """Set which optional kinds are mailed to the person, and their quiet hours.

    Refused as `quiet_too_long` or `quiet_without_length`.
    """
    _check(quiet)
    before = _audit_values(mailed_kinds(db, person.id), quiet_hours(db, person.id))
    after = _audit_values(frozenset(by_mail) & frozenset(OPTIONAL), quiet)
    if after == before:
        return

    for kind in OPTIONAL:
        _set_choice(db, person.id, kind, by_mail=kind in by_mail)

    # Replaced as a whole: a person has one row or none.
    db.execute(delete(QuietTime).where(QuietTime.person_id == person.id))

    if quiet:
        row = {"person_id": person.id, "begins": quiet.begins, "ends": quiet.ends}
        db.execute(insert_into(db, QuietTime).values(**row))

    _record(db, person, by=person, now=now, before=before, after=after)


def unsubscribe(db: Session, *, person: Person, kind: MessageKind, now: datetime) -> None:
    """Stop mails of an optional kind, by the link in one of them, without a login."""
    if kind not in OPTIONAL:
        raise Refused("mail_is_fixed")
    before = mailed_kinds(db, person.id)
    if kind not in before:
        return
    _set_choice(db, person.id, kind, by_mail=False)
    quiet = quiet_hours(db, person.id)
    old, new = _audit_values(before, quiet), _audit_values(before - {kind}, quiet)
    _record(db, person, by=None, now=now, before=old, after=new)


def _check(quiet: QuietHours | None) -> None:
    if quiet and quiet.begins == quiet.ends:
        raise Refused("quiet_without_length", field="ends")
    if quiet and quiet.hours > MOST_QUIET_HOURS:
        raise Refused("quiet_too_long", field="ends", most=MOST_QUIET_HOURS)


def _set_choice(db: Session, person_id: int, kind: MessageKind, *, by_mail: bool) -> None:
    row = insert_into(db, MailChoice).values(person_id=person_id, kind=kind, by_mail=by_mail)
    db.execute(
        row.on_conflict_do_update(index_elements=["person_id", "kind"], set_={"by_mail": by_mail})
    )


def _audit_values(by_mail: Collection[MessageKind], quiet: QuietHours | None) -> dict[str, object]:
    hours = f"{quiet.begins:%H:%M}–{quiet.ends:%H:%M}" if quiet else None
    return {"by_mail": [kind.value for kind in OPTIONAL if kind in by_mail], "quiet": hours}


def _record(  # noqa: PLR0913 - an entry has that many parts
    db: Session,
    person: Person,
    *,
    by: Person | None,
    now: datetime,
    before: dict[str, object],
    after: dict[str, object],
) -> None:
    changed = [name for name in after if after[name] != before[name]]

    if changed:
        record(
            db,
            "person.mails_chosen",
            person,
            by=by,
            at=now,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
