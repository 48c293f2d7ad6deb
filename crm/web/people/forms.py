"""The forms of people, their postings, and units."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from crm.base.cells import Cells, Username, read_cells
from crm.base.errors import Refused
from crm.people.fields import PERSON_FIELDS, POSTING_FIELDS, ContactCells
from crm.people.models import Posting, Unit
from crm.people.postings import PostingData
from crm.people.queries import UnitNode, unit_tree
from crm.people.rules import Duty, UnitKind
from crm.people.units import UnitData
from crm.web.date_fields import DateField
from crm.web.declared_fields import with_fields
from crm.web.forms import (
    NOTHING,
    WholeNumber,
    chosen_id,
    cleaned,
    enum_choices,
    sensible_year,
)

_line = Length(max=200, message="最多 %(max)d 个字。")
LARGEST_POSITION = 9999
WHOLE = "请填写 0 到 9999 之间的整数。"
LABELS = {name: field.input_label for name, field in POSTING_FIELDS.items()}
FIELDS = {"from": "from_on", "to": "to_on", "unit": "unit_id"}


class Account(Cells):
    """The username of an account."""

    username: Username


@with_fields(PERSON_FIELDS)
class PersonForm(FlaskForm):
    """Who a person is, and what they may see and do."""

    role: RadioField

    def contact(self) -> Mapping[str, Any]:
        """Name, mail address and telephone number; refused where one is malformed."""
        cells = {name: self[name].data or "" for name in ContactCells.model_fields}
        return read_cells(ContactCells, cells).model_dump()


@with_fields(POSTING_FIELDS, "duty", "from_on", "to_on")
class PostingForm(FlaskForm):
    """A unit and a duty, from one date to another."""

    unit_id = SelectField(
        LABELS["unit_id"], [DataRequired("请选择单位。")], coerce=chosen_id, validate_choice=False
    )
    duty: RadioField
    from_on: DateField
    to_on: DateField

    def to_data(self, db: Session, *, is_primary: bool = True) -> PostingData:
        """The data of a valid form; refused as `no_such_unit`."""
        unit = db.get(Unit, self.unit_id.data) if self.unit_id.data else None
        if unit is None:
            raise Refused("no_such_unit", field="unit_id")
        from_on: Any = self.from_on.data
        return PostingData(
            unit=unit,
            duty=self.duty.data,
            is_primary=is_primary,
            from_on=from_on,
            to_on=self.to_on.data,
        )


class AnyPostingForm(PostingForm):
    """A posting that may be a secondary one."""

    is_primary = BooleanField(LABELS["is_primary"])


@with_fields(PERSON_FIELDS, "username")
class NewPersonForm(PersonForm):
    """A new account, with the first posting of its person where there is one."""

    username: StringField
    unit_id = SelectField(LABELS["unit_id"], [Optional()], coerce=chosen_id, validate_choice=False)
    duty = SelectField(
        LABELS["duty"],
        [Optional()],
        choices=[NOTHING, *enum_choices(Duty)],
        coerce=lambda text: Duty(text) if text else None,
    )
    from_on = DateField(LABELS["from_on"], [Optional(), sensible_year])

    def account(self) -> str:
        """The username; refused where it is malformed."""
        return read_cells(Account, {"username": self.username.data or ""}).username

    def posting(self, db: Session) -> PostingData | None:
        """The first posting, where there is one; refused as `required` where a part is missing."""
        parts = {name: self[name].data for name in ("unit_id", "duty", "from_on")}
        # the page fills in the date, so that alone asks for no posting
        if not parts["unit_id"] and not parts["duty"]:
            return None
        for name, value in parts.items():
            if not value:
                raise Refused("required", field=name)

        unit = db.get(Unit, parts["unit_id"])
        if unit is None:
            raise Refused("no_such_unit", field="unit_id")
        return PostingData(unit=unit, duty=parts["duty"], from_on=parts["from_on"])


class LeavingForm(FlaskForm):
    """The last day of all postings, and whether the account is closed before it is over."""

    last_on = DateField("最后任职日", [DataRequired("请选择最后任职日。"), sensible_year])
    # otherwise it closes once the last day is over
    at_once = BooleanField("立即停用账号")


class UnitForm(FlaskForm):
    """What a unit is called, and where it stands in the tree."""

    name = StringField("名称", [DataRequired("请填写名称。"), _line], filters=[cleaned])
    kind = RadioField(
        "类型", [DataRequired("请选择类型。")], choices=enum_choices(UnitKind), coerce=UnitKind
    )
    parent_id = SelectField("上级单位", [Optional()], coerce=chosen_id, validate_choice=False)
    position = WholeNumber(
        "排序", [InputRequired(WHOLE), NumberRange(0, LARGEST_POSITION, WHOLE)], message=WHOLE
    )
    # REGIME 2: its supervisors have the whole zone in scope for figures
    inspects = BooleanField("负责督查考核")
    coordinates = BooleanField("统筹单位")

    def to_data(self) -> UnitData:
        """The data of a valid form."""
        position: Any = self.position.data
        return UnitData(
            name=self.name.data or "",
            kind=self.kind.data,
            parent_id=self.parent_id.data or None,
            position=position,
            inspects=bool(self.inspects.data),
            coordinates=bool(self.coordinates.data),
        )


class NewUnitForm(UnitForm):
    """A new unit with its code, which never changes."""

    code = StringField("编号", [DataRequired("请填写编号。"), Length(max=40)], filters=[cleaned])


def offer_units(
    field: SelectField, nodes: Iterable[UnitNode], *, empty: str = "", but: Iterable[int] = ()
) -> None:
    """Offer the units in the order of the tree, indented by depth."""
    hidden = set(but)
    field.choices = [
        SelectChoice("", empty) if empty else NOTHING,
        *(
            # a full-width space: browsers drop ordinary ones at the beginning of an option
            SelectChoice(str(node.unit.id), f"{'　' * node.depth}{node.unit.name}")
            for node in nodes
            if node.unit.id not in hidden
        ),
    ]


def offer_all_units(db: Session, field: SelectField) -> None:
    """Offer every unit."""
    offer_units(field, unit_tree(db))


def as_typed(posting: Posting) -> dict[str, object]:
    """A posting as its form shows it."""
    names = ("unit_id", "duty", "is_primary", "from_on", "to_on")
    return {name: getattr(posting, name) for name in names}
