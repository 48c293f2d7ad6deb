"""The colleagues who lead or join, in a quick entry (ENTRY 1). Pure."""

import re
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum

from crm.base.value_class import value_class
from crm.visits.quick_met import MET_VERB_BEFORE
from crm.visits.quick_names import TOKEN, Certainty
from crm.visits.quick_text import READ, Line, Span


@value_class
class Colleague:
    """Somebody of the zone; `search` has the name with its pinyin and initials."""

    id: int
    name: str
    search: str = ""


class Part(StrEnum):
    """The part of a colleague in a visit."""

    LEADS = "leads"
    JOINS = "joins"


@value_class
class PersonFound:
    """A colleague named in the text, or several whom the words may mean."""

    span: Span
    part: Part
    people: tuple[Colleague, ...]
    certainty: Certainty


_OFFICE = "副?主任|副?书记|副?局长|副?部长|副?处长|副?科长|副?区长|副?主席|总工|局|部|处|科"
_WITH = r"(?:我)?[和与跟同、]"
_LEADER_BEFORE = re.compile(r"(?:陪同?|跟随|随)(?:同)?$")
_LEADER_AFTER = re.compile(r"(?:同志|主任|书记|局长)?(?:带队|率队|领队)")
_HOSTS_AFTER = re.compile(  # 谭明屿接待
    r"(?:同志|副?(?:主任|书记|局长))?(?:在[^,。;]{1,8})?(?:接待|会见)"
)
_TITLE_AFTER = re.compile(r"同志|副?(?:主任|书记|局长|部长|处长|科长|区长)")
_GAP = re.compile(  # between a name and its word: 谭明屿11月26日（周四）下午带队
    r"[\s()]+|(?:周|星期|礼拜)[一二三四五六日天]|[上下中]午|[早晚]上|\d{1,2}[点时:]\d*[半分]?"
)
_COMPANION_AFTER = re.compile(
    r"(?:[和与跟]我)?(?:(?:一起|一同|同去)?(?:陪同|陪我|参[加会]|[同随]行)|一起|一同|一道)"
)
_TOLD = re.compile(  # who was reported to, sent somebody or stayed away did not join
    r"(?:同志|副?(?:主任|书记|局长))?(?:(?:作了?|做了?|进行了?)?(?:汇报|请示|报告)"
    r"|(?:的)?(?:要求|指示|委托|嘱托|批示)|(?:安排|让|派|叫|要|委托|通知)了?我|通了?个?电话"
    r"|(?:沟通|商量|讨论|研究|通气|碰头|核对)(?:了|过|后|一下|好)|约好|约定|说好|商定|原定|原本|本来"
    r"|(?:(?![去找到赴见看跑,。;]).){0,4}(?:[没未](?:有|能)?(?:去|来|到|参加|出席|随行|同行|陪同)"
    r"|请假|缺席|不[在去来]|出差(?:了|中|未|没|在外)))"
)
_AWAY = re.compile(
    r"(?:[没未不](?:有|能|让|叫|带|由|随|陪|同)*[和与跟同]?|[替代受]|原定由?|本来由?|原本由?|原计划由?|下次[和由请跟]?)$"
)
_COMPANION_BEFORE = re.compile(r"(?:我?[和与跟同]|带[着上了]?|、)$")
_TITLED = re.compile(
    rf"(?P<lead>陪同?|随|跟随)?(?P<with>{_WITH})?(?P<surname>[一-龥]{{1,2}}?)(?P<office>{_OFFICE})"
)
PATTERNS = {
    "leader_before": _LEADER_BEFORE,
    "leader_after": _LEADER_AFTER,
    "hosts_after": _HOSTS_AFTER,
    "gap": _GAP,
    "companion_before": _COMPANION_BEFORE,
    "title_after": _TITLE_AFTER,
    "told": _TOLD,
    "away": _AWAY,
    "companion_after": _COMPANION_AFTER,
    "titled": _TITLED,
}


def people_in(line: Line, text: str, colleagues: Sequence[Colleague]) -> list[PersonFound]:
    """Colleagues who lead or join; their words are marked as read."""
    found = [*_named_people(line, text, colleagues), *_titled_people(line, text, colleagues)]
    return sorted(found, key=lambda person: person.span)


