"""Duties, access roles and what each may do (REGIME 2)."""

from collections.abc import Iterable, Mapping, Sequence

from crm.base.words import Word


class Duty(Word):
    """Duty (职务类别): it decides the quotas."""

    PRINCIPAL = "principal", "主要负责同志"
    DEPUTY = "deputy", "分管负责同志"
    RECRUITER = "recruiter", "专职招商人员"
    STAFF = "staff", "工作人员"


class Role(Word):
    """Access role: it decides what one may see and do."""

    RECRUITER = "recruiter", "招商人员"
    SUPERVISOR = "supervisor", "督查人员"
    LEADER = "leader", "领导"
    ADMIN = "admin", "系统管理员"
    READER = "reader", "简报读者"


class UnitKind(Word):
    """What an org unit is."""

    ZONE = "zone", "开发区"
    BUREAU = "bureau", "局办"
    PARK = "park", "园区"
    TEAM = "team", "组"


class AbsenceKind(Word):
    """Why a person is absent."""

    LEAVE = "leave", "休假"
    SICK = "sick", "病假"
    TRAINING = "training", "培训"
    SECONDMENT = "secondment", "借调"
    OTHER_DUTY = "other_duty", "其他公务"


class AbsenceStatus(Word):
    """Where an absence stands; only an approved one reduces a quota."""

    ASKED = "asked", "待审批"
    APPROVED = "approved", "已批准"
    RETURNED = "returned", "已退回"
    WITHDRAWN = "withdrawn", "已撤回"
    CANCELLED = "cancelled", "已取消"


WITH_RECORDS = frozenset(Role) - {Role.READER}  # a reader has figures of units and no records
OVERSEEING = frozenset(
    {Role.SUPERVISOR, Role.LEADER, Role.ADMIN}
)  # they see the people of their scope
OF_BOARDS = OVERSEEING | {Role.READER}  # they see the figures of their units
JUDGING = frozenset({Role.SUPERVISOR, Role.ADMIN})  # they confirm and reject visits in scope


def nearest(chain: Iterable[int], holders: Mapping[int, Sequence[int]], but: int) -> list[int]:
    """Who holds an office in the first unit up the chain where another than that person does."""
    for unit_id in chain:
        if others := [person_id for person_id in holders.get(unit_id, ()) if person_id != but]:
            return others
    return []
