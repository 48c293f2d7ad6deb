"""Why a result counts, or does not yet (PROJECTS 7). Pure."""

from crm.base.enums import LabeledEnum
from crm.results.rules import ClaimState


class Basis(LabeledEnum):
    """Why a result counts, or does not yet."""

    REGISTERED = "registered", "按登记"
    RECOGNISED = "recognised", "已认定"
    WAITING = "waiting", "已申报待认定"
    RETURNED = "returned", "退回补正"
    REVOKED = "revoked", "取消认定"
    UNCLAIMED = "unclaimed", "未申报"
    OTHER_YEAR = "other_year", "计入其他年度"


COUNTING = frozenset({Basis.REGISTERED, Basis.RECOGNISED})
BASIS_OF = {
    ClaimState.RECOGNISED: Basis.RECOGNISED,
    ClaimState.CLAIMED: Basis.WAITING,
    ClaimState.RETURNED: Basis.RETURNED,
    ClaimState.REVOKED: Basis.REVOKED,
    ClaimState.WITHDRAWN: Basis.UNCLAIMED,
}
