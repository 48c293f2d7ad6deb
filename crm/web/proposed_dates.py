"""The due dates that forms propose."""

from datetime import date, timedelta

from crm.base.periods import DAY
from crm.extensions import db
from crm.quotas.queries import working_calendar
from crm.web.transaction import today

FOLLOWUP_TERM = 7 * DAY


def proposed_due_on(term: timedelta = FOLLOWUP_TERM) -> date:
    """The day on which the term from today ends; on a day off the next working day."""
    return working_calendar(db.session).first_workday_from(today() + term)
