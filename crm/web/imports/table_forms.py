"""The forms of a table's import."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Self, TypeAlias

from flask_wtf import FlaskForm
from wtforms import BooleanField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, InputRequired

from crm.imports.rules import LISTS, PEOPLE, VISITS
from crm.imports.settings import Settings
from crm.people.rules import Duty
from crm.visits.rules import Kind
from crm.web.date_fields import DateField
from crm.web.forms import enum_choices

NOT_CHOSEN, OUTSIDER = "", "-"
MOST_BYTES = 11 * 1024**2  # `crm serve` reads 12 MB of a body


class SheetForm(FlaskForm):
    """Which sheet is read."""

    sheet = RadioField("工作表", validators=[InputRequired("请选择工作表。")])


class ColumnsForm(FlaskForm):
    """What holds where the table is silent; the columns are fields of one name."""

    kind = SelectField(
        "类型",
        choices=[SelectChoice(kind.value, kind.label) for kind in Kind if kind is not Kind.REMOTE],
        default=Kind.OUTREACH.value,
        validate_choice=False,
    )
    city = StringField("城市")

    @classmethod
    def of(cls, settings: Settings, _on: date) -> Self:
        """The form of what was chosen before."""
        return cls(formdata=None, kind=settings.kind, city=settings.city)

    @property
    def usual(self) -> dict[str, str]:
        """What holds where the table is silent."""
        return {"kind": self.kind.data, "city": (self.city.data or "").strip()}


class RosterColumnsForm(FlaskForm):
    """What holds for people of whom a roster does not tell it."""

    duty = SelectField("职务类别", choices=enum_choices(Duty), default=Duty.STAFF.value)
    from_on = DateField("任职起", [DataRequired("请选择任职起始日期。")])

    @classmethod
    def of(cls, settings: Settings, on: date) -> Self:
        """The form of what was chosen before."""
        first = date.fromisoformat(settings.from_on) if settings.from_on else on
        return cls(formdata=None, duty=settings.duty, from_on=first)

    @property
    def usual(self) -> dict[str, str]:
        """What holds where the table is silent."""
        return {"duty": str(self.duty.data), "from_on": str(self.from_on.data)}


class RecordColumnsForm(FlaskForm):
    """What becomes of rows that others may have entered already."""

    takes_alike = BooleanField("疑似重复的行也导入（确为其他项目或企业）")

    @classmethod
    def of(cls, settings: Settings, _on: date) -> Self:
        """The form of what was chosen before."""
        return cls(formdata=None, takes_alike=settings.takes_alike)

    @property
    def usual(self) -> dict[str, bool]:
        """What holds for all rows."""
        return {"takes_alike": bool(self.takes_alike.data)}


ColumnForm: TypeAlias = ColumnsForm | RosterColumnsForm | RecordColumnsForm
COLUMN_FORMS: Mapping[str, type[ColumnForm]] = {
    **dict.fromkeys(LISTS, RecordColumnsForm),
    VISITS: ColumnsForm,
    PEOPLE: RosterColumnsForm,
}


class PeopleForm:
    """Whom names mean: a field for each name."""

    @staticmethod
    def chosen(sent: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
        """User names by folded name; of outsiders none."""
        found = {}
        for place, name in enumerate(names):
            username = str(sent.get(f"person-{place}", NOT_CHOSEN))
            if username != NOT_CHOSEN:
                found[name] = "" if username == OUTSIDER else username
        return found
