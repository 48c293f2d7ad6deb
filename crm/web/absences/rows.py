"""Rows of absences."""

from datetime import date

from crm.base import formatting
from crm.base.value_class import value_class
from crm.people.models import Absence
from crm.people.rules import AbsenceStatus

TONES = {
    AbsenceStatus.ASKED: "info",
    AbsenceStatus.APPROVED: "good",
    AbsenceStatus.RETURNED: "warn",
    AbsenceStatus.WITHDRAWN: "neutral",
    AbsenceStatus.CANCELLED: "neutral",
}


@value_class
class AbsenceRow:
    """An absence in a list."""

    id: int
    name: str
    title: str
    dates: str
    days: str
    status: AbsenceStatus
    tone: str
    reason: str
    note: str

    @property
    def meta(self) -> str:
        """Length, reason and answer in one line."""
        answer = f"答复：{self.note}" if self.note else ""
        return " · ".join(part for part in (self.days, self.reason, answer) if part)


def absence_row(absence: Absence, on: date) -> AbsenceRow:
    """An absence, with its person, in words."""
    first, last = absence.from_on, absence.to_on
    dates = formatting.span(first, last)

    # most absences are of this year: only others name theirs
    if first.year != on.year or last.year != on.year:
        end = "" if first == last else f"至{last.year}年{formatting.day(last)}"
        dates = f"{first.year}年{formatting.day(first)}{end}"

    return AbsenceRow(
        absence.id,
        absence.person.name,
        f"{absence.person.name} {absence.kind.label}",
        dates,
        f"共 {(last - first).days + 1} 天",
        absence.status,
        TONES[absence.status],
        absence.reason,
        absence.note or "",
    )
