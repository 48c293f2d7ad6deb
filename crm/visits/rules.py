"""The words of visits (REGIME 3)."""

from crm.base.words import Word

LONGEST_DAYS = (
    92  # a bound on a visit's length keeps every question about a period a closed range
)


class Kind(Word):
    """What a visit is."""

    OUTREACH = "outreach", "外出拜访"
    RECEPTION = "reception", "来访接待"
    RESIDENCY = "residency", "驻城招商"
    EVENT = "event", "招商活动"


class Channel(Word):
    """How people meet."""

    IN_PERSON = "in_person", "面谈"
    VIDEO = "video", "视频"
    PHONE = "phone", "电话"
    EMAIL = "email", "邮件"
    ONLINE_EVENT = "online_event", "线上活动"


class Status(Word):
    """Where a visit stands; only `done` counts."""

    PLANNED = "planned", "计划"
    DONE = "done", "已完成"
    CANCELLED = "cancelled", "已取消"


class Verdict(Word):
    """What a supervisor said of a visit."""

    CONFIRMED = "confirmed", "已确认"
    REJECTED = "rejected", "已退回"
