"""Changes after which the last contact of leads may be another day."""

from collections.abc import Collection
from datetime import date

from crm.base.value_class import value_class


@value_class
class ContactChanged:
    """Services collect it; `crm/followups/last_contact.py` finds the days before the commit."""

    lead_ids: Collection[int] = ()
    visit_id: int | None = None  # with the leads that the visit has then
    on: date | None = None  # a contact of that day was added, and nothing else changed
