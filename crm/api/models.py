"""What goes in and comes out of the API: models that refuse what they do not know."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from crm.base.cells import LONGEST_LINE, LONGEST_PROSE
from crm.base.db import LARGEST_ID
from crm.base.typed_dates import YEARS
from crm.people.models import Person

MOST_ITEMS = 100
_UNWANTED = "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_HAS_UNWANTED = re.compile(f"[{_UNWANTED}]")


class Asked(BaseModel):
    """What a program sends: nothing beside the declared fields, nothing of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class AskedInQuery(BaseModel):
    """The query of an address, whose values are texts."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Shown(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True, from_attributes=True, defer_build=True)


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


RowId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Moment = Annotated[AwareDatetime, AfterValidator(_plausible_moment)]
Day = Annotated[date, AfterValidator(_plausible_date)]
Line = Annotated[str, AfterValidator(_clean_line), Field(max_length=LONGEST_LINE)]
FilledLine = Annotated[Line, Field(min_length=1)]
Prose = Annotated[str, AfterValidator(_clean), Field(max_length=LONGEST_PROSE)]
Username = Annotated[
    str, AfterValidator(_clean_line), Field(min_length=1, max_length=64, description="账号")
]
# money is never a float: a text of digits, as it goes in and comes out
Yuan = Annotated[
    Any,
    PlainSerializer(lambda amount: f"{amount:f}", return_type=str),
    WithJsonSchema({"type": "string", "description": "金额，以元为单位"}),
]


class PersonShown(Shown):
    """A person as a record names them."""

    username: str
    name: str

    @classmethod
    def of(cls, person: Person) -> "PersonShown":
        return cls(username=person.username, name=person.name)


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
