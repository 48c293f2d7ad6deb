"""Visits that were logged or entered late, as the list of those that wait for a verdict."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base import clock, formatting
from crm.base.value_class import value_class
from crm.people.permissions import Viewer
from crm.quotas.pending_visits import days_entered_late
from crm.visits.models import Visit
from crm.visits.redaction import SeenVisit, shown
from crm.visits.rules import days_until_logged
from crm.web.visits.rows import VerdictButtons, VisitRow, visit_row


@value_class
class LateVisit:
    """A visit that counts only once it is confirmed, with how late it was logged or entered."""

    row: VisitRow
    why: str
    words: list[tuple[str, str]]  # whom they met and what was said
    verdict: VerdictButtons

    @property
    def lacks(self) -> str:
        """Why there are no words: what a verdict then cannot rest on."""
        if self.words:
            return ""
        if not self.row.visit.is_readable:
            return "洽谈情况不在您的查看权限内。"
        return "未填写会见人和洽谈情况，可先请带队人补充。"


def late_visits(
    db: Session, viewer: Viewer, visits: Sequence[Visit], now: datetime, *, shown_at: int
) -> list[LateVisit]:
    """These visits as the viewer may see them, with how late they were logged.

    `shown_at`: of `position_shown`, before the visits were read.
    """
    on = clock.civil_date(now)
    late = days_entered_late(db, [visit.id for visit in visits])
    found = []

    for seen in shown(db, viewer, visits, on):
        row = visit_row(seen, now)
        why = _how_late(seen, late.get(seen.id, 0), on)
        verdict = VerdictButtons(seen.id, f"{row.title}，{row.when}", shown_at)
        found.append(LateVisit(row, why, _words(seen), verdict))

    return found


def _words(seen: SeenVisit) -> list[tuple[str, str]]:
    met = " ".join(part for part in (seen.met, seen.position) if part)
    texts = (("会见人", met), ("洽谈纪要", seen.minutes), ("下一步", seen.next_step))
    return [(label, text) for label, text in texts if text]


def _how_late(seen: SeenVisit, late_by_days: int, today: date) -> str:
    """How late it was set done, and how late the dates of one that covers several were entered."""
    parts = []

    if seen.logged_at and (days := days_until_logged(seen.last_on, seen.logged_at)) > 0:
        logged_on = formatting.dated(clock.civil_date(seen.logged_at), today)
        parts.append(f"结束 {days} 天后办结（{logged_on}）")

    # REGIME 3: only a visit of several dates has days that were entered late
    if seen.first_on < seen.last_on and late_by_days:
        parts.append(f"最早一天过去 {late_by_days} 天后才登记")

    return "；".join(parts)
