"""The companies met as rows of the visit form: further ones only on demand (REGIME 3)."""

from collections.abc import Sequence
from typing import Any

from flask import request
from wtforms import FieldList, Form, FormField, SelectField, StringField
from wtforms.validators import Length

from crm.visits.fields import VISIT_FIELDS, CompanyMet, SeenCompany
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Counterpart
from crm.web.choices.fields import CompanyField
from crm.web.forms import NOTHING, cleaned, enum_choices

MOST = 100  # rows that a form may send
ANOTHER = "another-company"  # the button that adds a row where no script does
SPARE = "companies-__-"  # before the names of the row that the script copies
_longest = Length(max=100, message="最多 %(max)d 个字。")


class CompanyRow(Form):
    """A company with whom one met there."""

    company = CompanyField(VISIT_FIELDS["companies"].label, [_longest])
    met = StringField(VISIT_FIELDS["met"].label, [_longest], filters=[cleaned])
    position = StringField(VISIT_FIELDS["position"].label, [_longest], filters=[cleaned])
    counterpart = SelectField(
        "对方类型",
        choices=enum_choices(Counterpart),
        coerce=Counterpart,
        default=Counterpart.ENTERPRISE,
    )


class CompanyRows(FieldList):  # type: ignore[type-arg] # no generic class at runtime
    """The rows of a form; the first one is always there."""

    def __init__(self, **kwargs: Any) -> None:
        label = VISIT_FIELDS["companies"].label
        super().__init__(FormField(CompanyRow), label, min_entries=1, max_entries=MOST, **kwargs)

    @property
    def pickers(self) -> list[CompanyField]:
        """The fields of the companies."""
        return [entry.form.company for entry in self.entries]

    @property
    def has_people(self) -> bool:
        """Whether a row says more than a company, or there are several."""
        return len(self.entries) > 1 or any(
            entry.form.met.data or entry.form.position.data or entry.form.errors
            for entry in self.entries
        )

    @property
    def companies(self) -> list[CompanyMet]:
        """The companies of the rows as services are given them."""
        return [_company_met(entry.form) for entry in self.entries]

    @property
    def spare(self) -> CompanyRow:
        """The row that the script copies for a further company."""
        row = CompanyRow(prefix=SPARE)
        row.company.choices = [NOTHING]
        return row


def _company_met(row: CompanyRow) -> CompanyMet:
    return CompanyMet(
        row.company.company_id,
        row.company.typed_name,
        row.met.data,
        row.position.data,
        row.counterpart.data,
    )


def asks_for_row() -> bool:
    """Whether a form without script asks for another row."""
    return request.form.get("do") == ANOTHER


def row_values(visit: SeenVisit) -> list[dict[str, Any]]:
    """The rows of a visit; those of its leads come by themselves where nobody is named."""
    return [
        {
            "company": f"{CompanyField.prefix}{row.company_id}"
            if row.company_id
            else row.name or "",
            "met": row.met,
            "position": row.position,
            "counterpart": row.counterpart,
        }
        for row in visit.companies
        if not row.is_hidden and not _comes_by_itself(row)
    ]


def _comes_by_itself(row: SeenCompany) -> bool:
    is_plain = row.counterpart is Counterpart.ENTERPRISE
    return row.has_lead and is_plain and not (row.met or row.position)


def rows_in_words(rows: Sequence[SeenCompany]) -> str:
    """The companies with whom one met there, in one line."""
    return "、".join(" ".join(filter(None, (row.name, row.people))) for row in rows)
