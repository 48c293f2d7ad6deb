"""The declared fields of each record agree with its table and with all that reads them."""

from pathlib import Path

import pytest

from crm.audit.record_fields import RECORDS
from crm.followups.exports import followup_rows
from crm.followups.fields import FOLLOWUP_COLUMNS, FOLLOWUP_FIELDS
from crm.followups.models import Followup
from crm.leads.exports import lead_rows
from crm.leads.fields import LEAD_COLUMNS, LEAD_FIELDS
from crm.leads.models import Lead
from crm.leads.rules import LeadRoleKind
from crm.people.exports import people_rows
from crm.people.fields import PEOPLE_COLUMNS, PERSON_FIELDS, POSTING_FIELDS
from crm.people.imports import PersonRow, PostingRow
from crm.people.models import Person, Posting
from crm.visits.exports import visit_rows
from crm.visits.fields import VISIT_COLUMNS, VISIT_FIELDS, WORDS, VisitData
from crm.visits.imports import VisitRow
from crm.visits.models import Visit
from crm.visits.redaction import SeenVisit
from crm.web.audit.field_labels import label_of
from crm.web.followups.forms import NewForm, OutcomeForm
from crm.web.leads.forms import LeadForm
from crm.web.people.forms import AnyPostingForm, NewPersonForm
from crm.web.visits.forms import VisitForm
from tests.conftest import NOW
from tests.factories import make_followup, make_lead, make_person, make_role, make_unit, make_visit

TEMPLATES = Path(__file__).parents[2] / "templates"

# What a record keeps beside its fields: ids, what is computed, and who entered it and when.
INTERNAL = {
    "visit": {
        "id",
        "entered_by_id",
        "verdict_by_id",
        "verdict_at",
        "verdict_reason",
        "late_by_days",
        "batch_id",
    },
    "lead": {
        *("id", "company_id", "search", "entered_at", "entered_by_id"),
        "last_contact_on",  # follows from visits and follow-ups
    },
    "followup": {"id", "entered_at", "entered_by_id"},
    "person": {
        "id",
        "pinyin",
        "search",
        "password_hash",
        "password_changed_at",
        "is_password_temporary",
        "created_at",
    },
    "posting": {"id", "person_id"},
}
TABLES = [
    (Visit, VISIT_FIELDS),
    (Lead, LEAD_FIELDS),
    (Followup, FOLLOWUP_FIELDS),
    (Person, PERSON_FIELDS),
    (Posting, POSTING_FIELDS),
]
FORMS = [
    ("visits", VISIT_FIELDS, (VisitForm,)),
    ("leads", LEAD_FIELDS, (LeadForm,)),
    ("followups", FOLLOWUP_FIELDS, (NewForm, OutcomeForm)),
    ("people", PERSON_FIELDS, (NewPersonForm,)),
    ("people", POSTING_FIELDS, (AnyPostingForm,)),
]


@pytest.mark.parametrize(("table", "fields"), TABLES)
def test_every_column_of_the_table_is_declared(table, fields):
    columns = {*table.__table__.columns.keys()} - INTERNAL[table.__tablename__]

    undeclared = columns - {*fields}
    assert not undeclared, f"Declare {undeclared} in fields.py, or add to INTERNAL here."


@pytest.mark.parametrize(("table", "fields"), TABLES)
def test_every_stored_field_has_its_column(table, fields):
    stored = {name for name, field in fields.items() if field.is_stored}

    missing = stored - {*table.__table__.columns.keys()}
    assert not missing, f"Add the columns {missing} to the model, with a migration."


@pytest.mark.parametrize(("table", "fields"), TABLES)
def test_the_audit_trail_takes_its_labels_from_the_declaration(table, fields):
    subject = table.__tablename__

    assert RECORDS[subject] is fields, (
        f"Name the fields of {subject} in RECORDS of audit/field_labels."
    )
    assert {name: label_of(subject, name) for name in fields} == {
        name: field.label for name, field in fields.items()
    }


@pytest.mark.parametrize(("folder", "fields", "forms"), FORMS)
def test_the_form_has_every_field_of_the_form_under_its_label(app, folder, fields, forms):
    with app.test_request_context():
        labels = {field.name: field.label.text for form in forms for field in form()}

    wanted = {name: field.input_label for name, field in fields.items() if field.in_form}
    lacking = wanted.items() - labels.items()
    assert not lacking, f"The form in crm/web/{folder} lacks {lacking}."


@pytest.mark.parametrize(("folder", "fields", "forms"), FORMS)
def test_a_template_lays_out_every_field_of_the_form(folder, fields, forms):
    layout = "".join(path.read_text("utf-8") for path in (TEMPLATES / folder).glob("*.html"))

    unseen = {name for name, field in fields.items() if field.in_form and f".{name}" not in layout}
    assert not unseen, f"Place {unseen} in a template of templates/{folder}."


@pytest.mark.parametrize(
    ("columns", "models"),
    [(VISIT_COLUMNS, (VisitRow,)), (PEOPLE_COLUMNS, (PersonRow, PostingRow))],
)
def test_the_import_reads_every_column_of_its_file(columns, models):
    read = {cell.alias or name for model in models for name, cell in model.model_fields.items()}

    assert read == {column.code for column in columns if not column.shown_only}


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (visit_rows, VISIT_COLUMNS),
        (lead_rows, LEAD_COLUMNS),
        (followup_rows, FOLLOWUP_COLUMNS),
        (people_rows, PEOPLE_COLUMNS),
    ],
)
def test_the_export_fills_every_column_of_its_file(db, rows, columns):
    person = make_person(db)
    lead = make_lead(db, unit=make_unit(db), tracker=person)
    make_role(db, lead, LeadRoleKind.ATTACHED_LEADER, person=person)
    make_visit(db, person, leads=[lead])
    make_followup(db, lead, person, NOW.date())

    row, *_ = rows(db, None, NOW.date())
    unfilled = {column.code for column in columns} - row.keys()
    assert not unfilled, f"{rows.__name__} leaves {unfilled} empty."


def test_the_words_of_a_visit_are_what_is_hidden_with_its_leads():
    hidden = {name for name, field in VISIT_FIELDS.items() if field.is_hidden_with_leads}

    seen = {*WORDS, "companies"}
    assert seen == hidden, "Add the field to VisitWords, or hide it in its declaration."


def test_a_seen_visit_and_its_data_hold_every_field_of_the_form():
    in_form = {name for name, field in VISIT_FIELDS.items() if field.in_form}
    by_name = {"leader_id", "participant_ids", "lead_ids"}  # a seen visit has people and labels

    assert in_form <= {*VisitData.__dataclass_fields__}
    assert in_form - by_name <= {*SeenVisit.__dataclass_fields__}
