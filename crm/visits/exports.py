"""Visits as rows of the file that the import reads, as far as a viewer may see them (DESIGN 6)."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.people.queries import Viewer
from crm.visits.models import Visit
from crm.visits.queries import LOADED, visible_to
from crm.visits.rules import Status
from crm.visits.seen import shown

PLAIN = ("ref", "kind", "channel", "status", "starts_at", "ends_at", "city", "trip", "verdict")
WORDS = ("note", "met", "position", "minutes", "next_step")


def visit_rows(db: Session, viewer: Viewer | None, on: date) -> list[dict[str, object]]:
    """The visits, the earliest first; without a viewer all.

    Leads hidden from the viewer are left out, and so are the words that pages hide (REGIME 2).
    """
    query = visible_to(viewer, on) if viewer else select(Visit)
    order = query.order_by(Visit.starts_at, Visit.ref).options(*LOADED)
    visits = db.scalars(order).all()
    rows = [_row(visit) for visit in visits]
    if viewer:
        for row, visit, seen in zip(rows, visits, shown(db, viewer, visits, on), strict=True):
            known = {label.id for label in seen.leads}
            row["leads"] = sorted(lead.ref for lead in visit.leads if lead.id in known)
            row |= {name: getattr(seen, name) for name in WORDS}
    return rows


def _row(visit: Visit) -> dict[str, object]:
    others = [one for one in visit.participants if one.id != visit.leader_id]
    return {
        **{name: getattr(visit, name) for name in (*PLAIN, *WORDS)},
        "leader": visit.leader.username,
        "participants": sorted(one.username for one in others),
        "leads": sorted(lead.ref for lead in visit.leads),
        # as the import takes it: of a visit that is not done, when it was entered (REGIME 3)
        "logged_at": visit.logged_at if visit.status is Status.DONE else visit.entered_at,
        "entered_at": visit.entered_at,
    }
