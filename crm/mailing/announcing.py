"""Messages put into the outbox, with what channels tell of them: one transaction, one key each."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import current_site
from crm.base.outbox import Message, Row, State, message_id_of, put
from crm.mailing.channel_queries import any_channel_listens, groups, people_in_unit, receivers
from crm.mailing.channel_texts import Announcement, for_group, for_person, group_key
from crm.people.queries import people_by_id


def put_and_announce(db: Session, rows: Sequence[Row]) -> int:
    """Put mails into the outbox, and what goes over channels; how many mails are new."""
    listened = any_channel_listens(db, {row["kind"] for row in rows})
    if not listened:
        return put(db, rows)

    known = _ids_of(db, rows)
    count = put(db, rows)
    new = {key: made for key, made in _ids_of(db, rows).items() if key not in known}
    told = [row for row in rows if row["dedupe_key"] in new and row["state"] is not State.SKIPPED]
    put(db, [*_to_people(db, told, new), *_to_groups(db, told)])
    return count


def _ids_of(db: Session, rows: Sequence[Row]) -> dict[str, int]:
    keys = [row["dedupe_key"] for row in rows]
    found = select(Message.dedupe_key, Message.id).where(Message.dedupe_key.in_(keys))
    return {row.dedupe_key: row.id for row in db.execute(found)}


def _to_people(db: Session, rows: Sequence[Row], ids: dict[str, int]) -> Iterator[Row]:
    found = receivers(db, {row["person_id"] for row in rows}, {row["kind"] for row in rows})
    if not found:
        return
    people = people_by_id(db, {receiver.person_id for receiver in found})
    for row in rows:
        for receiver in found:
            if (receiver.person_id, receiver.kind) != (row["person_id"], row["kind"]):
                continue
            about_id = ids[row["dedupe_key"]]
            yield _row(
                row,
                for_person(row["kind"], row["subject"], about_id),
                key=f"{row['dedupe_key']}@{receiver.channel_id}",
                channel_id=receiver.channel_id,
                about_id=about_id,
                recipient=receiver.address or people[receiver.person_id].username,
            )


def _to_groups(db: Session, rows: Sequence[Row]) -> Iterator[Row]:
    for channel, kind in groups(db, {row["kind"] for row in rows}):
        of_kind = [row for row in rows if row["kind"] is kind]
        if channel.unit_id is not None:
            person_ids = {row["person_id"] for row in of_kind}
            inside = people_in_unit(
                db, person_ids, channel.unit_id, civil_date(_moment(of_kind[0]))
            )
            of_kind = [row for row in of_kind if row["person_id"] in inside]
        by_event = {group_key(row["dedupe_key"]): row for row in of_kind}
        for key, row in by_event.items():
            yield _row(
                row,
                for_group(kind, row["dedupe_key"]),
                key=f"{key}@{channel.id}",
                channel_id=channel.id,
            )


def _moment(row: Row) -> datetime:
    moment: datetime = row["made_at"]
    return moment


def _row(row: Row, words: Announcement, *, key: str, **values: Any) -> Row:
    site = current_site()
    link = site.link(words.path) if site else words.path
    return row | {
        "dedupe_key": key,
        "person_id": None,
        "about_id": None,
        "recipient": "",
        "subject": words.title,
        "body_text": f"{words.text}\n{link}",
        "body_html": "",
        "message_id": message_id_of(key),
        "unsubscribe_url": None,
        "state": State.PENDING,
        "sent_at": None,
        "note": None,
        **values,
    }
