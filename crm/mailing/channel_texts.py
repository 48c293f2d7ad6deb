"""What a channel says of a message: what to do, and where. Pure.

It leaves the zone's own network, so it is made of the kind of message alone. Only subjects that
consist of counts and periods are repeated; no name of a lead, company or person goes out.
"""

from crm.base.formatting import period_name
from crm.base.mail_kinds import MessageKind
from crm.base.periods import Period
from crm.base.value_class import value_class

REPEATED = "（可能重复）"  # in front of what may have arrived already

# Subjects of these hold counts and periods, and nothing of a record.
COUNTING = frozenset(
    {
        MessageKind.WEEKLY,
        MessageKind.MONTHLY,
        MessageKind.SETTLED,
        MessageKind.MORNING_BRIEF,
        MessageKind.TEN_DAY,
        MessageKind.REMINDER,
    }
)
_TO_DO = {
    MessageKind.WEEKLY: "周报已生成，请查看上周完成情况和本周安排",
    MessageKind.MONTHLY: "月报已生成，请查看上月完成情况和招商成果",
    MessageKind.SETTLED: "月度数据已定稿，请查看与月报的差异和领导月点评",
    MessageKind.MORNING_BRIEF: "请查看今天的拜访和到期的跟进",
    MessageKind.TEN_DAY: "请查看所辖单位逾期的节点和需关注事项",
    MessageKind.NUDGE: "您有任务进度需要关注，请查看并安排",
    MessageKind.REMINDER: "有任务定稿为未达标，请查看",
    MessageKind.ORDER: "有督办单需要您办理或知悉，请登录处理",
    MessageKind.ABSENCE_ANSWER: "您的请假有了答复，请查看",
    MessageKind.COMPANION: "同行拜访有变化，请查看",
    MessageKind.HANDOVER: "有工作交接给您，请查看并办理",
    MessageKind.PROBLEM: "有困难问题需要您办理或知悉，请登录处理",
    MessageKind.ASSISTANCE: "有协办申请，请查看并办理",
    MessageKind.DUPLICATE: "有线索疑似重复，请核对",
    MessageKind.STAY_LAPSED: "有驻城逾期未办结，请查看",
    MessageKind.CLAIM: "有认定事项需要您办理或知悉，请登录处理",
    MessageKind.PROPOSAL: "有企业信息建议需要您处理或知悉，请查看",
    MessageKind.BULK: "您负责的线索有批量修改，请查看",
    MessageKind.STANDSTILL: "定时任务已停止，请检查服务器",
    MessageKind.DELEGATION: "授权代理有变化，请查看",
    MessageKind.RETENTION: "有联系人超过保存期限，请确认是否删除",
}
# To a group: the zone's work, and nobody in particular.
_TO_GROUP = {
    MessageKind.WEEKLY: "周报已发送，请登录查看",
    MessageKind.MONTHLY: "月报已发送，请登录查看",
    MessageKind.SETTLED: "定稿数据已发送，请登录查看",
    MessageKind.MORNING_BRIEF: "今天的晨报已发送，请登录查看当天的拜访和到期的跟进",
    MessageKind.TEN_DAY: "旬督办已发送，请登录查看",
    MessageKind.ORDER: "督办单有新的办理进展，请有关人员登录办理",
    MessageKind.PROBLEM: "困难问题有新的办理进展，请有关人员登录办理",
    MessageKind.CLAIM: "认定事项有新的办理进展，请有关人员登录办理",
}
_GROUP_PAGES = {
    MessageKind.MORNING_BRIEF: "/m",
    MessageKind.ORDER: "/supervision",
    MessageKind.PROBLEM: "/problems",
    MessageKind.CLAIM: "/claims",
}
_WITH_PERIOD = (
    MessageKind.WEEKLY,
    MessageKind.MONTHLY,
    MessageKind.SETTLED,
    MessageKind.TEN_DAY,
)


@value_class
class Announcement:
    """What a channel says: a line, and the page where it goes on."""

    title: str
    text: str
    path: str


def for_person(kind: MessageKind, subject: str, message_id: int) -> Announcement:
    """The announcement of a message to its reader; `message_id`: of the message in the mailbox."""
    title = subject if kind in COUNTING else kind.label
    return Announcement(title, f"{_TO_DO[kind]}。", f"/mailbox/{message_id}")


def for_group(kind: MessageKind, key: str) -> Announcement:
    """The announcement to a group; `key`: the dedupe key of the message."""
    title, path = kind.label, _GROUP_PAGES.get(kind, "/digests")
    if kind in _WITH_PERIOD:
        title = f"{title} {period_name(Period.parse(key.split(':')[3]))}"
    return Announcement(title, f"{_TO_GROUP[kind]}。", path)


def group_key(key: str) -> str:
    """The key of what a group is told: the same for all readers of one event."""
    parts = key.split(":")  # kind:subject:recipient:period:level
    return ":".join([*parts[:2], "*", *parts[3:]])
