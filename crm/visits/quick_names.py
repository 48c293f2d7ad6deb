"""The companies and cities named in a quick entry (ENTRY 1). Pure."""

import re
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum

from crm.base.value_class import value_class
from crm.visits.quick_lexicon import FAMOUS, POSITION, TITLED_NAME
from crm.visits.quick_orgs import PLACE_BEFORE, companies_named
from crm.visits.quick_text import READ, READ_NAME, Line, Span

SHORTEST_PART = 2  # characters of a name that may stand for it
SHORTEST_INITIALS = 3


class Certainty(StrEnum):
    """How sure a value is; nothing wrong may be sure."""

    SURE = "sure"
    ASSUMED = "assumed"
    CHOOSE = "choose"


@value_class
class Known:
    """What a name stands for: a lead by its title or reference, or a company with its leads."""

    names: tuple[str, ...]  # as names are compared: normal forms, a title, a reference
    initials: tuple[str, ...] = ()
    company: tuple[int, str] | None = None  # id and name
    leads: tuple[tuple[int, str], ...] = ()  # ids and titles


@value_class
class CompanyFound:
    """A company or lead named in the text: known ones that fit, or the name of an unknown one."""

    span: Span
    known: tuple[Known, ...]
    name: str
    certainty: Certainty


TOKEN = re.compile(r"[A-Za-z]{3,}")
_COMPANY_VERB = (
    r"(?:拜访|拜会|走访|考察|调研|参观|接待|对接|联系|会见"
    r"|见到|见了|见|看|找|跑了?|去|到|赴|和|与|跟|陪)"
)
_SHORT_CITIES = dict(
    zip(
        "京沪津渝穗深蓉汉杭宁锡",
        ["北京", "上海", "天津", "重庆", "广州", "深圳", "成都", "武汉", "杭州", "南京", "无锡"],
        strict=True,
    )
)
_SHORT_CITY = re.compile(
    rf"(?:赴|驻|在|抵)(?P<city>[{''.join(_SHORT_CITIES)}])(?=[参拜走考见开驻会对出接与和跟,。;\s]|$)"
)
_COMPANY_OF_CITY = re.compile(FAMOUS)  # 宁德时代
_AND = re.compile(r"市?[和与及、]")
_BEFORE_NAME = re.compile(rf"(?:^|[\s,。;、:({READ}]|{_COMPANY_VERB}|[了的在])$")
_AFTER_NAME = re.compile(
    r"$|[\s,。;、:()]|的|谈|聊|见|了|两家|公司|集团|总|签|[和与跟同及]|商|洽|对接|来|推进|沟通|交流|考察"
)
_PERSON_AFTER = re.compile(rf"{POSITION}|{TITLED_NAME}")
_CITY_PART = re.compile(  # 无锡新区, 常州金坛区
    r"[一-龥]{2}新区|工业园区?|[保高]税区|自贸区|高新区|新区|经开区|开发区|浦东"
    r"|(?!.?[看厂园社校小里])[一-龥]{2}区(?![域间位分别里块])"
)
_NOT_THERE = re.compile(  # 本来要去上海, 从上海去苏州
    r"(?:(?:本来|原本|原来|原定|原计划|原约)[^,。;]{0,14}|(?:[本原]想|[没未不](?:有|能|再|是)?(?:去|到|赴|在)[成过了往]?)[^,。;]{0,4}"
    r"|从|自|路过|途[经径]|经过|取道|离开)$"
)
_BACK = re.compile(r"市?(?:回|返|归)")
_ROAD = re.compile(r"[东南西北中]?(?:路|大道|街|大厦|广场|证券|银行)")
_LEGAL_FORM = re.compile(r"(?:股份)?(?:有限)?(?:责任)?公司|集团")
PATTERNS = {
    "not_there": _NOT_THERE,
    "back": _BACK,
    "token": TOKEN,
    "and": _AND,
    "before_name": _BEFORE_NAME,
    "after_name": _AFTER_NAME,
    "road": _ROAD,
    "city_part": _CITY_PART,
    "famous": _COMPANY_OF_CITY,
    "short_city": _SHORT_CITY,
    "person_after": _PERSON_AFTER,
    "legal_form": _LEGAL_FORM,
}


def known_companies_in(line: Line, text: str, known: Sequence[Known]) -> list[CompanyFound]:
    """Known companies and leads; their words are marked as read."""
    found = [*_whole_names(line, text, [*known, *_titles(known)]), *_initials(line, text, known)]
    return [*found, *_parts_of_names(line, text, known)]


def _titles(known: Sequence[Known]) -> Iterator[Known]:
    """The leads of companies, by their titles."""
    for record in known:
        for lead_id, title in record.leads:
            yield Known((title.lower(),), (), record.company, ((lead_id, title),))


def _whole_names(line: Line, text: str, known: Sequence[Known]) -> Iterator[CompanyFound]:
    lowered = text.lower()
    hits = {
        (match.start(), match.end())
        for record in known
        for name in record.names
        for match in re.finditer(re.escape(name), lowered)
    }
    for start, end in sorted(hits, key=lambda hit: (hit[0] - hit[1], hit)):
        if line.is_free(start, end):
            records = tuple(one for one in known if lowered[start:end] in one.names)
            legal = _LEGAL_FORM.match(text, end)
            yield _found(line, Span(start, legal.end() if legal else end), records, exact=True)


