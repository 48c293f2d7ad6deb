"""Rows of a bureau's roster, read cell by cell (ENTRY 6). Pure."""

import re
from collections.abc import Iterable, Mapping
from datetime import date

from crm.base.addresses import BadAddressError, normalize_address
from crm.base.errors import Refused
from crm.base.names import folded
from crm.base.typed_dates import YEARS, typed_date
from crm.base.typed_text import ScientificPhoneError, half_width, phone_number
from crm.base.value_class import value_class
from crm.people.roster_words import LEVELS, VACANT
from crm.people.rules import Role

LONGEST = 200  # characters of a cell
MOST_LEVELS = 8  # of units below one another; more are a cell misread
_BRACKETS = re.compile(r"\([^)]*\)")
_SEVERAL = re.compile(r"[、,;/\n]")
_LEVEL = re.compile(r"[/>›→\\\n]")
_YEAR_AND_MONTH = re.compile(r"(\d{4}) ?[-/.年] ?(\d{1,2}) ?月?")
_YEAR = re.compile(r"(\d{4}) ?年?")
_MONTHS = range(1, 13)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")  # but line breaks and tabs, which are blanks
_NOTHING = frozenset({"", "-", "--", "/", "无", "暂无"})


@value_class(kw_only=True)
class RosterRow:
    """A row of a roster; what it does not tell is empty."""

    line: int
    name: str
    username: str = ""
    path: tuple[str, ...] = ()  # names of units, the widest first
    post: str = ""  # the words that a duty is proposed by
    role: Role | None = None
    phone: str | None = None
    email: str | None = None
    from_on: date | None = None
    is_unit_of_above: bool = False  # the unit of the row above holds, as this one names none

    @property
    def reach(self) -> frozenset[str]:
        """The addresses by which the person is known again."""
        return frozenset(filter(None, (self.phone, self.email)))


@value_class
class ReadRoster:
    """The rows that can be read, and why the others cannot."""

    rows: list[RosterRow]
    problems: list[tuple[int, Refused]]


def read_roster(lines: Iterable[tuple[int, Mapping[str, str]]]) -> ReadRoster:
    """Read the cells of each line, by the code of their column."""
    read = ReadRoster([], [])
    above: tuple[str, ...] = ()
    for line, cells in lines:
        path = path_of(cells)
        is_of_above = not path and bool(above)
        above = path or above
        try:
            row = _row(line, cells, above, is_of_above=is_of_above)
        except Refused as why:
            read.problems.append((line, why))
        else:
            read.rows.append(row)
    return read


def path_of(cells: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the units from the widest to the narrowest, none twice in a row."""
    names: list[str] = []
    for code in LEVELS:
        for part in _LEVEL.split(cells.get(code, "")):
            name = half_width(part).replace(" ", "")
            if name not in _NOTHING and folded(name) not in map(folded, names):
                names.append(name)
    return tuple(names)


def _row(
    line: int, cells: Mapping[str, str], path: tuple[str, ...], *, is_of_above: bool
) -> RosterRow:
    for code, text in cells.items():
        if len(text) > LONGEST and code != "number":
            raise Refused("text_too_long", field=code, longest=LONGEST)
        if _CONTROL.search(text):
            raise Refused("control_characters", field=code)
    name = _name(cells.get("name", ""))
    if not path:
        raise Refused("required", field="unit")
    if len(path) > MOST_LEVELS:
        raise Refused("roster_unit_too_deep", field="unit", most=MOST_LEVELS)
    return RosterRow(
        line=line,
        name=name,
        username=half_width(cells.get("username", "")).replace(" ", ""),
        path=path,
        post=half_width(cells.get("duty", "") or cells.get("post", "")),
        role=_role(cells.get("role", "")),
        phone=_phone(cells.get("phone", ""), "phone")
        or _phone(cells.get("landline", ""), "landline"),
        email=_email(cells.get("email", "")),
        from_on=_from_on(cells.get("from", "")),
        is_unit_of_above=is_of_above,
    )


def _name(text: str) -> str:
    """A name without what only spreads or explains it: 王　芳（挂职）."""
    plain = _BRACKETS.sub("", half_width(text)).strip(" *")
    if not plain:
        raise Refused("required", field="name")
    if not plain.isascii():
        plain = plain.replace(" ", "")
    if plain in VACANT:
        raise Refused("roster_vacant", field="name")
    if _SEVERAL.search(plain):
        raise Refused("roster_several_names", field="name", value=plain)
    return plain


def _role(text: str) -> Role | None:
    if half_width(text) in _NOTHING:
        return None
    try:
        return Role.read(half_width(text))
    except ValueError as error:
        allowed = "、".join(role.label for role in Role)
        raise Refused("unknown_word", field="role", value=text, allowed=allowed) from error


def _phone(text: str, field: str) -> str | None:
    if half_width(text) in _NOTHING:
        return None
    try:
        return phone_number(text)
    except ScientificPhoneError as error:
        raise Refused("phone_in_scientific", field=field, value=text) from error
    except ValueError as error:
        raise Refused("bad_phone", field=field, value=text) from error


def _email(text: str) -> str | None:
    if half_width(text) in _NOTHING:
        return None
    try:
        return normalize_address(half_width(text).replace(" ", ""))
    except BadAddressError as error:
        raise Refused(error.code, field="email", value=text) from error


def _from_on(text: str) -> date | None:
    """The date; of a month or a year alone its first day."""
    plain = half_width(text)
    if plain in _NOTHING:
        return None
    if (found := _YEAR_AND_MONTH.fullmatch(plain)) and int(found[2]) in _MONTHS:
        year, month = int(found[1]), int(found[2])
    elif found := _YEAR.fullmatch(plain):
        year, month = int(found[1]), 1
    else:
        try:
            return typed_date(plain)
        except ValueError as error:
            raise Refused("bad_date", field="from", value=text) from error
    if year not in YEARS:
        raise Refused("bad_date", field="from", value=text)
    return date(year, month, 1)