def _named_people(line: Line, text: str, colleagues: Sequence[Colleague]) -> Iterator[PersonFound]:
    tokens = {match[0] for match in TOKEN.finditer(text)}
    hits = [
        (match.start(), match.end(), person)
        for person in colleagues
        for word in (person.name, *_spelled(person, tokens))
        for match in re.finditer(re.escape(word), text)
    ]
    # in their order: a list of names goes on from the one before
    joined_to = -1
    for start, end, person in sorted(hits, key=lambda hit: (hit[0], -hit[1])):
        if not line.is_free(start, end) or _is_away(text, start, end):
            continue
        people = tuple(other for first, last, other in hits if (first, last) == (start, end))
        # a date may stand between: 谭明屿周四带队
        before, after = text[:start], _soon_after(_LEADER_AFTER, line, text, end)
        first, last = start, end
        if leads := _LEADER_BEFORE.search(before):
            first, part = leads.start(), Part.LEADS
        elif after:
            last, part = after.end(), Part.LEADS
        elif (joins := _COMPANION_BEFORE.search(before)) and (
            joins[0] != "、" or joined_to == joins.start()
        ):
            first, part = joins.start(), Part.JOINS
        elif text[start:end] == person.name and not MET_VERB_BEFORE.search(before[-4:]):
            hosts = _soon_after(_HOSTS_AFTER, line, text, end)
            part = Part.LEADS if hosts else Part.JOINS
        else:
            continue
        if part is Part.JOINS and (joined := _COMPANION_AFTER.match(text, end)):
            last = joined.end()
        is_plain = (first, last) == (start, end)  # a name without a word for its part
        if titled := _TITLE_AFTER.match(text, last):
            last = titled.end()
        line.take(first, last)
        joined_to = last
        yield PersonFound(Span(first, last), part, people, _certainty(people, is_plain=is_plain))


def without_the_away(text: str, colleagues: Sequence[Colleague]) -> str:
    """The text with marks for the colleagues who were not there: nobody met has their names."""
    for person in colleagues:
        for match in re.finditer(re.escape(person.name), text):
            start, end = match.span()
            if _is_away(text, start, end):
                text = text[:start] + READ * (end - start) + text[end:]
    return text


def _is_away(text: str, start: int, end: int) -> bool:
    """Whether the person named there was only told, sent somebody, or stayed away."""
    return bool(_AWAY.search(text[:start]) or _TOLD.match(text, end))


def _soon_after(pattern: re.Pattern[str], line: Line, text: str, end: int) -> re.Match[str] | None:
    """The match after a name; a date, of which a part may be read, may stand between."""
    last = line.next_free(end)
    while gap := _GAP.match(text, last):
        last = line.next_free(gap.end())
    places = range(end, last + 1)
    return next(filter(None, (pattern.match(text, at) for at in places)), None)


def _certainty(people: Sequence[Colleague], *, is_plain: bool) -> Certainty:
    if len(people) > 1:
        return Certainty.CHOOSE
    return Certainty.ASSUMED if is_plain else Certainty.SURE


def _spelled(person: Colleague, tokens: Collection[str]) -> Iterator[str]:
    """The tokens that are the person's name in pinyin."""
    words = person.search.split()
    return (token for token in tokens if token.lower() in words)


def _titled_people(line: Line, text: str, colleagues: Sequence[Colleague]) -> Iterator[PersonFound]:
    """A surname with an office: 陪严主任, 严主任带队."""
    at = 0
    while match := _TITLED.search(text, at):
        start, end = match.span()
        at = start + 1
        people = tuple(one for one in colleagues if one.name.startswith(match["surname"]))
        if not people or not line.is_free(start, end) or _is_away(text, start, end):
            continue
        after = _soon_after(_LEADER_AFTER, line, text, end)
        if match["lead"] or after or _soon_after(_HOSTS_AFTER, line, text, end):
            part = Part.LEADS
        elif match["with"] or start == line.clause_at(start).start:
            part = Part.JOINS
        else:
            continue
        at = end = after.end() if after else end
        line.take(start, end)
        yield PersonFound(Span(start, end), part, people, _certainty(people, is_plain=True))
