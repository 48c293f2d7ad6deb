"""What the timeline of a lead says of units that offered to assist."""

from datetime import date

from crm.base import formatting
from crm.base.clock import civil_date
from crm.extensions import db
from crm.leads.assistance import offers_of
from crm.web.leads.events import Event, Happening


def offer_events(lead_id: int, on: date) -> list[Happening]:
    """An event for each offer."""
    return [
        Happening(
            offer.at,
            Event(
                *("users", f"{offer.unit}申请协办"),
                *(formatting.dated(civil_date(offer.at), on), "neutral"),
                meta=offer.by,
            ),
        )
        for offer in offers_of(db.session, lead_id)
    ]
