"""The forms of rules: their initial values, and the draft that a valid form makes."""

from dataclasses import asdict, fields
from datetime import date
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from crm.base.periods import PeriodKind
from crm.people.rules import Duty
from crm.quotas.rule_changes import LONGEST_CODE, LONGEST_NAME
from crm.quotas.rules import (
    DAYS_TO_ENTER,
    DAYS_TO_LOG,
    Cap,
    CountBy,
    Measure,
    Proration,
    Rounding,
    Rule,
)
from crm.visits.rules import Channel, Kind
from crm.web.date_fields import DateField
from crm.web.forms import WholeNumber, cleaned, enum_choices, sensible_year

_too_long = "最多 %(max)d 个字。"
# What a new rule begins with: what most rules of the regime have in common.
DEFAULTS = {
    "duty": Duty.DEPUTY,
    "measure": Measure.VISITS_LED,
    "count_by": CountBy.DAY,
    "period": PeriodKind.MONTH,
    "kinds": [Kind.OUTREACH],
    "channels": [Channel.IN_PERSON],
    "log_within_days": DAYS_TO_LOG,
    "stay_within_days": DAYS_TO_ENTER,
    "proration": Proration.WORKDAYS,
    "rounding": Rounding.CEIL,
    "cap": Cap.CALENDAR_DAYS,
}


class RuleFields(FlaskForm):
    """What may differ between versions of a rule, but for the dates."""

    name = StringField(
        "规则名称",
        [DataRequired("请填写规则名称。"), Length(max=LONGEST_NAME, message=_too_long)],
        filters=[cleaned],
    )
    duty = RadioField("考核对象", choices=enum_choices(Duty), coerce=Duty)
    period = RadioField("考核周期", choices=enum_choices(PeriodKind), coerce=PeriodKind)
    measure = RadioField("考核内容", choices=enum_choices(Measure), coerce=Measure)
    minimum = WholeNumber("至少完成", [InputRequired("请填写数量。")])
    count_by = RadioField("同一天多次", choices=enum_choices(CountBy), coerce=CountBy)
    kinds = SelectMultipleField(
        "计入的类型", [DataRequired("请至少选择一类。")], choices=enum_choices(Kind), coerce=Kind
    )
    channels = SelectMultipleField(
        "计入的方式",
        [DataRequired("请至少选择一种。")],
        choices=enum_choices(Channel),
        coerce=Channel,
    )
    log_within_days = WholeNumber("办结期限", [InputRequired("请填写天数。")])
    stay_within_days = WholeNumber("驻城补录期限", [Optional()])
    proration = RadioField("在岗不满一期", choices=enum_choices(Proration), coerce=Proration)
    rounding = RadioField("折算尾数处理", choices=enum_choices(Rounding), coerce=Rounding)
    cap = RadioField("应完成天数", choices=enum_choices(Cap), coerce=Cap)

    @property
    def has_wrong_details(self) -> bool:
        """Whether a field of the folded part has an error."""
        return any(self[name].errors for name in DETAILS)

    def draft(self, code: str, valid_from: date) -> Rule:
        """The rule of a valid form."""
        names = [field.name for field in fields(Rule) if field.name in self._fields]
        values = {name: self[name].data for name in names}
        # the form has lists, the rule has sets
        values |= {name: frozenset(values[name]) for name in ("kinds", "channels")}
        if values["measure"] is Measure.DAYS_RESIDENT:
            values["count_by"] = CountBy.DAY  # the page hides the field
        return Rule(**values | {"code": code, "valid_from": valid_from, "valid_to": None})


DETAILS = ("log_within_days", "stay_within_days", "proration", "rounding", "cap")


class ChangeRuleForm(RuleFields):
    """A change of a rule from a date on."""

    valid_from = DateField("生效日期", [DataRequired("请选择日期。"), sensible_year], is_ahead=True)


class NewRuleForm(RuleFields):
    """A new rule."""

    valid_from = DateField("生效日期", [DataRequired("请选择日期。"), sensible_year], is_ahead=True)
    code = StringField("规则代码", [Length(max=LONGEST_CODE, message=_too_long)], filters=[cleaned])


class EndForm(FlaskForm):
    """The last date on which a rule holds."""

    last_on = DateField("截止日期", [DataRequired("请选择日期。"), sensible_year], is_ahead=True)


class BacktestForm(RuleFields):
    """A draft and the dates over which it is tried; read from the address, it changes nothing."""

    class Meta:
        """No CSRF token: the form is read from the address."""

        csrf = False

    code = HiddenField(filters=[cleaned])
    first_on = DateField("开始日期", [DataRequired("请选择日期。"), sensible_year])
    last_on = DateField("结束日期", [DataRequired("请选择日期。"), sensible_year])
    all = BooleanField("同时列出结果未变化的人员")


def form_values(rule: Rule) -> dict[str, Any]:
    """The values of a rule's form, without the dates."""
    values = asdict(rule) | {"kinds": list(rule.kinds), "channels": list(rule.channels)}
    return {name: value for name, value in values.items() if not name.startswith("valid_")}
