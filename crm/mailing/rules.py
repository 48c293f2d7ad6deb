"""Which kinds of mail are optional, and quiet hours. Pure."""

from datetime import datetime, time

from crm.base.clock import civil
from crm.base.mail_kinds import MessageKind
from crm.base.value_class import value_class
from crm.people.rules import IN_BUSINESS, SYSTEM, WITH_RECORDS, Role

# Mails about one's own duty are always mailed. Every message is in the mailbox, mailed or not.
OPTIONAL = (
    MessageKind.MORNING_BRIEF,
    MessageKind.WEEKLY,
    MessageKind.MONTHLY,
    MessageKind.TEN_DAY,
)
# So frequent that mails would be noise: these are only in the mailbox and on the home page.
IN_APP = (MessageKind.COMPANION, MessageKind.DUPLICATE)
FIXED = tuple(kind for kind in MessageKind if kind not in (*OPTIONAL, *IN_APP))

IN_APP_ONLY = "按您的设置，只存入系统信箱"
NEVER_MAILED = "这类通知只存入系统信箱"

_BRIEFED = WITH_RECORDS
_SUPERVISING = frozenset({Role.SUPERVISOR, Role.LEADER})


@value_class
class QuietHours:
    """From one time of day to another; over midnight where the end is earlier than the begin."""

    begins: time
    ends: time

    def cover(self, at: datetime) -> bool:
        """Whether the moment lies in the quiet hours; the end does not."""
        time_of_day = civil(at).time()
        if self.begins < self.ends:
            return self.begins <= time_of_day < self.ends
        return time_of_day >= self.begins or time_of_day < self.ends

    @property
    def hours(self) -> float:
        """Their length."""
        begins, ends = (time.hour * 60 + time.minute for time in (self.begins, self.ends))
        return (ends - begins) % (24 * 60) / 60


def is_for(kind: MessageKind, role: Role) -> bool:
    """Whether people of that role ever get messages of that kind."""
    match kind:
        case MessageKind.MORNING_BRIEF:
            return role in _BRIEFED
        case MessageKind.TEN_DAY:
            return role in _SUPERVISING
        case MessageKind.STANDSTILL:
            return role in SYSTEM
        case MessageKind.RETENTION:
            return role is Role.ADMIN
    return role in IN_BUSINESS
