"""The scenario's sites, entered and offered to leads through their services."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import partial

from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.demo.events import ScheduledCall, SiteEvent
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import OfferRow, SiteRow
from crm.leads.catalog_models import Site
from crm.leads.models import Lead
from crm.leads.sites import SiteData, offer_site, save_site
from crm.people.models import Person, Unit

ENTERED_DAYS = -150  # before DATE
ENTERED, OFFERED = time(9), time(17, 15)


def site_event(row: SiteRow, dates: RelativeDates) -> SiteEvent:
    """A site with the moments at which it was offered."""

    def moment(day: str | int, at: time) -> datetime:
        return at_civil(dates.workday_until(dates.read(day)), at)

    offers = tuple((offer, moment(offer.day, OFFERED)) for offer in row.offers)
    free_from = None if row.free is None else dates.read(row.free)
    return SiteEvent(row, moment(ENTERED_DAYS, ENTERED), free_from, offers)


@dataclass
class SiteWriter:
    """Writes sites and offers with the rows written so far."""

    db: Session
    people: Mapping[str, Person]
    units: Mapping[str, Unit]
    leads: Mapping[str, Lead]
    admin: str
    sites: dict[str, Site] = field(default_factory=dict)

    def calls(self, event: SiteEvent) -> Iterator[ScheduledCall]:
        """The site, then each offer."""
        yield event.at, partial(self._enter, event)
        for offer, at in event.offers:
            yield at, partial(self._offer, event.row, offer)

    def _enter(self, event: SiteEvent, now: datetime) -> None:
        row = event.row
        data = SiteData(
            name=row.name,
            park_id=self.units[row.park].id,
            kind=row.kind,
            area=row.area,
            power=row.power,
            free_from=event.free_from,
            note=row.note,
        )
        by = self.people[self.admin]
        self.sites[row.name] = save_site(self.db, site=None, data=data, by=by, now=now)

    def _offer(self, row: SiteRow, offer: OfferRow, now: datetime) -> None:
        lead, site, by = self.leads[offer.lead], self.sites[row.name], self.people[offer.by]
        offer_site(self.db, lead=lead, site=site, on=civil_date(now), by=by, now=now)
