"""When a repeating follow-up is due again (ENTRY 5). Pure."""

import re
from calendar import monthrange
from datetime import date, timedelta

from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.periods import DAY
from crm.base.typed_text import half_width
from crm.base.value_class import value_class
from crm.base.workdays import WorkingCalendar

MOST_DAYS = 366
MONTH_DAYS = 31


class Repeat(LabeledEnum):
    """How a follow-up repeats."""

    DAYS = "days", "每隔若干天"
    WEEKLY = "weekly", "每周"
    MONTHLY = "monthly", "每月"


@value_class
class Repetition:
    """How often: every so many days, weekly on that weekday (1 to 7), monthly on that day."""

    kind: Repeat
    number: int

    @property
    def text(self) -> str:
        """In words: `每 14 天`, `每周三`, `每月 31 日（无此日的，按月末）`."""
        match self.kind:
            case Repeat.DAYS:
                return f"每 {self.number} 天"
            case Repeat.WEEKLY:
                return f"每周{'一二三四五六日'[self.number - 1]}"
            case Repeat.MONTHLY:
                end = "（当月无此日的，按月末）" if self.number > 28 else ""  # noqa: PLR2004
                return f"每月 {self.number} 日{end}"


def repetition(kind: Repeat | None, number: int | None, due_on: date) -> Repetition | None:
    """The repetition that a form asks for; a week or month without a number takes the due date's.

    Refused as `repeat_number`.
    """
    if kind is None:
        return None
    usual = {Repeat.WEEKLY: due_on.isoweekday(), Repeat.MONTHLY: due_on.day}
    # the weekday is never typed
    chosen = usual[kind] if kind is Repeat.WEEKLY else number or usual.get(kind, 0)
    most = MONTH_DAYS if kind is Repeat.MONTHLY else MOST_DAYS
    if not 1 <= chosen <= most:
        raise Refused("repeat_number", field="repeat_number", most=most)
    return Repetition(kind, chosen)


_TYPED = re.compile(
    r"每?隔?(?P<days>\d+)天|每(?:周|星期)(?P<weekday>[一二三四五六日天]?)"
    r"|每(?:个)?月(?:(?P<day>\d+)[日号])?(?:\(.*\))?"
)


def typed_repetition(text: str, due_on: date) -> Repetition | None:
    """The repetition that a cell names: 每14天, 每周三, 每月31日; empty: none.

    Refused as `bad_repeat`, `repeat_number`.
    """
    plain = half_width(text).replace(" ", "")
    if not plain:
        return None
    found = _TYPED.fullmatch(plain)
    if found is None:
        raise Refused("bad_repeat", field="repeat", value=text.strip())
    if days := found["days"]:
        return repetition(Repeat.DAYS, int(days), due_on)
    if plain.startswith(("每月", "每个月")):
        return repetition(Repeat.MONTHLY, int(found["day"]) if found["day"] else None, due_on)
    if not found["weekday"]:
        return repetition(Repeat.WEEKLY, None, due_on)
    return Repetition(
        Repeat.WEEKLY, "一二三四五六日".index(found["weekday"].replace("天", "日")) + 1
    )


def next_due(
    repeats: Repetition, due_on: date, today: date, calendar: WorkingCalendar | None = None
) -> date:
    """The first date of the repetition after the due date and after today.

    One that falls on a rest day moves to the working day that follows.
    """
    after = max(due_on, today)
    match repeats.kind:
        case Repeat.DAYS:
            missed = (after - due_on).days // repeats.number
            found = due_on + timedelta(days=(missed + 1) * repeats.number)
        case Repeat.WEEKLY:
            found = after + ((repeats.number - after.isoweekday() - 1) % 7 + 1) * DAY
        case Repeat.MONTHLY:
            found = _in_month(after, repeats.number)
            if found <= after:
                found = _in_month(after.replace(day=1) + MONTH_DAYS * DAY, repeats.number)
    return calendar.first_workday_from(found) if calendar else found


def _in_month(month: date, day: int) -> date:
    """The day of that month, or its last one where it is shorter."""
    return month.replace(day=min(day, monthrange(month.year, month.month)[1]))
