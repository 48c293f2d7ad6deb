"""Fields for people and leads: a few likely choices, the others searched as one types.

Without script, a text typed beside the list is sent with the form, which comes back with what was
found.
"""

from collections.abc import Callable, Sequence
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session
from wtforms import SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.utils import unset_value
from wtforms.validators import StopValidation

from crm.base.choices import MOST_FOUND, MOST_SOUGHT, Choice
from crm.leads.company_queries import found_companies
from crm.leads.queries import found_leads
from crm.leads.redaction import lead_labels
from crm.people.choices import PeopleAsked, found_people
from crm.people.permissions import Viewer
from crm.visits.likely import likely_companies, likely_leads, likely_people
from crm.web.forms import NOTHING, chosen_id, cleaned, row_id
from crm.web.transaction import today

SOUGHT = "find-"  # before a field's name: the text to search for, sent without script


class _Searched:
    """What a field for one and a field for several have in common."""

    name: str
    data: Any
    errors: Sequence[str]
    choices: Any
    hint = ""  # by what rows are found
    search_url = ""
    prefix = ""  # of the values, before the id
    is_multiple = False
    sought: str | None = None

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        super().process(formdata, data, extra_filters)  # type: ignore[misc]
        typed = cleaned(formdata.get(SOUGHT + self.name)) if formdata else None
        self.sought = typed[:MOST_SOUGHT] if typed else None

    def pre_validate(self, form: Any) -> None:
        """Refuse a form that searches, so that it comes back with what was found."""
        super().pre_validate(form)  # type: ignore[misc]
        if self.sought:
            raise StopValidation(self.sought)  # `offer` puts the outcome in its place

    @property
    def ids(self) -> set[int]:
        """The chosen ids."""
        values = self.data if isinstance(self.data, list) else [self.data]
        return {value for value in values if value}

    def offer(
        self,
        rows: Sequence[Choice],
        find: Callable[[str], Sequence[Choice]],
        extra: Sequence[SelectChoice],
    ) -> None:
        """Set the choices: what `find` gives for the sent text, and the rows.

        A field for one begins with the `extra` choices.
        """
        found: Sequence[Choice] = []
        if self.sought:
            found = find(self.sought)
            self.errors = [self._outcome(found)]

        by_id = {row.id: row for row in (*found[:MOST_FOUND], *rows)}
        choices = [self._choice(row) for row in by_id.values()]
        self.choices = choices if self.is_multiple else [*extra, *choices]

    def _outcome(self, found: Sequence[Choice]) -> str:
        if not found:
            return f"未找到“{self.sought}”，请更换关键字或拼音首字母。"
        if len(found) > MOST_FOUND:
            return f"只列出前 {MOST_FOUND} 个，请在列表中选择，或补充关键字后再查。"
        if len(found) > 1:
            return f"找到 {len(found)} 个，请在列表中选择。"
        self._choose(found[0].id)
        return "已选中查到的唯一结果，请核对后保存。"

    def _choose(self, found_id: int) -> None:
        self.data = f"{self.prefix}{found_id}" if self.prefix else found_id

    def _choice(self, row: Choice) -> SelectChoice:
        note = row.note or ""
        # the list is searched by its texts and notes, too
        words = (word for word in row.search.split() if word not in row.text and word not in note)
        marks = {"data-pinyin": " ".join(words), "data-note": note}
        return SelectChoice(f"{self.prefix}{row.id}", row.text, marks)


class _SearchedOne(_Searched, SelectField):
    def __init__(
        self, label: str, validators: Any = None, *, coerce: Any = chosen_id, **kwargs: Any
    ) -> None:
        # services know who and what may be named: the list holds only a few of them
        super().__init__(label, validators, coerce=coerce, validate_choice=False, **kwargs)


class _SearchedSeveral(_Searched, SelectMultipleField):
    is_multiple = True

    def __init__(self, label: str, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, coerce=row_id, validate_choice=False, **kwargs)

    def _choose(self, found_id: int) -> None:
        self.data = [*dict.fromkeys([*(self.data or []), found_id])]


class PersonField(_SearchedOne):
    hint = "姓名、首字母或单位"


class PeopleField(_SearchedSeveral):
    hint = PersonField.hint


