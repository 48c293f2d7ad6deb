"""What *my day* keeps on the device: visits and follow-ups without anything restricted."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.followups.queries import due
from crm.followups.redaction import SeenFollowup
from crm.leads.device_names import names_not_kept
from crm.leads.redaction import LeadLabel
from crm.leads.rules import Secrecy
from crm.people.permissions import Viewer
from crm.visits.day import day_visits
from crm.visits.redaction import SeenVisit
from crm.web.visits.rows import VisitRow, visit_row

FOLLOWUPS_AHEAD = 30 * DAY  # longer than a device is without network
MOST_FOLLOWUPS = 50


@value_class
class KeptDay:
    """Visits and follow-ups of a person, as the device shows them without network."""

    unsettled: list[VisitRow]
    todays: list[VisitRow]
    upcoming: list[VisitRow]
    followups: list[SeenFollowup]


def kept_day(db: Session, me: Viewer, now: datetime) -> KeptDay:
    """The viewer's own visits of the week and follow-ups of the month."""
    on = civil_date(now)
    day = day_visits(db, me, now, owner_ids=[], named_since=now)
    unsettled_ids = {visit.id for visit in day.unsettled}
    todays = [visit for visit in day.todays if visit.id not in unsettled_ids]
    names = {
        row.name for visit in day.changeable() for row in visit.companies if row.name is not None
    }
    secret = names_not_kept(db, me, names, on)

    def rows(visits: Sequence[SeenVisit]) -> list[VisitRow]:
        return [visit_row(visit, now) for visit in visits if _is_kept(visit, secret)]

    followups = due(db, me, on + FOLLOWUPS_AHEAD, as_of=now)
    return KeptDay(
        rows(day.unsettled),
        rows(todays),
        rows(day.upcoming),
        [seen for seen in followups if _is_open(seen.lead)][:MOST_FOLLOWUPS],
    )


def _is_kept(visit: SeenVisit, secret: frozenset[str]) -> bool:
    leads_open = all(_is_open(lead) for lead in visit.leads)
    return leads_open and not any(row.name in secret for row in visit.companies)


def _is_open(lead: LeadLabel) -> bool:
    """Whether the device may name it: a restricted lead not even by its code name."""
    return lead.secrecy is not Secrecy.RESTRICTED
