"""The cells of a bureau's row of records, put as a file of ours has them (ENTRY 6). Pure."""

import re
from base64 import b32encode
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from hashlib import sha256

from crm.base.errors import Refused
from crm.base.money import Currency, parse_amount
from crm.base.names import folded
from crm.base.sheets import Row, Sheet
from crm.base.table_columns import cells_by_code
from crm.base.table_heads import Table, TableRow, heading
from crm.base.table_people import OUTSIDER, People, names_in
from crm.base.typed_dates import typed_date, typed_moment
from crm.base.typed_text import half_width
from crm.imports.record_kinds import RecordKind
from crm.visits.table_dates import TitlePeriod, first_and_last, one_day

SURELY_YUAN = 10_000_000  # as 万元 it would be 1,000亿: a plain number of that size is in yuan
_UNIT = re.compile(r"([亿万]?(?:元|人民币|美元|欧元|港元|日元)|[亿万])[)\]】]?$")
_SEVERAL = re.compile(r"[、,，;；/\n|]")
_LENGTH_OF_REF = 8


@dataclass(slots=True)
class RecordReader:
    """Reads rows of a table; what cannot be read goes to the sheet as a problem."""

    kind: RecordKind
    codes: Sequence[str]  # of the columns of the table
    table: Table
    title: TitlePeriod
    people: People
    leads: Mapping[str, str]  # references by folded reference, title or company
    _refs: Counter[str] = field(default_factory=Counter)

    def row(self, sheet: Sheet, row: TableRow) -> Row | None:
        """The row with the cells of a file of ours; none where one cannot be read."""
        cells = cells_by_code(row, self.codes)
        before = len(sheet.problems)
        for place in row.valueless:
            if self.codes[place]:
                name = f"{self.table.headings[place]}（第 {row.line} 行）"
                sheet.add_problem(row.line, Refused("cell_without_value", cell=name))
        for read in (self._dates, self._money):
            for code, value in list(cells.items()):
                cells |= sheet.ask(row.line, lambda: read(code, value, cells)) or {}  # noqa: B023 - asked at once
        if len(sheet.problems) > before:
            return None

        cells.pop("dates", None)
        for code, value in cells.items():
            cells[code] = self._named(code, value)
        if self.kind.makes_refs and not cells.get("ref"):
            cells["ref"] = self._ref(cells)
        missing = {c.code: "" for c in self.kind.columns if not (c.optional or c.shown_only)}
        return Row(row.line, missing | cells)

    def _dates(self, code: str, text: str, cells: Mapping[str, str]) -> dict[str, str]:
        """The date in one form; both dates where the cell holds them and no other does."""
        if not text or code not in {*self.kind.dates, *self.kind.moments, "dates"}:
            return {}
        if code == "dates" or (code == "from" and not cells.get("to")):
            if code == "dates" and cells.get("from"):
                return {}
            first, last = first_and_last(text, self.title, code)
            return {"from": first.isoformat(), "to": cells.get("to") or last.isoformat()}
        if _is_read(typed_date, text) or (
            code in self.kind.moments and _is_read(typed_moment, text)
        ):
            return {}
        return {code: one_day(text, self.title, code).isoformat()}

    def _money(self, code: str, text: str, cells: Mapping[str, str]) -> dict[str, str]:
        """The amount with the unit of its heading or of the table."""
        if not text or code not in self.kind.amounts:
            return {}
        of_currency = self.kind.amounts[code]
        names_currency = bool(cells.get(of_currency or f"{code}_currency") or cells.get("currency"))
        if (plain := _number(text)) is not None:
            unit = _unit_of(self.table.headings[self.codes.index(code)]) or self.table.money_unit
            if not unit:
                if names_currency or not plain or abs(plain) >= SURELY_YUAN:
                    return {}
                raise Refused("figure_without_unit", field=code, value=text)
            text = f"{plain:f}{unit}"
        if not of_currency:
            return {code: text}
        try:
            value, currency = parse_amount(text.removeprefix("-"))
        except ValueError as error:
            raise Refused("bad_figure", field=code, value=text) from error
        sign = "-" if text.startswith("-") else ""
        given = {} if names_currency or currency is Currency.CNY else {of_currency: currency.label}
        return {code: f"{sign}{value:f}", **given}

    def _named(self, code: str, text: str) -> str:
        """The text with user names for names, references for titles, and our words."""
        if code in self.kind.lists and code not in self.kind.people:
            return ";".join(part.strip() for part in _SEVERAL.split(text))
        if code in self.kind.people:
            return ";".join(self._person(name) for name in names_in(text)) or text
        if code in self.kind.leads:
            return self.leads.get(folded(text), text)
        return self.kind.words.get(code, {}).get(half_width(text).replace(" ", ""), text)

    def _person(self, name: str) -> str:
        username = self.people.username(name)
        if username == OUTSIDER:  # as was chosen for a table of visits; a record needs somebody
            self.people.ask_again(name)
        return username or name

    def _ref(self, cells: Mapping[str, str]) -> str:
        """The same for the same row, so that a table imported again adds nothing."""
        facts = "|".join(cells.get(code, "") for code in ("lead", "arrived_on", "amount", "payer"))
        self._refs[facts] += 1  # two alike in one table are two
        digest = sha256(f"{facts}|{self._refs[facts]}".encode()).digest()
        on = cells.get("arrived_on", "")[2:10].replace("-", "")
        return f"R{on}-{b32encode(digest).decode()[:_LENGTH_OF_REF]}"


def _is_read(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(half_width(text).replace(",", ""))
    except InvalidOperation:
        return None


def _unit_of(text: str) -> str:
    found = _UNIT.search(heading(text))
    return found[1] if found else ""
