"""The forms of a table's import."""

from collections.abc import Mapping
from typing import Any

from flask_wtf import FlaskForm
from wtforms import RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import InputRequired

from crm.visits.rules import Kind

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
