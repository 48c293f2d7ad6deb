"""Which mails one may do without, and the hours in which none is sent. Pure."""

from dataclasses import dataclass
from datetime import datetime, time

from crm.base.clock import civil
from crm.base.mail_kinds import MessageKind
from crm.people.rules import WITH_RECORDS, Role

# What concerns one's own duty is mailed whatever one chooses; all else lies in the mailbox too.
OPTIONAL = (
    MessageKind.MORNING_BRIEF,
    MessageKind.WEEKLY,
    MessageKind.MONTHLY,
    MessageKind.TEN_DAY,
)
# So frequent that a mail of each would be noise: it lies in the mailbox, and on *my day*.
IN_APP = (MessageKind.COMPANION,)
FIXED = tuple(kind for kind in MessageKind if kind not in (*OPTIONAL, *IN_APP))

IN_APP_ONLY = "按您的设置，只存入系统信箱"
NEVER_MAILED = "这类通知只存入系统信箱"

_BRIEFED = WITH_RECORDS
_SUPERVISING = frozenset({Role.SUPERVISOR, Role.LEADER})


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of day to another, over midnight where it ends earlier than it begins."""

    begins: time
    ends: time

    def hold(self, at: datetime) -> bool:
        """Whether they hold at that moment, in civil time; the end is outside."""
        here = civil(at).time()
        if self.begins < self.ends:
            return self.begins <= here < self.ends
        return here >= self.begins or here < self.ends

    @property
    def hours(self) -> float:
        """How long they last."""
        begins, ends = (each.hour * 60 + each.minute for each in (self.begins, self.ends))
        return (ends - begins) % (24 * 60) / 60


def is_for(kind: MessageKind, role: Role) -> bool:
    """Whether people of that role can get mails of the kind at all."""
    match kind:
        case MessageKind.MORNING_BRIEF:
            return role in _BRIEFED
        case MessageKind.TEN_DAY:
            return role in _SUPERVISING
    return True
