"""What may be open in somebody's name, and when an absence is long (REGIME 2). Pure."""

from datetime import date

from crm.base.enums import LabeledEnum
from crm.base.workdays import WorkingCalendar

LONG_ABSENCE = 10  # working days; a longer one offers to hand over


class Thing(LabeledEnum):
    """What may be open in a person's name, in the order in which it is handed over.

    Roles come first: who takes one sees the lead of what follows.
    """

    ROLE = "role", "项目分工"
    ORDER_PERSON = "order_person", "督办单责任人"
    ORDER_OFFICER = "order_officer", "督办单经办人"
    PROBLEM = "problem", "困难问题承办人"
    CLAIM = "claim", "认定申报"
    FOLLOWUP = "followup", "跟进"
    VISIT = "visit", "计划中的拜访"
    JOINED = "joined", "计划同行的拜访"
    STAY = "stay", "进行中的驻城"
    BEGUN = "begun", "待办结的拜访"


# What has begun stays with whoever made it: it is settled, not handed over.
HANDED_OVER = tuple(thing for thing in Thing if thing is not Thing.BEGUN)


def is_long(calendar: WorkingCalendar, from_on: date, to_on: date) -> bool:
    """Whether an absence is longer than 10 working days."""
    return len(calendar.workdays(from_on, to_on)) > LONG_ABSENCE
