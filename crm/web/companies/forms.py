"""The forms of a company and of its contacts."""

from flask_wtf import FlaskForm
from wtforms import Field, StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, Length

from crm.base.cells import Cells, Phone, read_cells
from crm.base.errors import Refused
from crm.leads.company_changes import CompanyChange
from crm.leads.contacts import ContactData
from crm.web.edit_conflicts import VersionedForm
from crm.web.errors import refusal_text
from crm.web.forms import cleaned, prose

_short = Length(max=100, message="最多 %(max)d 个字。")


class CompanyForm(VersionedForm):
    """What of a company may be changed on its page."""

    credit_code = StringField("统一社会信用代码", [_short], filters=[cleaned])
    group_name = StringField("所属集团", [_short], filters=[cleaned])
    country = StringField("国家或地区", [_short], filters=[cleaned])
    aliases = TextAreaField(
        "别名", [Length(max=2000, message="最多 %(max)d 个字。")], filters=[prose]
    )

    def change(self) -> CompanyChange:
        """The data of a valid form."""
        return CompanyChange(
            credit_code=self.credit_code.data,
            group_name=self.group_name.data,
            country=self.country.data,
            aliases=(self.aliases.data or "").splitlines(),
        )


class ValueForm(FlaskForm):
    """A value that is proposed for a company."""

    value = StringField("建议", [DataRequired("请填写建议的内容。"), _short], filters=[cleaned])


class DeclineForm(FlaskForm):
    """Why a proposal is declined."""

    reason = TextAreaField(
        "不采纳的原因",
        [DataRequired("请填写原因。"), Length(max=200, message="最多 %(max)d 个字。")],
        filters=[prose],
    )


class _ContactCells(Cells):
    phone: Phone


class ContactForm(VersionedForm):
    """A contact of a company."""

    name = StringField("姓名", [DataRequired("请填写姓名。"), _short], filters=[cleaned])
    position = StringField("职务", [_short], filters=[cleaned])
    phone = StringField("电话", [_short], filters=[cleaned])
    email = StringField("邮箱", [_short], filters=[cleaned])

    def validate_phone(self, field: Field) -> None:
        """Write a telephone number in one way; refuse anything else."""
        try:
            field.data = read_cells(_ContactCells, {"phone": field.data or ""}).phone
        except Refused as refusal:
            raise ValidationError(refusal_text(refusal)) from None

    def contact(self) -> ContactData:
        """The data of a valid form."""
        return ContactData(
            name=self.name.data or "",
            position=self.position.data,
            phone=self.phone.data,
            email=self.email.data,
        )
