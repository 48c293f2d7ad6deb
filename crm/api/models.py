"""What goes in and comes out of the API: models that refuse what they do not know."""

import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import PydanticCustomError

from crm.base.addresses import normalize_address
from crm.base.cells import LONGEST_LINE, LONGEST_PROSE
from crm.base.db import LARGEST_ID
from crm.base.masking import masked_email, masked_phone
from crm.base.money import Currency
from crm.base.typed_dates import YEARS
from crm.base.typed_text import phone_number
from crm.leads.contacts import ContactData
from crm.leads.models import Contact
from crm.leads.redaction import LeadLabel
from crm.people.models import Person

MOST_ITEMS = 100
_UNWANTED = "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}$", re.ASCII)
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?")
_AMOUNT = {
    "type": "string",
    "pattern": "^[0-9]{1,13}(\\.[0-9]{1,2})?$",
    "description": '数额，以币种的单位计，例如 "125000000.00"',
}
_HAS_UNWANTED = re.compile(f"[{_UNWANTED}]")


class Asked(BaseModel):
    """What a program sends: nothing beside the declared fields, nothing of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class AskedInQuery(BaseModel):
    """The query of an address, whose values are texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @field_validator("*")
    @classmethod
    def _is_clean(cls, value: object) -> object:
        # PostgreSQL has no NUL in a text, not even to look for it
        return _clean_line(value) if type(value) is str else value


class Shown(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True, from_attributes=True, defer_build=True)


def _written_day(value: object) -> object:
    """Refuse a number that pydantic would take for seconds since 1970."""
    if not isinstance(value, str) or not _DAY.match(value):
        raise PydanticCustomError("date_parsing", "not a date")
    return value


def _written_moment(value: object) -> object:
    if not isinstance(value, str) or not _MOMENT.match(value):
        raise PydanticCustomError("datetime_parsing", "not a moment")
    return value


def _plausible_date(value: date) -> date:
    if value.year not in YEARS:
        facts = {"value": value.isoformat(), "first": YEARS[0], "last": YEARS[-1]}
        raise PydanticCustomError("year_out_of_range", "year_out_of_range", facts)
    return value


def _plausible_moment(value: datetime) -> datetime:
    _plausible_date(value)
    return value.astimezone(UTC)


def _clean(text: str) -> str:
    if _HAS_UNWANTED.search(text):
        raise PydanticCustomError("control_characters", "control_characters")
    return text.strip()


def _clean_line(text: str) -> str:
    if "\n" in text or "\r" in text or "\t" in text:
        raise PydanticCustomError("control_characters", "control_characters")
    return _clean(text)


def _digits(text: object) -> Decimal:
    if not isinstance(text, str) or not _DIGITS.fullmatch(text):
        raise PydanticCustomError("bad_figure", "bad_figure", {"value": str(text)[:40]})
    return Decimal(text)


def _phone(text: str) -> str | None:
    return _read("bad_phone", phone_number, text)


def _email(text: str) -> str | None:
    return _read("bad_email", normalize_address, text)


def _read(code: str, read: Callable[[str], str], text: str) -> str | None:
    try:
        return read(text) if text else None
    except ValueError:
        raise PydanticCustomError(code, code, {"value": text}) from None


RowId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
# not strict: what the first validator has seen is a text, which strictly would be no date
_LAX = Field(strict=False)
Moment = Annotated[
    AwareDatetime, _LAX, BeforeValidator(_written_moment), AfterValidator(_plausible_moment)
]
Day = Annotated[date, _LAX, BeforeValidator(_written_day), AfterValidator(_plausible_date)]
Line = Annotated[str, AfterValidator(_clean_line), Field(max_length=LONGEST_LINE)]
FilledLine = Annotated[Line, Field(min_length=1)]
Prose = Annotated[str, AfterValidator(_clean), Field(max_length=LONGEST_PROSE)]
Username = Annotated[
    str, AfterValidator(_clean_line), Field(min_length=1, max_length=64, description="账号")
]


class MoneyAsked(Asked):
    """An amount; money is never a float, so it is a text of digits."""

    amount: Annotated[Decimal, BeforeValidator(_digits), WithJsonSchema(_AMOUNT)]
    currency: Currency = Field(Currency.CNY, description="币种")


class Money(Shown):
    amount: Annotated[Decimal, PlainSerializer(lambda value: f"{value:f}", return_type=str)]
    currency: Currency

    @classmethod
    def of(cls, amount: Decimal | None, currency: Currency | None) -> "Money | None":
        """The amount, if it is stated."""
        if amount is None or currency is None:
            return None
        return cls(amount=amount, currency=currency)


class ContactAsked(Asked):
    """Whom to reach at a company."""

    name: FilledLine = Field(description="姓名")
    position: Line | None = Field(None, description="职务")
    phone: Annotated[Line, AfterValidator(_phone)] | None = Field(None, description="电话")
    email: Annotated[Line, AfterValidator(_email)] | None = Field(None, description="邮箱")

    def data(self) -> ContactData:
        """The contact as services take it."""
        return ContactData(
            name=self.name, position=self.position, phone=self.phone, email=self.email
        )


class ContactShown(Shown):
    id: int
    name: str
    position: str | None
    phone: str | None = Field(description="电话；不由本人办理的，中间几位以 * 代替")
    email: str | None = Field(description="邮箱；不由本人办理的，以 * 代替")

    @classmethod
    def of(cls, contact: Contact, *, is_plain: bool) -> "ContactShown":
        """The contact; the number and the address as lists show them unless `is_plain`."""
        shown = cls.model_validate(contact)
        if is_plain:
            return shown
        phone, email = shown.phone, shown.email
        masked = {
            "phone": masked_phone(phone) if phone else None,
            "email": masked_email(email) if email else None,
        }
        return shown.model_copy(update=masked)


def contacts_shown(contacts: Iterable[Contact], plain_ids: AbstractSet[int]) -> list[ContactShown]:
    """The contacts, those of `plain_ids` with their numbers."""
    return [ContactShown.of(contact, is_plain=contact.id in plain_ids) for contact in contacts]


class PersonShown(Shown):
    """A person as a record names them."""

    username: str
    name: str

    @classmethod
    def of(cls, person: Person) -> "PersonShown":
        return cls(username=person.username, name=person.name)

    @classmethod
    def or_none(cls, person: Person | None) -> "PersonShown | None":
        """The person, where there is one."""
        return cls.of(person) if person else None


class LeadNamed(Shown):
    """A lead as other records name it: one that its reader may not see by its code name alone."""

    id: int | None = Field(description="不在知悉范围内的为空")
    ref: str | None
    label: str
    company: str | None

    @classmethod
    def of(cls, label: LeadLabel, refs: Mapping[int, str]) -> "LeadNamed":
        ref = refs[label.id] if label.id else None
        return cls(id=label.id, ref=ref, label=label.text, company=label.company)


class Listed(AskedInQuery):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=MOST_ITEMS, description="最多返回的条数")] = 30
    cursor: Annotated[
        str | None, Field(max_length=500, description="上一次回答的 next；留空从头开始")
    ] = None


Item = TypeVar("Item")


class Listing(Shown, Generic[Item]):
    """A part of a list, and the cursor of the next part."""

    items: list[Item]
    next: str | None = Field(None, description="下一部分的 cursor；没有更多时为空")
