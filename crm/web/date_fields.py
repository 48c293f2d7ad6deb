"""Form fields of dates and times, entered as people write them (`assets/dates.js`)."""

from datetime import date, time
from typing import Any

from wtforms import Field
from wtforms.validators import StopValidation
from wtforms.widgets import TextInput

from crm.base import formatting
from crm.base.entered_dates import entered_date, entered_time
from crm.base.typed_dates import NoSuchDateError, YearOutOfRangeError
from crm.web.device_time import typed_on

NO_DATE = "无法识别日期，请按 2026年11月28日、11-28 或“明天”的格式填写。"
NO_SUCH_DATE = "没有这一天，请核对月份和日期。"
WRONG_YEAR = "请检查年份。"
NO_TIME = "无法识别时间，请按 14:00 或“下午2点”的格式填写。"


def read_date(text: str, *, is_ahead: bool = False) -> date:
    """The entered date; raises ValueError with the sentence that is shown at its field."""
    try:
        return entered_date(text, typed_on(), is_ahead=is_ahead)
    except NoSuchDateError as error:
        raise ValueError(NO_SUCH_DATE) from error
    except YearOutOfRangeError as error:
        raise ValueError(WRONG_YEAR) from error
    except ValueError as error:
        raise ValueError(NO_DATE) from error


def read_time(text: str) -> time:
    """The entered time; raises ValueError with the sentence that is shown at its field."""
    try:
        return entered_time(text)
    except ValueError as error:
        raise ValueError(NO_TIME) from error


def shown_time(at: time) -> str:
    """`09:30`."""
    return f"{at:%H:%M}"


class _EnteredField(Field):
    """A text that is read as a value; what cannot be read stays as it was entered."""

    widget = TextInput()

    def read(self, text: str) -> Any:
        raise NotImplementedError

    def shown(self, value: Any) -> str:
        raise NotImplementedError

    def _value(self) -> str:
        if self.data is not None:
            return self.shown(self.data)
        return " ".join(self.raw_data or ())

    def process_formdata(self, valuelist: list[Any]) -> None:
        if not valuelist:
            return
        self.data = None
        text = " ".join(valuelist).strip()
        if text:
            self.data = self.read(text)

    def pre_validate(self, _form: Any) -> None:
        if self.process_errors:  # else a required field would say that nothing was entered
            raise StopValidation


class DateField(_EnteredField):
    """A date; `is_ahead`: whether 「周三」 is the next one, as for what is planned."""

    def __init__(self, *args: Any, is_ahead: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_ahead = is_ahead

    def read(self, text: str) -> date:
        return read_date(text, is_ahead=self.is_ahead)

    def shown(self, value: date) -> str:
        return formatting.full_day(value)

    def __call__(self, **kwargs: Any) -> Any:
        kind = "ahead" if self.is_ahead else ""
        return super().__call__(**{"data-date": kind, "autocomplete": "off"} | kwargs)


class TimeField(_EnteredField):
    """A time of day, of 24 hours."""

    def read(self, text: str) -> time:
        return read_time(text)

    def shown(self, value: time) -> str:
        return shown_time(value)

    def __call__(self, **kwargs: Any) -> Any:
        return super().__call__(**{"data-time": "", "autocomplete": "off"} | kwargs)