class LeadField(_SearchedOne):
    hint = "企业、项目名称或首字母"


class LeadsField(_SearchedSeveral):
    hint = LeadField.hint


class CompanyField(_SearchedOne):
    """A known company (`#7`), searched for, or the name of another one."""

    hint = "企业名称或首字母，未建档的填全称"
    prefix = "#"

    def __init__(self, label: str, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, coerce=_company, **kwargs)

    @property
    def ids(self) -> set[int]:
        """The id of the chosen company, if it is a known one."""
        return {self.company_id} if self.company_id else set()

    @property
    def company_id(self) -> int | None:
        """The chosen company, if it is a known one."""
        text = self.data or ""
        return row_id(text[1:]) if text.startswith(self.prefix) else None

    @property
    def typed_name(self) -> str | None:
        """The name of one that is not known."""
        return None if self.company_id else self.data or None

    def _outcome(self, found: Sequence[Choice]) -> str:
        if found:
            return super()._outcome(found)
        self.data = self.sought
        return "未找到同名企业，已按名称填入，请核对后保存。"


def _company(text: str) -> str:
    """A value of the field; ValueError for anything else."""
    if text.startswith(CompanyField.prefix):
        row_id(text[1:])
    return cleaned(text) or ""


class HolderField(PersonField):
    """One person (`p7`), searched for, or one of the units (`u3`)."""

    prefix = "p"

    def __init__(self, label: str, validators: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators, coerce=_holder, **kwargs)

    @property
    def ids(self) -> set[int]:
        """The id of the chosen person."""
        is_person = (self.data or "").startswith(self.prefix)
        return {row_id(self.data[1:])} if is_person else set()


def _holder(text: str) -> str:
    """A value of the field; ValueError for anything else."""
    if text:
        if text[0] not in "pu":
            raise ValueError(text)
        row_id(text[1:])
    return text


def offer_people(
    db: Session,
    asked: PeopleAsked,
    *fields: Any,
    also: Sequence[int] = (),
    extra: Sequence[SelectChoice] = (NOTHING,),
) -> None:
    """Offer the likely people, and those chosen, in each of the fields.

    `also`: ids of others who are likely; `extra`: first choices of fields for one.
    """
    chosen = {person_id for field in fields for person_id in field.ids}
    people = likely_people(db, asked, also=also, chosen=chosen)

    for field in fields:
        field.search_url = url_for(
            "choices.people",
            group=asked.group.value,
            without=asked.without,
            prefix=field.prefix or None,
        )
        field.offer(people, lambda text: found_people(db, asked, text), extra)


def offer_leads(
    db: Session,
    viewer: Viewer,
    field: Any,
    *,
    also: Sequence[int] = (),
    without: int | None = None,
) -> None:
    """Offer the likely leads, and those chosen that the viewer may see.

    `also`: ids of others that are likely; `without`: the id of one that is not offered.
    """
    on = today()
    leads = likely_leads(db, viewer, on, also=[*also, *field.ids])
    chosen = field.ids - {lead.id for lead in leads}
    # lost ones stay, too; a hidden one does not show by its code name that it is there
    labels = lead_labels(db, viewer, chosen, on).values()
    leads += [Choice(label.id, label.text, label.company) for label in labels if label.id]

    field.search_url = url_for("choices.leads", without=without)
    field.offer(
        [lead for lead in leads if lead.id != without],
        lambda text: [lead for lead in found_leads(db, viewer, on, text) if lead.id != without],
        [NOTHING],
    )


def offer_companies(db: Session, viewer: Viewer, fields: Sequence[CompanyField]) -> None:
    """Offer the likely companies in the first field, and in each what is chosen."""
    on = today()
    chosen = {company_id for field in fields for company_id in field.ids}
    rows = likely_companies(db, viewer, on, chosen=chosen)

    for field in fields:
        field.search_url = url_for("choices.companies")
        offered = rows if field is fields[0] else [row for row in rows if row.id in field.ids]
        field.offer(offered, lambda text: found_companies(db, viewer, on, text), [NOTHING])
        if field.typed_name:
            field.choices.append(SelectChoice(field.typed_name, field.typed_name))
