"""The forms of a change of many leads: one for each kind, with what each lead is to get."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Optional

from crm.base import formatting
from crm.bulk_changes.rules import Asked, BulkKind
from crm.followups.fields import FOLLOWUP_FIELDS
from crm.leads.catalog import industry_name, offered
from crm.leads.catalog_models import CatalogKind
from crm.leads.rules import FINAL, Stage
from crm.people.choices import PeopleAsked
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.people.queries import unit_tree
from crm.web.choices.fields import PersonField, offer_people
from crm.web.date_fields import DateField
from crm.web.declared_fields import with_fields
from crm.web.forms import NOTHING, chosen_id, cleaned, enum_choices, sensible_year
from crm.web.leads.agreement_field import AgreementField
from crm.web.leads.forms import LONG
from crm.web.proposed_dates import proposed_due_on

EACH_TRACKER = "各线索的跟踪责任人"


class BulkForm(FlaskForm):
    """What each of the leads is to get."""

    kind: BulkKind

    def asked(self) -> Asked:
        """The values of a valid form."""
        values = {name: field.data for name, field in self._fields.items() if name != "csrf_token"}
        return Asked(kind=self.kind, **{k: v for k, v in values.items() if v is not None})

    def set_choices(self, db: Session, viewer: Viewer, on: date) -> None:
        """Offer what may be chosen."""

    def in_words(self, db: Session, on: date) -> str:
        """What the chosen values are, for the preview."""
        raise NotImplementedError


class TrackerForm(BulkForm):
    """Another tracker from today on."""

    kind = BulkKind.TRACKER
    person_id = PersonField("新的跟踪责任人", [DataRequired("请选择人员。")])

    def set_choices(self, db: Session, viewer: Viewer, on: date) -> None:
        """Offer likely people."""
        offer_people(db, PeopleAsked(viewer, on), self.person_id)

    def in_words(self, db: Session, on: date) -> str:
        """The person, from today on."""
        return f"{_name(db, self.person_id.data)}，自{formatting.dated(on, on)}起"


class UnitForm(BulkForm):
    """Another responsible unit from today on."""

    kind = BulkKind.UNIT
    unit_id = SelectField(
        "新的责任单位", [DataRequired("请选择单位。")], coerce=chosen_id, validate_choice=False
    )

    def set_choices(self, db: Session, viewer: Viewer, on: date) -> None:
        """Offer all units."""
        del viewer, on
        units = [SelectChoice(node.unit.id, node.unit.name) for node in unit_tree(db)]
        self.unit_id.choices = [NOTHING, *units]

    def in_words(self, db: Session, on: date) -> str:
        """The unit, from today on."""
        names = {node.unit.id: node.unit.name for node in unit_tree(db)}
        return f"{names.get(self.unit_id.data, '')}，自{formatting.dated(on, on)}起"


class StageForm(BulkForm):
    """A stage that all have reached on a date."""

    kind = BulkKind.STAGE
    stage = SelectField(
        "进入阶段",
        [DataRequired("请选择阶段。")],
        choices=[NOTHING, *enum_choices(stage for stage in Stage if stage is not Stage.LEAD)],
        coerce=lambda text: Stage(text) if text in set(Stage) else None,
        validate_choice=False,
    )
    on = DateField("日期", [DataRequired("请选择日期。"), sensible_year])
    agreement = AgreementField()
    look_again_on = DateField("再看日期", [Optional(), sensible_year], is_ahead=True)
    reason = StringField("原因或说明", [LONG], filters=[cleaned])

    def validate(self, extra_validators: Any = None) -> bool:
        """Ask for what the stage needs, as the service does of each lead, and for nothing else."""
        stage = self.stage.data
        if stage is not Stage.SIGNED:
            self.agreement.data = None
        if stage is not Stage.PARKED:
            self.look_again_on.process(None)
        is_valid = bool(super().validate(extra_validators))
        for field, is_needed, message in (
            (self.agreement, stage is Stage.SIGNED, "签约须选择协议类型。"),
            (self.look_again_on, stage is Stage.PARKED, "搁置须填写再看日期。"),
            (self.reason, stage in FINAL, "搁置、流失须填写原因。"),
        ):
            if is_needed and not field.data and not field.errors:
                field.errors = [message]
                is_valid = False
        return is_valid

    def in_words(self, db: Session, on: date) -> str:
        """The stage with its date."""
        del db
        assert self.on.data  # noqa: S101 - a valid form has it
        parts = [self.stage.data.label, formatting.dated(self.on.data, on)]
        if self.stage.data is Stage.SIGNED:
            parts.append(self.agreement.data.label)
        if self.stage.data is Stage.PARKED and self.look_again_on.data:
            parts.append(f"{formatting.dated(self.look_again_on.data, on)}再看")
        return "，".join([*parts, *filter(None, [self.reason.data])])


class IndustryForm(BulkForm):
    """Another industry."""

    kind = BulkKind.INDUSTRY
    industry = SelectField("新的产业", [DataRequired("请选择产业。")], validate_choice=False)

    def set_choices(self, db: Session, viewer: Viewer, on: date) -> None:
        """Offer the industries in use."""
        del viewer, on
        found = offered(db, CatalogKind.INDUSTRY)
        self.industry.choices = [NOTHING, *(SelectChoice(*each) for each in found.items())]

    def in_words(self, db: Session, on: date) -> str:
        """The name of the industry."""
        del on
        return industry_name(db, self.industry.data)


@with_fields(FOLLOWUP_FIELDS, "what", "due_on")
class FollowupForm(BulkForm):
    """A follow-up on each lead."""

    kind = BulkKind.FOLLOWUP
    what: StringField
    due_on: DateField
    person_id = PersonField("责任人", [Optional()])

    def set_choices(self, db: Session, viewer: Viewer, on: date) -> None:
        """Offer the tracker of each, then likely people."""
        first = SelectChoice("", EACH_TRACKER)
        offer_people(db, PeopleAsked(viewer, on), self.person_id, extra=[first])

    def in_words(self, db: Session, on: date) -> str:
        """What is to be done until when, and by whom."""
        assert self.due_on.data  # noqa: S101 - a valid form has it
        due = f"{formatting.dated(self.due_on.data, on)}前"
        who = _name(db, self.person_id.data) if self.person_id.data else EACH_TRACKER
        return "，".join([self.what.data or "", due, who])


def _name(db: Session, person_id: int | None) -> str:
    person = db.get(Person, person_id) if person_id else None
    return person.name if person else ""


FORMS: Mapping[BulkKind, type[BulkForm]] = {
    form.kind: form for form in (TrackerForm, UnitForm, StageForm, IndustryForm, FollowupForm)
}


def new_form(kind: BulkKind, on: date) -> BulkForm:
    """The form of that kind as it is first shown."""
    data = {"on": on, "due_on": proposed_due_on()}
    return FORMS[kind](formdata=None, data=data)
