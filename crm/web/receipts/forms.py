"""The forms of receipts: one for money that arrived, one for a reversal."""

from datetime import date
from decimal import Decimal
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    Field,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Length

from crm.base.money import Currency, Stated, editable_amount, parse_amount
from crm.results.receipt_forms import FormRow
from crm.results.receipt_models import Receipt
from crm.results.receipts import ReceiptData, ReversalData
from crm.web.date_fields import DateField
from crm.web.edit_conflicts import VersionedForm
from crm.web.forms import cleaned, prose, row_id, sensible_year

_line = Length(max=200, message="最多 %(max)d 个字。")
_long = Length(max=2000, message="最多 %(max)d 个字。")
NO_AMOUNT = Decimal(0), Currency.CNY
BAD_AMOUNT = "请写明金额和单位，例如 3000万元、120万美元。"


class _MoneyForm(FlaskForm):
    """A date and an amount, for a form sent twice under one reference."""

    ref = HiddenField(filters=[cleaned], validators=[Length(max=100)])
    arrived_on = DateField("到账日期", [DataRequired("请选择到账日期。"), sensible_year])
    amount = StringField("金额", [DataRequired(BAD_AMOUNT), _line], filters=[cleaned])

    def validate_amount(self, field: Field) -> None:
        """Refuse anything but an amount with its unit."""
        del field
        if self.stated is None:
            raise ValidationError(BAD_AMOUNT)

    @property
    def stated(self) -> Stated | None:
        """The typed amount with its currency; none where it cannot be read."""
        try:
            return parse_amount(self.amount.data or "")
        except ValueError:
            return None


class ReceiptForm(_MoneyForm, VersionedForm):
    """Money that arrived."""

    form_id = RadioField(
        "到资形式", [DataRequired("请选择到资形式。")], coerce=row_id, validate_choice=False
    )
    payer = StringField("付款方", [DataRequired("请填写付款方。"), _line], filters=[cleaned])
    account_tail = StringField("收款账号后四位", [Length(max=20)], filters=[cleaned])
    note = TextAreaField("说明", [_long], filters=[prose])
    prompt: Any = None  # unanswered questions (`questions.Prompt`)

    def receipt_data(self, on: date) -> ReceiptData:
        """What is recorded; a form that is not valid has stand-ins, `on` for the date."""
        amount, currency = self.stated or NO_AMOUNT
        return ReceiptData(
            arrived_on=self.arrived_on.data or on,
            amount=amount,
            currency=currency,
            form_id=self.form_id.data or 0,
            payer=self.payer.data or "",
            account_tail=self.account_tail.data or "",
            note=self.note.data or "",
            ref=self.ref.data or "",
        )


class ReversalForm(_MoneyForm):
    """What is taken back, and why."""

    arrived_on = DateField("冲减日期", [DataRequired("请选择冲减日期。"), sensible_year])
    reason = TextAreaField("冲减原因", [DataRequired("请写明冲减原因。"), _long], filters=[prose])

    def reversal_data(self, on: date) -> ReversalData:
        """What is taken back, in the currency of the receipt; stand-ins as for a receipt."""
        amount, _ = self.stated or NO_AMOUNT
        return ReversalData(
            arrived_on=self.arrived_on.data or on,
            amount=amount,
            reason=self.reason.data or "",
            ref=self.ref.data or "",
        )


def offer_forms(field: SelectField | RadioField, rows: list[FormRow]) -> None:
    """The forms in which money arrives, as choices."""
    field.choices = [SelectChoice(str(row.id), row.name) for row in rows]


def values_of(row: Receipt) -> dict[str, Any]:
    """The values of a receipt that is changed."""
    names = ("arrived_on", "form_id", "payer", "account_tail", "note")
    amount = editable_amount(row.amount, row.currency)
    return {name: getattr(row, name) for name in names} | {"amount": amount}