def _initials(line: Line, text: str, known: Sequence[Known]) -> Iterator[CompanyFound]:
    for match in TOKEN.finditer(text):
        records = tuple(one for one in known if match[0].lower() in one.initials)
        if records and line.is_free(*match.span()):
            yield _found(line, Span(*match.span()), records, exact=False)


def _parts_of_names(line: Line, text: str, known: Sequence[Known]) -> Iterator[CompanyFound]:
    """Names of which the text has only the beginning, between words that border a name."""
    longest: dict[Span, list[Known]] = {}
    for record in known:
        for name in record.names:
            for match in re.finditer(re.escape(name[:SHORTEST_PART]), text):
                end = match.start() + _common_length(name, text[match.start() :])
                longest.setdefault(Span(match.start(), end), []).append(record)

    for span in sorted(longest, key=lambda one: (one.start - one.end, one)):
        is_bordered = _borders(line, text, span)
        if is_bordered and line.is_free(span.start, span.end):
            records = tuple(dict.fromkeys(longest[span]))
            yield _found(line, span, records, exact=False)


def _borders(line: Line, text: str, span: Span) -> bool:
    is_begun = _BEFORE_NAME.search(text[: span.start]) or not line.is_free(
        max(0, span.start - 1), span.start
    )
    is_ended = _AFTER_NAME.match(text, span.end) or not line.is_free(span.end, span.end + 1)
    return bool(is_begun and (is_ended or _PERSON_AFTER.match(text, span.end)))


def _common_length(name: str, text: str) -> int:
    pairs = zip(name, text.lower(), strict=False)
    return next(
        (at for at, (one, other) in enumerate(pairs) if one != other), min(len(name), len(text))
    )


def _found(line: Line, span: Span, records: tuple[Known, ...], *, exact: bool) -> CompanyFound:
    words = line.take(span.start, span.end)
    certainty = Certainty.SURE if exact else Certainty.ASSUMED
    if len({record.company or record.leads for record in records}) > 1:
        certainty = Certainty.CHOOSE
    return CompanyFound(span, records, words, certainty)


def with_names_read(text: str, companies: Sequence[CompanyFound]) -> str:
    """The text with marks for the names of companies: none begins right after another."""
    for found in companies:
        start, end = found.span.start, found.span.end
        text = text[:start] + READ_NAME * (end - start) + text[end:]
    return text


def unknown_companies_in(
    line: Line, text: str, city: str, cities: Collection[str]
) -> Iterator[CompanyFound]:
    """Companies that the records do not have."""
    for one in companies_named(line, text, city, cities):
        yield CompanyFound(one.span, (), one.name, Certainty.ASSUMED)


def city_in(line: Line, text: str, cities: Collection[str]) -> tuple[Span, str, Certainty] | None:
    """The city of the text, where what is read is hidden; its words are marked as read."""
    found = [*_cities(text, cities)]
    there = [
        (span, city, certainty)
        for span, city, certainty in found
        if not _NOT_THERE.search(text[: span.start]) or _BACK.match(text, span.end)
    ]
    for span, city, certainty in (there or found)[:1]:
        line.take(span.start, span.end)
        # 去苏州，顺道去无锡; 本来要去太仓
        is_one = {other for _, other, _ in there} == {city}
        return span, city, certainty if is_one else Certainty.ASSUMED
    return _short_city_in(line, text)


def _cities(text: str, cities: Collection[str]) -> Iterator[tuple[Span, str, Certainty]]:
    """The cities of the text, in their order."""
    for start in range(len(text)):
        for length in range(6, 1, -1):
            city, end = text[start : start + length], start + length
            if city not in cities:
                continue
            if _ROAD.match(text, end) or _COMPANY_OF_CITY.match(text, start):
                continue
            is_city = text[end : end + 1] == "市"
            is_sure = is_city or bool(PLACE_BEFORE.search(text[:start]))
            is_one = not _joins_city(text, end, cities)
            if not is_sure and not _BEFORE_NAME.search(text[:start]):
                continue
            part = _CITY_PART.match(text, end + is_city)
            span = Span(start, part.end() if part else end + is_city)
            yield span, city, Certainty.SURE if is_sure and is_one else Certainty.ASSUMED


def _short_city_in(line: Line, text: str) -> tuple[Span, str, Certainty] | None:
    """A city by its one character: 赴京, 在沪."""
    if not (match := _SHORT_CITY.search(text)):
        return None
    span = Span(*match.span("city"))
    line.take(span.start, span.end)
    return span, _SHORT_CITIES[match["city"]], Certainty.ASSUMED


def _joins_city(text: str, end: int, cities: Collection[str]) -> bool:
    """Whether another city follows at once: 常州和无锡."""
    if not (joint := _AND.match(text, end)):
        return False
    return any(text[joint.end() :][:length] in cities for length in range(2, 7))
