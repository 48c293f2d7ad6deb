"""Rows of a bureau's table as rows of a file of visits (ENTRY 6). Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from crm.base.clock import civil
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.names import folded
from crm.base.table_people import OUTSIDER, People, names_in
from crm.base.typed_text import half_width, phone_number
from crm.base.value_class import value_class
from crm.visits.quick_text import plain
from crm.visits.quick_words import kinds_in
from crm.visits.rules import CHANNELS_OF, HOME, Channel, Kind, Status
from crm.visits.table_dates import TitlePeriod, moments
from crm.visits.table_words import CHANNEL_WORDS, KIND_WORDS, STATUS_WORDS

_NUMBERED = re.compile(r"(?:^|(?<=[\s;,。\u4e00-\u9fff)]))\d{1,2}[、.)](?=\D)")
_COMPANY_SEPARATOR = re.compile(r"[、,;/\n]")
_AND_MORE = re.compile(r"等(?:\d+|[一二两三四五六七八九十]+)?(?:家|户)?(?:企业|公司|单位|客商)?$")
_HOME_WORDS = re.compile(r"区里|本区|我区|园区内?|区内")
_KEPT = ("ref", "trip", "logged_at", "entered_at", "verdict")
_TEXTS = ("met", "position", "minutes", "next_step")
Word = TypeVar("Word", bound=LabeledEnum)
Cells = dict[str, str]


@value_class
class Defaults:
    """What holds where the table does not say it."""

    kind: Kind = Kind.OUTREACH
    city: str = ""
    leader: str = ""  # a user name


@value_class
class Reading:
    """By what a table is read: who and what is known, and what its title says."""

    people: People
    leads: Mapping[str, str]  # references by folded title or reference
    cities: frozenset[str]
    title: TitlePeriod
    now: datetime
    defaults: Defaults = field(default_factory=Defaults)


@value_class
class ReadRow:
    """A row as a file of visits has it, and why it cannot be read."""

    cells: Cells
    problems: list[Refused]


def visit_row(cells: Mapping[str, str], reading: Reading) -> ReadRow:
    """The row of these cells by the code of their column."""
    problems: list[Refused] = []
    notes = [cells.get("note", "").strip()]
    row = {code: cells.get(code, "").strip() for code in _KEPT}

    kind, channel = _kind_and_channel(cells, reading, problems)
    row |= {"kind": kind.value, "channel": channel.value}
    leader, companions = _people(cells, reading, notes, problems)
    row |= {"leader": leader, "participants": ";".join(companions)}
    row |= _times(cells, reading, problems)
    row["city"] = _city(cells.get("city", ""), kind, reading)
    if not row["city"] and channel is Channel.IN_PERSON:
        problems.append(Refused("required", field="city"))

    row["leads"] = ";".join(_leads(cells.get("leads", ""), reading, notes))
    row["companies"] = ";".join(companies_in(cells.get("companies", "")))
    row |= {name: cells.get(name, "").strip() for name in _TEXTS}
    row["position"] = _one_line(row["position"])
    row["met"] = _one_line(row["met"])
    row["next_step"] = _one_line(row["next_step"])
    if phone := _phone(cells.get("phone", "")):
        notes.append(f"电话：{phone}")
    row["note"] = "\n".join(filter(None, notes))
    return ReadRow(row, problems)


def companies_in(text: str) -> list[str]:
    """The companies of a cell, each once: they are companies of one visit."""
    lines = "\n".join(map(half_width, re.split(r"\n|\s{2,}", text)))
    parts = _COMPANY_SEPARATOR.split(_NUMBERED.sub("\n", lines))
    names = (_AND_MORE.sub("", part.strip()).strip(" 。.") for part in parts)
    return list({folded(name): name for name in names if name}.values())


def _kind_and_channel(
    cells: Mapping[str, str], reading: Reading, problems: list[Refused]
) -> tuple[Kind, Channel]:
    typed = cells.get("kind", "")
    kind, channel = reading.defaults.kind, None
    if typed.strip():
        found = kinds_in(plain(typed))
        named = _word(typed, Kind, KIND_WORDS)
        if named is None and not found:
            problems.append(_unknown("kind", typed, Kind))
        else:
            kind = named or found[0].kind
            channel = None if named else found[0].channel

    if way := cells.get("channel", "").strip():
        channel = _word(way, Channel, CHANNEL_WORDS)
        if channel is None:
            problems.append(_unknown("channel", way, Channel))
    if channel is None:
        channel = CHANNELS_OF[kind][0]
    return kind, channel


def _unknown(field_name: str, text: str, words: type[LabeledEnum]) -> Refused:
    allowed = "、".join(member.label for member in words)
    return Refused("unknown_word", field=field_name, value=text, allowed=allowed)


def _word(text: str, words: type[Word], synonyms: Mapping[Word, Iterable[str]]) -> Word | None:
    try:
        return words.read(text.strip())
    except ValueError:
        wanted = folded(text)
    return next(
        (member for member, texts in synonyms.items() if wanted in map(folded, texts)), None
    )


def _people(
    cells: Mapping[str, str], reading: Reading, notes: list[str], problems: list[Refused]
) -> tuple[str, list[str]]:
    """The leader's user name and those of the companions; others go into the note."""
    leading, joining = names_in(cells.get("leader", "")), names_in(cells.get("participants", ""))
    if not leading and reading.defaults.leader:
        leading = (reading.defaults.leader,)
    found: list[str] = []
    outsiders = []

    for place, name in enumerate([*leading, *joining]):
        column = "leader" if place < len(leading) else "participants"
        username = reading.people.username(name)
        if username is None:
            problems.append(Refused("person_to_choose", field=column, person=name))
        elif username == OUTSIDER:
            outsiders.append(name)
            if place == 0:
                problems.append(Refused("leader_is_outsider", field=column, person=name))
                reading.people.ask_again(name)  # a slip of the finger must not stay for good
        else:
            found.append(username)

    if outsiders:
        notes.append(f"其他同行人员：{'、'.join(outsiders)}")
    if not leading:
        problems.append(Refused("required", field="leader"))
    people = list(dict.fromkeys(found))
    return (people[0] if people else ""), people[1:]


