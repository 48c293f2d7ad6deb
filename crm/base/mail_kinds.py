"""The kinds of mail, apart from the outbox so that rules can import them without SQLAlchemy."""

from crm.base.enums import LabeledEnum


class MessageKind(LabeledEnum):
    """The kind of a message."""

    WEEKLY = "weekly-digest", "周报"
    MONTHLY = "monthly-digest", "月报"
    NUDGE = "nudge", "进度提醒"
    SETTLED = "settled-figures", "定稿月报"
    MORNING_BRIEF = "morning-brief", "晨报"
    TEN_DAY = "ten-day-supervision", "旬督办"
    REMINDER = "reminder", "提醒"
    ORDER = "supervision-order", "督办单"
    ABSENCE_ANSWER = "absence-answer", "请假答复"
    COMPANION = "companion", "同行通知"
    HANDOVER = "hand-over", "工作交接"
    PROBLEM = "problem", "困难问题"
    ASSISTANCE = "assistance", "协办申请"
    DUPLICATE = "duplicate", "线索重复提示"
    STAY_LAPSED = "stay-lapsed", "驻城逾期未办结"
    CLAIM = "claim", "认定"
    PROPOSAL = "company-proposal", "企业信息建议"
    BULK = "bulk-change", "线索批量修改"
    STANDSTILL = "clock-standstill", "定时任务停止"
    RETENTION = "retention", "保存期限提醒"
    DELEGATION = "delegation", "授权代理"

    @property
    def may_repeat(self) -> bool:
        """Whether it is sent again after an unknown outcome; a second nudge would do harm."""
        return self is not MessageKind.NUDGE
