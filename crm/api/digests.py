"""Digests (周报, 月报) that the caller received, each as it was made (REGIME 5)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from crm.api.call import Call, NotFound, found
from crm.api.models import Listed, Listing, Shown
from crm.api.operations import Resource
from crm.api.paging import listing as listed
from crm.api.paging import place_of
from crm.base.mail_kinds import MessageKind
from crm.base.mailbox import messages_page, period_of
from crm.base.paging import Page
from crm.base.periods import Period
from crm.digests.document import Document
from crm.digests.kept import KINDS, stored_digest
from crm.people.rules import IN_BUSINESS

digests = Resource("digests", "周报和月报")
PeriodCode = Annotated[str, Field(max_length=20, description="周期：2026-W30（周）、2026-07（月）")]


class DigestQuery(Listed):
    kind: Literal["weekly-digest", "monthly-digest"] | None = Field(None, description="周报或月报")


class DigestListed(Shown):
    id: int = Field(description="站内信的 id")
    period: str = Field(description="周或月")
    kind: MessageKind
    subject: str
    made_at: datetime
    read_at: datetime | None = Field(description="在页面上首次打开的时间")


class DigestShown(DigestListed):
    """A digest in full; its links are paths of pages."""

    text: str = Field(description="邮件的文字")
    document: Document | None = Field(description="全文，分节；早期的只有邮件")


@digests.get("/digests", "本人收到的周报和月报，新的在前", roles=IN_BUSINESS)
def listing(call: Call, query: DigestQuery) -> Listing[DigestListed]:
    kinds = [MessageKind(query.kind)] if query.kind else list(KINDS.values())
    place = place_of(call, query)
    before = int(place) if place else None
    page = messages_page(call.db, call.person.id, kinds=kinds, before=before, size=query.limit)
    older = str(page.older) if page.older else None
    return listed(call, query, Page(page.items, None, older), _show_rows)


@digests.get("/digests/{period}", "本人一周或一月的报告，如当时所发", roles=IN_BUSINESS)
def show(call: Call, period: PeriodCode) -> DigestShown:
    """The digest as it was made; reading it here does not mark it as read."""
    stored = found(stored_digest(call.db, call.person, _period(period)))
    message = stored.message
    return DigestShown(**_columns(message), text=message.body_text, document=stored.document)


def _period(code: str) -> Period:
    try:
        return Period.parse(code)
    except ValueError:
        raise NotFound from None


def _show_rows(rows: Sequence[Any]) -> list[DigestListed]:
    return [DigestListed(**_columns(row)) for row in rows]


def _columns(row: Any) -> dict[str, Any]:
    same = ("id", "kind", "subject", "made_at", "read_at")
    return {name: getattr(row, name) for name in same} | {"period": period_of(row.dedupe_key)}
