"""The mails about a hand-over: to each successor, and to the person who leaves (REGIME 2)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.mail import Site
from crm.base.outbox import MessageKind
from crm.followups.notifications import HandedLine
from crm.leads.redaction import LeadLabel, lead_labels
from crm.mailing.service import Envelope, post
from crm.people.models import Person
from crm.people.permissions import viewer
from crm.reassignment.queries import OpenThing

SETTLED = "已办结、取消或退出"
Pairs = Sequence[tuple[OpenThing, Person | None]]


def tell(  # noqa: PLR0913 - what was done, for whom, by whom, when
    db: Session, *, person: Person, moved: Pairs, by: Person | None, now: datetime, site: Site
) -> int:
    """Mail each successor what they have now, and the person where everything went.

    Things settled without a successor are in the mail of whoever took most. Returns the number of
    mails.
    """
    mine: defaultdict[int, list[tuple[OpenThing, Person | None]]] = defaultdict(list)
    readers: dict[int, Person] = {}

    for thing, to in moved:
        if to:
            readers[to.id] = to
            mine[to.id].append((thing, to))

    if readers:
        most = max(readers, key=lambda person_id: len(mine[person_id]))
        mine[most] += [pair for pair in moved if pair[1] is None]

    if not person.is_disabled(now):
        readers[person.id], mine[person.id] = person, list(moved)

    return sum(
        _put(db, reader, person, mine[reader.id], now, site)
        for reader in readers.values()
        if by is None or reader.id != by.id  # who did it knows
    )


def _put(  # noqa: PLR0913, PLR0917 - a mail has that many parts
    db: Session, reader: Person, person: Person, pairs: Pairs, now: datetime, site: Site
) -> bool:
    kind = MessageKind.HANDOVER
    # with the moment: a second hand-over is a mail of its own
    key = f"{kind.value}:{person.username}:{reader.username}:{now.isoformat()}"
    lines, is_closed = lines_for(db, reader, pairs, now), person.is_disabled(now)
    content = {"reader": reader, "leaver": person, "lines": lines, "is_closed": is_closed}
    return post(db, Envelope(kind, key, now), person=reader, site=site, **content)


def lines_for(db: Session, reader: Person, pairs: Pairs, now: datetime) -> list[HandedLine]:
    """The things as that reader may see them: hidden leads by their code names only."""
    on = civil_date(now)
    lead_ids = {lead_id for thing, _ in pairs for lead_id in thing.lead_ids}
    labels = lead_labels(db, viewer(db, reader, on), lead_ids, on)

    return [
        HandedLine(
            thing.kind.label,
            text_of(thing, labels),
            "、".join(labels[lead_id].text for lead_id in sorted(thing.lead_ids)),
            to.name if to else SETTLED,
        )
        for thing, to in pairs
    ]


def text_of(thing: OpenThing, labels: dict[int, LeadLabel]) -> str:
    """What it is, with its words where all its leads are seen."""
    is_read = all(labels[lead_id].id is not None for lead_id in thing.lead_ids)
    return f"{thing.text}：{thing.words}" if thing.words and is_read else thing.text
