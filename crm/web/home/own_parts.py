"""The parts of *my day* that hold the viewer's own records, kept as HTML between changes."""

from collections.abc import Mapping
from datetime import datetime

from flask import url_for
from markupsafe import Markup
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.periods import DAY
from crm.base.remembered import CHARACTERS, remembered_until
from crm.base.value_class import value_class
from crm.people.permissions import Viewer
from crm.web.form_tokens import form_token
from crm.web.home.layout import Layout, Part
from crm.web.home.records import Records, grants_of, records_of
from crm.web.page_templates import part_of_page
from crm.web.visits.rows import unchanged_until

OWN_RECORDS = (Part.VISITS, Part.FOLLOWUPS, Part.NOTICES)


@value_class
class OwnParts:
    """The HTML of each part, and until when time itself changes none of it."""

    html: Mapping[Part, Markup]
    until: datetime

    def __len__(self) -> int:
        """How much it holds, as the memory counts it."""
        return sum(len(text) // CHARACTERS + 1 for text in self.html.values())


def own_parts(session: Session, me: Viewer, layout: Layout, now: datetime) -> Mapping[Part, Markup]:
    """Those parts of the page, with the buttons of the viewer's browser."""
    parts = tuple(part for part in OWN_RECORDS if part in layout)
    made: list[OwnParts] = []

    def read() -> OwnParts:
        made.append(_made(session, me, parts, now))
        return made[-1]

    kept = remembered_until(
        *(session, "own parts", me.person_id, me.role, parts, civil_date(now), form_token()),
        at=now,
        read=read,
        until=lambda: made[-1].until,
    )
    return kept.html


def _made(session: Session, me: Viewer, parts: tuple[Part, ...], now: datetime) -> OwnParts:
    grants = grants_of(session, me.person, civil_date(now))
    records = records_of(session, me, grants.owners, now) if Part.VISITS in parts else None
    standing_in = [f"您正在代理{each.name}，可代为确认和办理。" for each in me.principals]

    context = {
        "records": records,
        "grants": [*standing_in, *grants.sentences],
        "back": url_for("myday.show"),
    }
    html = {part: part_of_page(f"home/_{part.value}.html", **context) for part in parts}
    midnight = at_civil(civil_date(now) + DAY)
    return OwnParts(html, _until(records, now) if records else midnight)


def _until(records: Records, now: datetime) -> datetime:
    rows = records.visits.all() + [row for each in records.entered_for for row in each.visits]
    visits = [row.visit for row in (*rows, *(named.row for named in records.companion_rows))]
    turns = (unchanged_until(visits, now), records.followups.until)
    return min(filter(None, turns))
