"""The forms of receipts: one for money that arrived, one for a reversal."""

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

from crm.base.errors import Refused
from crm.base.money import Currency, editable_amount, parse_amount
from crm.leads.amounts import is_plausible
from crm.results.receipt_forms import FormRow
from crm.results.receipt_models import Receipt
from crm.results.receipts import ReceiptData, ReversalData
from crm.web.date_fields import DateField
from crm.web.edit_conflicts import VersionedForm
from crm.web.errors import refusal_text
from crm.web.forms import cleaned, row_id, sensible_year

_line = Length(max=200, message="最多 %(max)d 个字。")
_long = Length(max=2000, message="最多 %(max)d 个字。")
BAD_AMOUNT = "请写明金额和单位，例如 3000万元、120万美元。"


class _MoneyForm(FlaskForm):
    """A date and an amount, for a form sent twice under one reference."""

    ref = HiddenField(filters=[cleaned], validators=[Length(max=100)])
    arrived_on = DateField("到账日期", [DataRequired("请选择到账日期。"), sensible_year])
    amount = StringField("金额", [DataRequired(BAD_AMOUNT), _line], filters=[cleaned])

    def validate_amount(self, field: Field) -> None:
        """Refuse anything but an amount with its unit."""
        try:
            amount, _ = parse_amount(field.data or "")
        except ValueError:
            raise ValidationError(BAD_AMOUNT) from None
        if not is_plausible(amount):
            raise ValidationError(refusal_text(Refused("bad_amount")))

    @property
    def stated(self) -> tuple[Decimal, Currency]:
        """The typed amount of a valid form, with its currency."""
        return parse_amount(self.amount.data or "")


class ReceiptForm(_MoneyForm, VersionedForm):
    """Money that arrived."""

    form_id = RadioField(
        "到资形式", [DataRequired("请选择到资形式。")], coerce=row_id, validate_choice=False
    )
    payer = StringField("付款方", [DataRequired("请填写付款方。"), _line], filters=[cleaned])
    account_tail = StringField("收款账号后四位", [Length(max=20)], filters=[cleaned])
    note = TextAreaField("说明", [_long], filters=[cleaned])
    prompt: Any = None  # unanswered questions (`questions.Prompt`)

    def receipt_data(self) -> ReceiptData:
        """The data of a valid form."""
        on: Any = self.arrived_on.data
        amount, currency = self.stated
        return ReceiptData(
            arrived_on=on,
            amount=amount,
            currency=currency,
            form_id=self.form_id.data,
            payer=self.payer.data or "",
            account_tail=self.account_tail.data or "",
            note=self.note.data or "",
            ref=self.ref.data or "",
        )


class ReversalForm(_MoneyForm):
    """What is taken back, and why."""

    arrived_on = DateField("冲减日期", [DataRequired("请选择冲减日期。"), sensible_year])
    reason = TextAreaField("冲减原因", [DataRequired("请写明冲减原因。"), _long], filters=[cleaned])

    def reversal_data(self) -> ReversalData:
        """The data of a valid form; the currency is that of the receipt."""
        on: Any = self.arrived_on.data
        return ReversalData(
            arrived_on=on,
            amount=self.stated[0],
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
