"""The forms of claims: one for what is claimed, one for each decision."""

from datetime import date
from decimal import Decimal
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    Field,
    MultipleFileField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Length, Optional

from crm.base.money import Currency, editable_amount, parse_amount
from crm.leads.models import Lead
from crm.leads.rules import Agreement
from crm.results.contents import ClaimData, Decision
from crm.results.models import Claim
from crm.results.rules import ClaimKind
from crm.results.workflow import Step
from crm.web.date_fields import DateField
from crm.web.forms import NOTHING, chosen_id, cleaned, prose, row_id, sensible_year
from crm.web.leads.agreement_field import AgreementField

_line = Length(max=200, message="最多 %(max)d 个字。")
_long = Length(max=2000, message="最多 %(max)d 个字。")
BAD_AMOUNT = "请写明数额和单位，例如 12.5亿元、8000万美元。"


class _AmountForm(FlaskForm):
    """A form with an amount."""

    amount = StringField("数额", [_line], filters=[cleaned])

    def validate_amount(self, field: Field) -> None:
        """Refuse anything but an amount with its unit."""
        if field.data and self.stated == (None, None):
            raise ValidationError(BAD_AMOUNT)

    @property
    def stated(self) -> tuple[Decimal | None, Currency | None]:
        """The typed amount with its currency; both `None` where none can be read."""
        try:
            return parse_amount(self.amount.data or "")
        except ValueError:
            return None, None


class EvidenceForm(FlaskForm):
    """The document that a claim rests on, and the declaration."""

    document_number = StringField("佐证文号或名称", [_line], filters=[cleaned])
    document_issuer = StringField("出具单位", [_line], filters=[cleaned])
    document_on = DateField("出具日期", [Optional(), sensible_year])
    note = TextAreaField("说明", [_long], filters=[prose])
    is_declared = BooleanField("已核对，无不予认定情形")

    def evidence(self, *, has_file: bool) -> dict[str, Any]:
        """The values of the form, as `ClaimData` names them."""
        return {
            "has_file": has_file,
            "document_number": self.document_number.data or "",
            "document_issuer": self.document_issuer.data or "",
            "document_on": self.document_on.data,
            "note": self.note.data or "",
            "is_declared": bool(self.is_declared.data),
        }


class ClaimForm(_AmountForm, EvidenceForm):
    """What is claimed."""

    agreement = AgreementField()
    file = MultipleFileField("佐证材料")
    counts_on = DateField("计入日期", [DataRequired("请填写计入日期。"), sensible_year])

    def as_data(self, kind: ClaimKind, reached_on: date, *, has_file: bool) -> ClaimData:
        """What is claimed; `has_file`: files stand as evidence."""
        amount, currency = self.stated
        return ClaimData(
            counts_on=self.counts_on.data or reached_on,
            amount=amount,
            currency=currency,
            agreement=self.agreement.data if kind is ClaimKind.SIGNED else None,
            **self.evidence(has_file=has_file),
        )


def values_of_lead(lead: Lead, agreement: Agreement | None) -> dict[str, Any]:
    """What a new claim takes over from the project and from its milestone of signing."""
    return {"amount": _shown(lead.amount, lead.currency), "agreement": agreement}


def values_of_claim(claim: Claim) -> dict[str, Any]:
    """The values of a claim that is claimed again."""
    names = ("counts_on", "document_number", "document_issuer", "document_on", "note", "agreement")
    return {name: getattr(claim, name) for name in names} | {
        "amount": _shown(claim.amount, claim.currency)
    }


def _shown(amount: Decimal | None, currency: Currency | None) -> str:
    return editable_amount(amount, currency) if amount is not None and currency else ""


class StepForm(FlaskForm):
    """A step without fields of its own."""

    def as_decision(self) -> Decision:
        """What the form decides."""
        return Decision()


class RecogniseForm(_AmountForm, StepForm):
    """The recognition, with its amount and basis."""

    less_reason = StringField("少于申报数额的原因", [_line], filters=[cleaned])
    basis = TextAreaField("认定依据", [DataRequired("请写明认定依据。"), _long], filters=[prose])

    def as_decision(self) -> Decision:
        amount, currency = self.stated
        return Decision(
            amount=amount,
            currency=currency,
            less_reason=self.less_reason.data or "",
            basis=self.basis.data or "",
        )


class BulkForm(FlaskForm):
    """The recognition of several claims at their claimed amounts, on one basis."""

    claims = SelectMultipleField("申报", coerce=row_id, validate_choice=False)
    basis = StringField("认定依据", [DataRequired("请写明认定依据。"), _line], filters=[cleaned])


class WhyForm(StepForm):
    """A return or a revocation: one of the exclusions, or other words."""

    exclusion = SelectField("不予认定情形", validate_choice=False)
    reason = TextAreaField("其他原因或说明", [_long], filters=[prose])

    def as_decision(self) -> Decision:
        return Decision(exclusion=self.exclusion.data or "", reason=self.reason.data or "")


class RemarkForm(StepForm):
    """A step with an optional remark."""

    reason = TextAreaField("说明", [_long], filters=[prose])

    def as_decision(self) -> Decision:
        return Decision(reason=self.reason.data or "")


class NameForm(StepForm):
    """Whom an admin names to decide."""

    person_id = SelectField("认定人", coerce=chosen_id, validate_choice=False)


FORMS: dict[Step, type[StepForm]] = {
    Step.RECOGNISE: RecogniseForm,
    Step.RETURN: WhyForm,
    Step.CONFIRM: RemarkForm,
    Step.REVOKE: WhyForm,
    Step.WITHDRAW: RemarkForm,
    Step.NAME: NameForm,
}


def form_of(step: Step, claim: Claim, sentences: list[str], **options: Any) -> StepForm:
    """The form of a step; the prefix keeps the forms of one page apart."""
    values = {"amount": _shown(claim.amount, claim.currency)}
    form = FORMS[step](prefix=f"{step.value}-", data=values, **options)
    if isinstance(form, WhyForm):
        form.exclusion.choices = [
            SelectChoice("", "无，见下方说明"),
            *(SelectChoice(sentence, sentence) for sentence in sentences),
        ]
    if isinstance(form, NameForm):
        form.person_id.choices = [NOTHING]
    return form
