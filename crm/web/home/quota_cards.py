"""The viewer's own figures: the gap, the reason, and whether planning a visit would help."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.value_class import value_class
from crm.people.permissions import Viewer
from crm.quotas.queries import own_figures, working_calendar
from crm.quotas.rules import Figure
from crm.quotas.status_reasons import gap_of, status_reason
from crm.quotas.wording import unit_of
from crm.web.quotas.labels import ESTIMATED_CALENDAR
from crm.web.quotas.visible_figures import figure_url


@value_class
class QuotaCard:
    """A figure of the viewer."""

    title: str
    figure: Figure
    unit: str
    reason: str
    url: str
    is_plan_useful: bool


def quota_cards(db: Session, me: Viewer, on: date, now: datetime) -> list[QuotaCard]:
    """The viewer's figures of today's periods, the shorter first."""
    figures = own_figures(db, me.person_id, on, now)
    calendar = working_calendar(db) if figures else None
    cards = []

    for figure in figures:
        is_estimated = calendar is not None and calendar.is_estimated(figure.period)
        cards.append(
            QuotaCard(
                title=figure.rule.name,
                figure=figure,
                unit=unit_of(figure.rule),
                reason=f"{status_reason(figure)}。{ESTIMATED_CALENDAR if is_estimated else ''}",
                url=figure_url(figure.rule.code, me.person.username, figure.period),
                is_plan_useful=_is_plan_useful(figure),
            )
        )

    return cards


def _is_plan_useful(figure: Figure) -> bool:
    """Whether something is missing for which nothing is planned, and a date is left for it."""
    outlook = figure.outlook
    # without bounds any date of the period will do
    has_dates = outlook is not None and (outlook.free is None or outlook.free > 0)
    return has_dates and gap_of(figure) > figure.planned
