"""The rows of the list of leads, which are the same before everybody who may see the leads."""

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup

from crm.base.remembered import remembered
from crm.extensions import db
from crm.followups.queries import next_steps
from crm.leads.lists import listed_leads
from crm.leads.parked import look_again_dates, parked_of
from crm.web.leads.rows import LeadRow, lead_row
from crm.web.page_templates import part_of_page


def rows_html(lead_ids: Sequence[int], on: date) -> Markup:
    """The rows of these leads on that date, remembered; the caller has checked the rights."""
    if not lead_ids:
        return Markup()
    return remembered(
        *(db.session, "rows of leads", on, tuple(lead_ids)),
        read=lambda: part_of_page("leads/_rows.html", rows=_rows(lead_ids, on)),
    )


def _rows(lead_ids: Sequence[int], on: date) -> list[LeadRow]:
    leads = listed_leads(db.session, lead_ids, on)
    steps = next_steps(db.session, lead_ids)
    again = look_again_dates(db.session, parked_of(leads))
    return [lead_row(lead, steps.get(lead.id), on, again.get(lead.id)) for lead in leads]
