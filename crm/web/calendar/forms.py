"""The forms of the working calendar: dates set by hand, and a file with an arrangement."""

from flask_wtf import FlaskForm
from wtforms import FileField, HiddenField, RadioField, StringField
from wtforms.validators import DataRequired, Length, Optional

from crm.base.workdays import DayKind
from crm.web.date_fields import DateField
from crm.web.forms import cleaned, enum_choices, sensible_year

KINDS = (DayKind.REST, DayKind.WORKDAY)


def _chosen_kind(text: str) -> DayKind | None:
    """The chosen kind; none where the form sends no kind that it offers."""
    return next((kind for kind in KINDS if kind == text), None)


class DaysForm(FlaskForm):
    """A date or a span of dates that becomes working or free."""

    first = DateField("日期", [DataRequired("请选择日期。"), sensible_year])
    last = DateField("至（可不填）", [Optional(), sensible_year])
    kind = RadioField(
        "改为",
        [DataRequired("请选择工作日或休息日。")],
        choices=enum_choices(KINDS),
        # another value becomes None, which `DataRequired` refuses with its own message
        coerce=_chosen_kind,
        validate_choice=False,
    )
    reason = StringField(
        "原因",
        [DataRequired("请填写原因。"), Length(max=200, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )


class FileForm(FlaskForm):
    """A file with an arrangement."""

    file = FileField("文件")


class ApplyForm(FlaskForm):
    """The previewed arrangement, to be applied unchanged."""

    # the page carries the file: nothing is kept on the server between the two requests
    content = HiddenField()
