"""Visits as rows of the file that the import reads, as far as a viewer may see them."""

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.fields import cells_of
from crm.leads.models import Lead
from crm.people.permissions import Viewer
from crm.visits.companies import copies_of, named_companies
from crm.visits.fields import VISIT_FIELDS, WORDS, CompanyMet
from crm.visits.models import Visit
from crm.visits.queries import LOADED, visible_to
from crm.visits.redaction import shown
from crm.visits.rules import Status


def visit_rows(db: Session, viewer: Viewer | None, on: date) -> list[dict[str, object]]:
    """The visits, the earliest first; without a viewer all.

    Leads hidden from the viewer are left out, and so are the words that pages hide (REGIME 2).
    """
    query = visible_to(viewer, on) if viewer else select(Visit)
    order = query.order_by(Visit.starts_at, Visit.ref).options(*LOADED)
    visits = db.scalars(order).all()

    # an export without viewer has the names of all companies
    stored = named_companies(db, [visit.id for visit in visits])
    rows = [_row(visit, stored[visit.id]) for visit in visits]
    if viewer:
        for row, visit, seen in zip(rows, visits, shown(db, viewer, visits, on), strict=True):
            known = {label.id for label in seen.leads}
            row.update(_leads([lead for lead in visit.leads if lead.id in known]))
            row.update({name: getattr(seen, name) for name in WORDS})
            row.update(_companies(seen.companies))

    return rows


def _row(visit: Visit, stored: Sequence[CompanyMet]) -> dict[str, object]:
    is_done = visit.status is Status.DONE
    # the leader has a column of their own
    companions = [person for person in visit.participants if person.id != visit.leader_id]
    companions.sort(key=lambda person: person.username)

    return {
        **cells_of(VISIT_FIELDS, visit),
        "leader": visit.leader.username,
        "leader_name": visit.leader.name,
        "participants": [person.username for person in companions],
        "participant_names": [person.name for person in companions],
        **_leads(visit.leads),
        **_companies(stored),
        # also of companies that are hidden from the viewer, as all totals
        "company_count": sum(row.is_company for row in stored) if is_done else None,
        # as the import takes it: of a visit that is not done, when it was entered (REGIME 3)
        "logged_at": visit.logged_at if visit.status is Status.DONE else visit.entered_at,
    }


def _leads(leads: Iterable[Lead]) -> dict[str, object]:
    in_order = sorted(leads, key=lambda lead: lead.ref)
    return {
        "leads": [lead.ref for lead in in_order],
        "lead_titles": [lead.title for lead in in_order],
    }


def _companies(rows: Sequence[CompanyMet]) -> dict[str, object]:
    """The companies by name; of several, who was met at each stands at the same place."""
    named = [row for row in rows if row.name]
    if len(named) <= 1:
        return {"companies": [row.name for row in named], **copies_of(rows)}

    others = [row for row in rows if not row.name and row.met]
    texts = {
        name: ";".join(getattr(row, name) or "" for row in (*named, *others))
        for name in ("met", "position")
    }
    return {
        "companies": [row.name for row in named],
        **{name: text if text.strip(";") else None for name, text in texts.items()},
    }
