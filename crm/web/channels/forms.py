"""Forms of channels and of the hosts that they may lead to."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    widgets,
)
from wtforms.validators import DataRequired, Length

from crm.base.outbox import MessageKind
from crm.mailing.channel_rules import GROUP_KINDS, LONGEST_URL
from crm.mailing.channels import ChannelData
from crm.web.forms import chosen_id, cleaned, enum_choices

WHOLE_ZONE = "全区"


class ChannelForm(FlaskForm):
    """A channel; what is hidden is typed only in order to replace it."""

    name = StringField(
        "名称",
        [DataRequired("请填写名称。"), Length(max=30, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )
    unit_id = SelectField("所属单位", coerce=chosen_id)
    url = PasswordField("地址", [Length(max=LONGEST_URL, message="最多 %(max)d 个字符。")])
    secret = PasswordField("加签密钥", [Length(max=200, message="最多 %(max)d 个字符。")])
    kinds = SelectMultipleField(
        "发送内容",
        choices=enum_choices(GROUP_KINDS),
        coerce=MessageKind,
        option_widget=widgets.CheckboxInput(),
    )
    takes_people = BooleanField("本人可选用")
    is_on = BooleanField("启用")

    def values(self) -> ChannelData:
        kinds: Any = self.kinds.data or ()
        return ChannelData(
            name=self.name.data or "",
            unit_id=self.unit_id.data,
            url=self.url.data or "",
            secret=self.secret.data or "",
            is_on=bool(self.is_on.data),
            takes_people=bool(self.takes_people.data),
            kinds=kinds,
        )


class HostForm(FlaskForm):
    """A host that is allowed from now on."""

    host = StringField(
        "主机",
        [DataRequired("请填写主机名。"), Length(max=253, message="最多 %(max)d 个字符。")],
        filters=[cleaned],
    )
    is_internal = BooleanField("内部主机")
