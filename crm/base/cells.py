"""Cells of imported rows as typed values, with refusal codes for those that cannot be read."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from crm.base.addresses import BadAddressError, normalize_address
from crm.base.clock import at_civil
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.sheets import Row, Sheet
from crm.base.typed_dates import (
    YEARS,
    NoSuchDateError,
    NoTimeError,
    YearOutOfRangeError,
    typed_date,
    typed_moment,
)
from crm.base.typed_text import ScientificPhoneError, phone_number
from crm.base.usernames import LONGEST_USERNAME

LONGEST_LINE = 200  # characters
LONGEST_PROSE = 10_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Of the columns of a file whose texts recur, as names and times do, each text is read once.
_read_once = lru_cache(maxsize=10_000)
_YES_NO = {"": True, "1": True, "是": True, "0": False, "否": False}


class Cells(BaseModel):
    """A row with its columns as fields; an empty cell is None or refused, never guessed."""

    # deferred: a process reads few kinds of files
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


Model = TypeVar("Model", bound=Cells)
T = TypeVar("T")


def read_rows(sheet: Sheet, model: type[Model]) -> Iterator[tuple[int, Model]]:
    """Yield each readable row with its line; the problems of the others go to the sheet."""
    for row in sheet.rows:
        if (read := read_row(sheet, row, model)) is not None:
            yield row.line, read


def read_row(sheet: Sheet, row: Row, model: type[Model]) -> Model | None:
    """The row, or None, with its problems added to the sheet."""
    try:
        return model.model_validate(row.cells)
    except ValidationError as error:
        for refusal in _refusals(error, row.cells):
            sheet.add_problem(row.line, refusal)
    return None


def read_cells(model: type[Model], cells: Mapping[str, str]) -> Model:
    """Read values of a form; raises `Refused` for the first that cannot be read."""
    try:
        return model.model_validate(cells)
    except ValidationError as error:
        raise next(_refusals(error, cells)) from error


def _refusals(error: ValidationError, cells: Mapping[str, str]) -> Iterator[Refused]:
    for found in error.errors(include_url=False):
        field = str(found["loc"][0])
        facts: dict[str, Any] = {"value": cells.get(field, ""), **found.get("ctx", {})}
        yield Refused(found["type"], field, **facts)


def _required(text: str) -> str:
    if not text:
        raise PydanticCustomError("required", "required")
    return text


def _line(text: str) -> str | None:
    if _CONTROL.search(text):
        raise PydanticCustomError("control_characters", "control_characters")
    return _short(text, LONGEST_LINE)


def _prose(text: str) -> str | None:
    return _short(text, LONGEST_PROSE)


def _short(text: str, longest: int) -> str | None:
    if len(text) > longest:
        raise PydanticCustomError("text_too_long", "text_too_long", {"longest": longest})
    return text or None


@_read_once
def _username(text: str) -> str:
    """A name of an existing account; older ones may be less strict than `new_username`."""
    name = _line(_required(text))
    # Cells hold several usernames with semicolons between them, so none may contain one.
    if name is None or re.search(r"[\s;/\uff1b]", name):
        facts = {"longest": LONGEST_USERNAME}
        raise PydanticCustomError("bad_username", "bad_username", facts)
    return name


def _email(text: str) -> str | None:
    try:
        return normalize_address(text) if text else None
    except BadAddressError as error:
        raise PydanticCustomError(error.code, error.code) from error


def _phone(text: str) -> str | None:
    try:
        return phone_number(text) if text else None
    except ScientificPhoneError as error:
        raise PydanticCustomError("phone_in_scientific", "phone_in_scientific") from error
    except ValueError as error:
        raise PydanticCustomError("bad_phone", "bad_phone") from error


@_read_once
def _parts(text: str) -> tuple[str, ...]:
    # a Chinese keyboard types the full-width semicolon
    parts = (part.strip() for part in re.split("[;\uff1b]", text))
    return tuple(dict.fromkeys(part for part in parts if part))


# An empty cell becomes None here; `Required` refuses it first where a value must be given.
@_read_once
def _day(text: str) -> date | None:
    return _dated(typed_date, text, "bad_date") if text else None


@_read_once
def _moment(text: str) -> datetime | None:
    return _dated(typed_moment, text, "bad_moment") if text else None


@_read_once
def _end(text: str) -> datetime | None:
    return _dated(partial(typed_moment, is_end=True), text, "bad_moment") if text else None


@_read_once
def moment_or_day(text: str) -> datetime | None:
    """The instant; of a date alone its beginning, where that is no guess that matters."""
    if not text:
        return None
    try:
        return at_civil(typed_date(text))
    except ValueError:
        return _dated(typed_moment, text, "bad_moment")


def number(text: str, code: str) -> Decimal:
    """The number, also with separators of thousands; refused with the code."""
    try:
        return Decimal(text.replace(",", ""))
    except ArithmeticError as error:
        raise PydanticCustomError(code, code) from error


def _dated(read: Callable[[str], T], text: str, code: str) -> T:
    """Read the text with the given function, and refuse what it cannot read with the code."""
    try:
        return read(text)
    except YearOutOfRangeError as error:
        facts = {"first": YEARS[0], "last": YEARS[-1]}
        raise PydanticCustomError("year_out_of_range", "year_out_of_range", facts) from error
    except NoSuchDateError as error:
        raise PydanticCustomError("no_such_date", "no_such_date") from error
    except NoTimeError as error:
        raise PydanticCustomError("moment_without_time", "moment_without_time") from error
    except ValueError as error:
        if code == "bad_date":
            raise PydanticCustomError("bad_date", "bad_date") from error
        raise PydanticCustomError("bad_moment", "bad_moment") from error


def _yes_no(text: str) -> bool:
    if text not in _YES_NO:
        raise PydanticCustomError("bad_yes_no", "bad_yes_no")
    return _YES_NO[text]


def one_of(words: type[LabeledEnum]) -> BeforeValidator:
    """A validator for a code or Chinese name of the enum; only an optional field may be empty."""

    @lru_cache(maxsize=100)
    def read(text: str) -> LabeledEnum | None:
        try:
            return words.read(text) if text else None
        except ValueError as error:
            allowed = "、".join(member.label for member in words)
            facts = {"allowed": allowed}
            raise PydanticCustomError("unknown_word", "unknown_word", facts) from error

    return BeforeValidator(read)


# pydantic runs the last validator first: `Required` sees the text before the others.
Required = BeforeValidator(_required)
Line = Annotated[str, BeforeValidator(_line), Required]
LineOrEmpty = Annotated[str, BeforeValidator(lambda text: _line(text) or "")]
LineOrNone = Annotated[str | None, BeforeValidator(_line)]
ProseOrNone = Annotated[str | None, BeforeValidator(_prose)]
Username = Annotated[str, BeforeValidator(_username)]
Usernames = Annotated[tuple[str, ...], BeforeValidator(_parts)]
Values = Annotated[tuple[str, ...], BeforeValidator(_parts)]
Email = Annotated[str | None, BeforeValidator(_email)]
Phone = Annotated[str | None, BeforeValidator(_phone)]
Day = Annotated[date, BeforeValidator(_day), Required]
DayOrNone = Annotated[date | None, BeforeValidator(_day)]
Moment = Annotated[datetime, BeforeValidator(_moment), Required]
End = Annotated[datetime, BeforeValidator(_end), Required]
MomentOrNone = Annotated[datetime | None, BeforeValidator(_moment)]
YesUnlessNo = Annotated[bool, BeforeValidator(_yes_no)]
YesNoOrNone = Annotated[bool | None, BeforeValidator(lambda text: _yes_no(text) if text else None)]
