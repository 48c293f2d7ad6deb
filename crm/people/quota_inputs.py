"""Changes of what quotas rest on, as services collect them for the corrections (REGIME 4, Closing).

Visits and the calendar, whose packages lie above this one, collect the same values.
"""

from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.enums import LabeledEnum
from crm.base.pending import collect
from crm.base.value_class import value_class
from crm.people.models import Absence, Person, Posting


class Edit(LabeledEnum):
    """What was done; the labels stand in corrections."""

    VISIT_LOGGED = "visit.logged", "补录拜访"
    VISIT_CHANGED = "visit.changed", "修改拜访"
    VISIT_DONE = "visit.done", "办结拜访"
    VISIT_MOVED = "visit.moved", "拜访改期"
    VISIT_CANCELLED = "visit.cancelled", "取消拜访"
    VISIT_RESTORED = "visit.restored", "恢复已取消的拜访"
    VISIT_UNDONE = "visit.undone", "撤销对拜访的操作"
    VISIT_CONFIRMED = "visit.confirmed", "确认补录的拜访"
    VISIT_REJECTED = "visit.rejected", "退回拜访"
    VISIT_LEFT = "visit.left", "同行人说明未参加"
    VISIT_IMPORTED = "visit.imported", "导入拜访"
    ABSENCE_APPROVED = "absence.approved", "批准请假"
    ABSENCE_SHORTENED = "absence.shortened", "缩短请假"
    ABSENCE_CANCELLED = "absence.cancelled", "取消请假"
    POSTING_ADDED = "posting.added", "新增任职"
    POSTING_CHANGED = "posting.changed", "任职变更"
    POSTING_REMOVED = "posting.removed", "删除任职"
    CALENDAR_SET = "calendar.set", "调整工作日历"
    CALENDAR_TAKEN_BACK = "calendar.taken_back", "撤回工作日历的调整"
    CALENDAR_IMPORTED = "calendar.imported", "导入放假安排"
    EDITED_BEFORE_FREEZE_RAN = "edited_before_freeze_ran", "定稿任务补做之前登记的修改"


@value_class(kw_only=True)
class QuotaInputChanged:
    """An edit that may have changed the figures of these people in periods with these dates."""

    person_ids: frozenset[int] | None  # None: everybody
    first_on: date
    last_on: date
    edit: Edit
    visit_ref: str | None = None
    reason: str | None = None
    by_id: int | None  # None: an import or the clock
    at: datetime
    may_reach_frozen: bool = True  # false: none of the figures is frozen, which the commit checks

    def concerns(self, person_id: int, first_on: date, last_on: date) -> bool:
        """Whether it may have changed the person's figure of the period with these dates."""
        is_theirs = self.person_ids is None or person_id in self.person_ids
        return is_theirs and self.first_on <= last_on and self.last_on >= first_on

    @property
    def description(self) -> str:
        """What was done, why, and to which visit: the text of a correction."""
        why = f"{self.edit.label}（{self.reason}）" if self.reason else self.edit.label
        return f"{why} {self.visit_ref}" if self.visit_ref else why


def collect_edit(  # noqa: PLR0913 - whose dates, what was done, why, by whom and when
    db: Session,
    row: Posting | Absence,
    edit: Edit,
    *dates: date | None,
    reason: str | None = None,
    by: Person | None,
    at: datetime,
) -> None:
    """Collect an edit of a posting or absence that concerns the dates; None has no end."""
    # an open end reaches all later periods
    ends = [on or date.max for on in dates]
    collect(
        db,
        QuotaInputChanged(
            person_ids=frozenset({row.person_id}),
            first_on=min(ends),
            last_on=max(ends),
            edit=edit,
            reason=reason,
            by_id=by.id if by else None,
            at=at,
        ),
    )
