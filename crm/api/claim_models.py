"""What is sent of claims, and the decisions on them (PROJECTS 7)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from crm.api.models import Asked, Day, FilledLine, Line, MoneyAsked, Prose, RowId, Username
from crm.leads.rules import Agreement
from crm.results.contents import Decision
from crm.results.models import Claim

Long = Annotated[Prose, Field(max_length=2000)]
NAMES = {"person_id": "person", "is_declared": "declared", "currency": "amount"}
# money is claimed by its receipt
Kind = Literal["valid_lead", "signed", "started", "completed", "operating"]
Taken = Literal["withdraw", "recognise", "return", "revoke", "confirm", "name"]


class Evidence(Asked):
    """The document that a claim rests on; without one the attached files stand as evidence."""

    NAMES: ClassVar = NAMES

    document_number: Line = Field("", description="佐证文号或名称")
    document_issuer: Line = Field("", description="出具单位")
    document_on: Day | None = Field(None, description="出具日期")
    note: Long = Field("", description="说明")
    declared: bool = Field(description="已核对，无不予认定情形")


class ClaimAgain(Evidence):
    """What is claimed of a milestone; of money the amount and the date follow from the receipt."""

    counts_on: Day | None = Field(None, description="计入日期；到位资金不填")
    amount: MoneyAsked | None = Field(None, description="申报数额；到位资金不填")
    agreement: Agreement | None = Field(None, description="签约的须写明协议")


class NewClaim(ClaimAgain):
    NAMES: ClassVar = {**NAMES, "lead_id": "lead"}

    lead: RowId = Field(description="线索的 id")
    kind: Kind = Field(description="事项")


class ClaimStep(Asked):
    """A step of the workflow; what it does not need is left out."""

    NAMES: ClassVar = NAMES

    step: Taken = Field(description="claim 的 steps 中的一步")
    amount: MoneyAsked | None = Field(None, description="认定数额；留空为申报数额")
    less_reason: Line = Field("", description="少于申报数额的原因")
    basis: Long = Field("", description="认定依据")
    exclusion: FilledLine | None = Field(None, description="退回、取消所依的不予认定情形")
    reason: Long = Field("", description="原因或说明")
    person: Username | None = Field(None, description="指定的认定人（账号）")

    def decision(self, claim: Claim) -> Decision:
        """What is decided; of a recognition without an amount the claimed one."""
        return Decision(
            amount=self.amount.amount if self.amount else claim.amount,
            currency=self.amount.currency if self.amount else None,
            less_reason=self.less_reason,
            basis=self.basis,
            exclusion=self.exclusion or "",
            reason=self.reason,
        )


def evidence_of(body: Evidence, *, has_file: bool) -> dict[str, Any]:
    """The evidence as `ClaimData` names it."""
    same = ("document_number", "document_issuer", "document_on", "note")
    values = {name: getattr(body, name) for name in same}
    return values | {"is_declared": body.declared, "has_file": has_file}
