"""Changes after which the last contact of leads may be another day."""

from collections.abc import Collection

from crm.base.value_class import value_class


@value_class
class ContactChanged:
    """Services collect it; `crm/followups/last_contact.py` finds the days before the commit."""

    lead_ids: Collection[int] = ()
    visit_id: int | None = None  # with the leads that the visit has then
