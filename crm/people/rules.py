"""Duties, access roles and what each may do (REGIME 2)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from crm.base.clock import at_civil
from crm.base.enums import LabeledEnum
from crm.base.periods import DAY


class Duty(LabeledEnum):
    """Duty (职务类别): it decides the quotas."""

    PRINCIPAL = "principal", "主要负责同志"
    DEPUTY = "deputy", "分管负责同志"
    RECRUITER = "recruiter", "专职招商人员"
    STAFF = "staff", "工作人员"


class Role(LabeledEnum):
    """Access role: it decides what one may see and do."""

    RECRUITER = "recruiter", "招商人员"
    SUPERVISOR = "supervisor", "督查人员"
    LEADER = "leader", "领导"
    ADMIN = "admin", "系统管理员"
    READER = "reader", "简报读者"
    AUDITOR = "auditor", "审计员"
    SYSTEM_ADMIN = "system_admin", "系统管理员（三员）"
    SECURITY_ADMIN = "security_admin", "安全管理员（三员）"


class AdminDuty(LabeledEnum):
    """What there is to administer; with 三员分立 three people hold one each."""

    SYSTEM = "system", "系统管理"
    SECURITY = "security", "安全管理"
    AUDIT = "audit", "审计"


class Scope(LabeledEnum):
    """What a token of the API may do, at most what its person may."""

    READ = "read", "查询"
    VISITS = "visits", "登记和办理拜访"
    LEADS = "leads", "登记和办理线索、企业、跟进"
    WRITE = "write", "登记和办理全部业务"
    AUDIT = "audit", "查阅操作记录"


class UnitKind(LabeledEnum):
    """What an org unit is."""

    ZONE = "zone", "开发区"
    BUREAU = "bureau", "局办"
    PARK = "park", "园区"
    TEAM = "team", "组"


class AbsenceKind(LabeledEnum):
    """Why a person is absent."""

    LEAVE = "leave", "休假"
    SICK = "sick", "病假"
    TRAINING = "training", "培训"
    SECONDMENT = "secondment", "借调"
    OTHER_DUTY = "other_duty", "其他公务"


class AbsenceStatus(LabeledEnum):
    """Where an absence stands; only an approved one reduces a quota."""

    ASKED = "asked", "待审批"
    APPROVED = "approved", "已批准"
    RETURNED = "returned", "已退回"
    WITHDRAWN = "withdrawn", "已撤回"
    CANCELLED = "cancelled", "已取消"


# a reader has figures of units and no records; an auditor reads the trail and nothing else
WITH_RECORDS = frozenset({Role.RECRUITER, Role.SUPERVISOR, Role.LEADER, Role.ADMIN})
IN_BUSINESS = WITH_RECORDS | {Role.READER}  # they have to do with records or figures
SYSTEM = frozenset({Role.ADMIN, Role.SYSTEM_ADMIN})  # settings, mail, clock, calendar
SECURING = frozenset({Role.ADMIN, Role.SECURITY_ADMIN})  # accounts, rights, signing in
AUDITING = frozenset({Role.ADMIN, Role.AUDITOR})  # they read the audit trail
HOLDERS: Mapping[AdminDuty, frozenset[Role]] = {
    AdminDuty.SYSTEM: SYSTEM,
    AdminDuty.SECURITY: SECURING,
    AdminDuty.AUDIT: AUDITING,
}
# They see the people of their scope.
OVERSEEING = frozenset({Role.SUPERVISOR, Role.LEADER, Role.ADMIN})
OF_BOARDS = OVERSEEING | {Role.READER}  # they see the figures of their units
JUDGING = frozenset({Role.SUPERVISOR, Role.ADMIN})  # they confirm and reject visits in scope

# They hand their rights on for a time (代理); what an admin does is another admin's to do.
DELEGATING = frozenset({Role.SUPERVISOR, Role.LEADER})
STANDING_IN = WITH_RECORDS - {Role.ADMIN}  # they may be given them

LONGEST_TOKEN_DAYS = 365
CHANGING = frozenset({Scope.VISITS, Scope.LEADS, Scope.WRITE})  # WRITE opens the others, too


def offered_scopes(role: Role) -> list[Scope]:
    """The scopes that a token of somebody in that role may use."""
    return [scope for scope in Scope if scope is not Scope.AUDIT or role in AUDITING]


def scopes_open(scope: Scope, granted: Iterable[Scope]) -> bool:
    """Whether a token with the granted scopes may do what the scope covers."""
    return scope in granted or (scope in CHANGING and Scope.WRITE in granted)


def nearest(chain: Iterable[int], holders: Mapping[int, Sequence[int]], but: int) -> list[int]:
    """Who holds an office in the first unit up the chain where another than that person does."""
    for unit_id in chain:
        if others := [person_id for person_id in holders.get(unit_id, ()) if person_id != but]:
            return others
    return []


class Account(Protocol):
    """A person as far as it matters whether they may enter visits."""

    @property
    def role(self) -> Role:
        """The access role."""

    @property
    def disabled_at(self) -> datetime | None:
        """When the account is closed, if it is to be."""


class Grant(Protocol):
    """A row that lets one person act for another between two dates."""

    @property
    def from_on(self) -> date:
        """The first date on which it holds."""

    @property
    def to_on(self) -> date | None:
        """The last one; none: open."""

    @property
    def ended_at(self) -> datetime | None:
        """When it was ended."""


def may_enter_for(grant: Grant, *, owner: Account, agent: Account, on: date) -> bool:
    """Whether the agent may enter visits for the owner on the date (REGIME 2).

    It ends with either account; a reader has no records to enter.
    """
    return _holds(grant, owner, agent, on) and agent.role in WITH_RECORDS


def stands_in_for(grant: Grant, *, owner: Account, agent: Account, on: date) -> bool:
    """Whether the agent has the owner's rights on the date: by the roles that both have then."""
    are_fit = owner.role in DELEGATING and agent.role in STANDING_IN
    return _holds(grant, owner, agent, on) and are_fit


def _holds(grant: Grant, owner: Account, agent: Account, on: date) -> bool:
    holds = grant.ended_at is None and grant.from_on <= on <= (grant.to_on or date.max)
    closing = [account.disabled_at for account in (owner, agent) if account.disabled_at is not None]
    # an account that closes during the date is closed on it
    return holds and all(moment >= at_civil(on + DAY) for moment in closing)
