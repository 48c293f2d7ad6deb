"""The words of leads: stages, milestones, secrecy, roles (REGIME 2 and 6)."""

from crm.base.words import Word


class Stage(Word):
    """How far a lead has come."""

    LEAD = "lead", "线索"
    FOLLOWING = "following", "正式跟进"
    NEGOTIATING = "negotiating", "在谈"
    SIGNED = "signed", "签约"
    REGISTERED = "registered", "注册"
    APPROVED = "approved", "报批完成"
    STARTED = "started", "开工"
    TOPPED_OUT = "topped_out", "封顶"
    COMPLETED = "completed", "竣工"
    OPERATING = "operating", "投产/开业"
    FULL_CAPACITY = "full_capacity", "达产"
    PARKED = "parked", "搁置"
    LOST = "lost", "流失"


LINE = tuple(stage for stage in Stage if stage not in (Stage.PARKED, Stage.LOST))


class MilestoneKind(Word):
    """What was reached: a stage of the line, or a side milestone."""

    LEAD = "lead", "线索"
    FOLLOWING = "following", "正式跟进"
    NEGOTIATING = "negotiating", "在谈"
    SIGNED = "signed", "签约"
    REGISTERED = "registered", "注册"
    APPROVED = "approved", "报批完成"
    STARTED = "started", "开工"
    TOPPED_OUT = "topped_out", "封顶"
    COMPLETED = "completed", "竣工"
    OPERATING = "operating", "投产/开业"
    FULL_CAPACITY = "full_capacity", "达产"
    PARKED = "parked", "搁置"
    LOST = "lost", "流失"
    SCREENED = "screened", "研判"
    FRAMEWORK = "framework", "框架协议"
    LAUNCHED = "launched", "项目启动"
    FILING = "filing", "备案"
    LAND = "land", "供地"
    PERMIT = "permit", "施工许可"
    MOVED_IN = "moved_in", "进场"
    FIRST_MONEY = "first_money", "首笔到资"
    IN_STATISTICS = "in_statistics", "入统"


class Secrecy(Word):
    """Who may see a lead; `restricted` is 限知 and never a state secret."""

    OPEN = "open", "公开"
    INTERNAL = "internal", "内部"
    RESTRICTED = "restricted", "限知"


class LeadRoleKind(Word):
    """What a person or unit is to a lead."""

    ATTACHED_LEADER = "attached_leader", "挂钩领导"
    TASK_FORCE_HEAD = "task_force_head", "专班负责人"
    TASK_FORCE_MEMBER = "task_force_member", "专班成员"
    RESPONSIBLE_UNIT = "responsible_unit", "责任单位"
    TRACKER = "tracker", "跟踪责任人"
