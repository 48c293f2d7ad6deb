"""Which personal data have a period of keeping, and when it is over. Pure."""

import calendar
from collections.abc import Mapping
from datetime import date, datetime

from crm.base.clock import at_civil, civil_date
from crm.base.enums import LabeledEnum

MOST_MONTHS = 240
KEEP_MONTHS = 12  # a contact that a person decides to keep is asked about again after these


class Kept(LabeledEnum):
    """Kinds of personal data that are not needed for ever."""

    CONTACTS = "contacts", "已流失项目的企业联系人"
    SESSIONS = "sessions", "登录会话"
    MAILS = "mails", "邮件正文"
    IMPORTS = "imports", "导入文件和撤销数据"

    @property
    def is_confirmed(self) -> bool:
        """Whether a person confirms each; all else goes by itself."""
        return self is Kept.CONTACTS


CLEARED = tuple(kind for kind in Kept if not kind.is_confirmed)
DEFAULT_MONTHS: Mapping[Kept, int] = {
    Kept.CONTACTS: 24,
    Kept.SESSIONS: 6,  # as long as logs of the network are kept by law
    Kept.MAILS: 12,
    Kept.IMPORTS: 3,
}


def months_before(on: date, months: int) -> date:
    """The date so many months before, or the last of its month where there is none such."""
    place = on.year * 12 + on.month - 1 - months
    year, month = place // 12, place % 12 + 1
    return date(year, month, min(on.day, calendar.monthrange(year, month)[1]))


def months_after(on: date, months: int) -> date:
    """The date so many months later, or the last of its month where there is none such."""
    return months_before(on, -months)


def over_before(now: datetime, months: int) -> datetime:
    """What happened before that moment has been kept for so many months."""
    return at_civil(months_before(civil_date(now), months))
