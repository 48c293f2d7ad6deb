"""The files of visits, follow-ups, problems, claims and receipts in a lead's timeline."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from crm.base.remembered import remembered
from crm.extensions import db
from crm.files.queries import ListedFile, NamedFile, Owner, files_in_force
from crm.web.files.pages import file_url, files_url
from crm.web.leads.events import Event, FileLink, Timeline

MOST_NAMED = 4  # in one row; the record's page has all
_EVER = datetime.min.replace(tzinfo=UTC)


def with_files(lead_id: int, timeline: Timeline) -> Timeline:
    """The timeline with the files of its records; each stands in the row it was added after."""
    events = [*timeline.ahead, *timeline.past]
    owners = {event.owner for event in events if event.owner}
    key = tuple(sorted((table.__tablename__, record_id) for table, record_id in owners))

    # most records have none, and the page is opened often
    files = remembered(
        *(db.session, "files of a timeline", lead_id, key),
        read=lambda: files_in_force(db.session, owners),
    )
    if not files:
        return timeline

    starts = _starts(events)
    return replace(
        timeline,
        ahead=[_with_files(event, files, starts) for event in timeline.ahead],
        past=[_with_files(event, files, starts) for event in timeline.past],
    )


def _starts(events: Iterable[Event]) -> dict[Owner, list[datetime]]:
    """By record, from when on files belong to each of its rows."""
    starts: dict[Owner, list[datetime]] = {}
    for event in events:
        if event.owner:
            starts.setdefault(event.owner, []).append(event.files_since or _EVER)
    return {owner: sorted(moments) for owner, moments in starts.items()}


def _with_files(
    event: Event, files: dict[Owner, list[NamedFile]], starts: dict[Owner, list[datetime]]
) -> Event:
    if event.owner not in files:
        return event

    since = event.files_since or _EVER
    later = [start for start in starts[event.owner] if start > since]
    until = later[0] if later else None
    added = [
        file
        for file in files[event.owner]
        if since <= file.added_at and (until is None or file.added_at < until)
    ]
    return replace(event, files=file_links(event.owner, added))


def file_links(owner: Owner, files: Sequence[NamedFile | ListedFile]) -> tuple[FileLink, ...]:
    """The files by name; of many the first, and how many there are."""
    links = [FileLink(file.name, file_url(*owner, file.id)) for file in files[:MOST_NAMED]]
    if len(files) > MOST_NAMED:
        links.append(FileLink(f"共 {len(files)} 份", files_url(*owner)))
    return tuple(links)
