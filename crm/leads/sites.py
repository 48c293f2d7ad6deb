"""Sites of the zone, and those offered to a lead (PROJECTS 1)."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from crm.base.audit import changes, record
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import hold
from crm.base.remembered import remembered
from crm.base.value_class import value_class
from crm.leads.catalog_models import LeadSite, Site, SiteKind
from crm.leads.models import Lead
from crm.leads.permissions import require_change
from crm.people.models import Person, Unit
from crm.people.rules import SYSTEM


@value_class(kw_only=True)
class SiteData:
    """The values of a site."""

    name: str
    park_id: int | None
    kind: SiteKind
    area: Decimal | None
    power: int | None
    free_from: date | None
    note: str | None
    is_offered: bool = True


def sites(db: Session) -> Sequence[Site]:
    """All sites, those on offer first."""
    rows = select(Site).options(joinedload(Site.park))
    return db.scalars(rows.order_by(Site.is_offered.desc(), Site.kind, Site.name)).all()


@value_class
class OfferedSite:
    """A site that was offered to a lead, as the lead's page shows it."""

    id: int  # of the offer
    site_id: int
    offered_on: date
    entered_at: datetime
    name: str
    kind: SiteKind
    area: Decimal | None
    power: int | None
    park: str | None
    entered_by: str | None


def offered_sites(db: Session, lead_id: int) -> list[OfferedSite]:
    """The sites offered to a lead, the first one first."""

    def read() -> list[OfferedSite]:
        of_offer = (LeadSite.id, LeadSite.site_id, LeadSite.offered_on, LeadSite.entered_at)
        of_site = (Site.name, Site.kind, Site.area, Site.power, Unit.name, Person.name)
        columns: list[Any] = [*of_offer, *of_site]
        rows = select(*columns).join(LeadSite.site)
        rows = rows.outerjoin(Site.park).outerjoin(LeadSite.entered_by)
        rows = rows.where(LeadSite.lead_id == lead_id)
        return [OfferedSite(*row) for row in db.execute(rows.order_by(LeadSite.offered_on))]

    return remembered(db, "lead-sites", lead_id, read=read)


def offerable_sites(db: Session, lead_id: int) -> list[Site]:
    """What may yet be offered to a lead."""
    known = {offer.site_id for offer in offered_sites(db, lead_id)}
    return [site for site in sites(db) if site.is_offered and site.id not in known]


def save_site(db: Session, *, site: Site | None, data: SiteData, by: Person, now: datetime) -> Site:
    """Add or change a site; refused as `not_yours`, `name_taken`."""
    if by.role not in SYSTEM:
        raise Refused("not_yours")
    same = db.scalar(select(Site.id).where(Site.name == data.name))
    if same not in (None, site.id if site else None):
        raise Refused("name_taken", field="name", name=data.name)

    if site is None:
        site = Site(**asdict(data))
        db.add(site)
        db.flush()
        record(db, "site.added", site, by=by, at=now, after=asdict(data))
        return site

    before, after = changes(site, asdict(data))
    if after:
        record(db, "site.changed", site, by=by, at=now, before=before, after=after)
    return site


def offer_site(  # noqa: PLR0913 - what is offered to whom, when and by whom
    db: Session, *, lead: Lead, site: Site, on: date, by: Person, now: datetime
) -> LeadSite:
    """Note that a site was offered; to offer it again changes nothing.

    Refused as `not_yours`, `in_future`, `site_not_offered`.
    """
    require_change(db, lead, by, now)
    if on > civil_date(now):
        raise Refused("in_future", field="on", on=on)
    if not site.is_offered:
        raise Refused("site_not_offered", field="site_id")

    row = LeadSite(
        lead_id=lead.id, site_id=site.id, offered_on=on, entered_at=now, entered_by_id=by.id
    )
    try:
        with db.begin_nested():
            db.add(row)
    except IntegrityError:  # offered already, perhaps at the same moment
        known = select(LeadSite).where(LeadSite.lead_id == lead.id, LeadSite.site_id == site.id)
        if existing := db.scalar(known):
            return existing
        raise

    after = {"site": site.name, "on": on}
    record(db, "lead.site_offered", lead, by=by, at=now, after=after)
    return row


def offer_of(db: Session, lead: Lead, offer_id: int) -> LeadSite | None:
    """The offer of that id, if it is the lead's."""
    row = select(LeadSite).where(LeadSite.id == offer_id, LeadSite.lead_id == lead.id)
    return db.scalar(row)


def withdraw_site(db: Session, *, lead: Lead, offered: LeadSite, by: Person, now: datetime) -> None:
    """Take a site off the lead again."""
    require_change(db, lead, by, now)
    hold(db, offered)
    before = {"site": db.get_one(Site, offered.site_id).name, "on": offered.offered_on}
    db.delete(offered)
    record(db, "lead.site_withdrawn", lead, by=by, at=now, before=before, after={})