def _times(cells: Mapping[str, str], reading: Reading, problems: list[Refused]) -> Cells:
    day, hours = cells.get("date", ""), cells.get("hours", "")
    if not day and not cells.get("starts_at"):  # one column says both
        day, hours = hours, ""
    try:
        begin, end = moments(
            day,
            hours,
            reading.title,
            starts=cells.get("starts_at", ""),
            ends=cells.get("ends_at", ""),
        )
    except Refused as why:
        problems.append(why)
        return {"starts_at": "", "ends_at": "", "status": Status.DONE.value}

    status = Status.DONE if end <= reading.now else Status.PLANNED
    if state := cells.get("status", "").strip():
        named = _word(state, Status, STATUS_WORDS)
        if named is None:
            problems.append(_unknown("status", state, Status))
        status = named or status
    return {"starts_at": _text(begin), "ends_at": _text(end), "status": status.value}


@lru_cache(maxsize=10_000)  # as of the `moments` that it writes
def _text(moment: datetime) -> str:
    return civil(moment).replace(tzinfo=None).isoformat()


def _city(text: str, kind: Kind, reading: Reading) -> str:
    """The city that the cell names; a place that holds none stays as it is."""
    place = half_width(text)
    if kind is Kind.REMOTE and not place:
        return ""
    if not place:
        return HOME if kind is Kind.RECEPTION else reading.defaults.city
    if _HOME_WORDS.fullmatch(place):
        return HOME
    return _named_city(place, reading.cities)


@lru_cache(maxsize=10_000)  # a table names the same places again and again
def _named_city(place: str, cities: frozenset[str]) -> str:
    for length in range(min(len(place), 8), 1, -1):
        for start in range(len(place) - length + 1):
            if place[start : start + length] in cities:
                # several cities, or one among other words: 江苏省苏州市工业园区
                rest = place[start + length :]
                is_list = any(mark in place for mark in "、,;/")
                return place if is_list and rest else place[start : start + length]
    return place


def _leads(text: str, reading: Reading, notes: list[str]) -> list[str]:
    """References of the leads that the cell names; what names none goes into the note."""
    refs, others = [], []
    for name in (part.strip() for part in re.split(r"[;\n、]", half_width(text))):
        if not name or name in "无-/":
            continue
        if ref := reading.leads.get(folded(name)):
            refs.append(ref)
        else:
            others.append(name)
    if others:
        notes.append(f"项目：{'、'.join(others)}")
    return list(dict.fromkeys(refs))


def _phone(text: str) -> str:
    """A number as people dial it; what is none stays as it is."""
    try:
        return phone_number(text) if text.strip() else ""
    except ValueError:
        return half_width(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
