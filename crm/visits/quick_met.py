"""Those met, with their positions, in a quick entry (ENTRY 1). Pure."""

import re
from collections.abc import Collection, Sequence

from crm.base.value_class import value_class
from crm.visits.quick_lexicon import (
    DEPARTMENT,
    GIVEN,
    GUESSED_NAME,
    LATIN_NAME,
    NAME,
    NICKNAME,
    POSITION,
    POSITIONS,
    RARE_TITLED,
    SURNAME,
    TITLED_NAME,
    USUAL,
    any_of,
)
from crm.visits.quick_text import Line, Span


@value_class
class Counterpart:
    """Somebody met: the words for the person, and the position."""

    span: Span
    name: str
    position: str | None
    is_sure: bool


_BRACKET = r"(?:\s?\((?P<bracket>[^()\d带等谈电手了]{2,20})\))?"
_WITH_POSITION = re.compile(
    rf"(?P<position>{POSITIONS}|{DEPARTMENT}(?={TITLED_NAME}))(?:[的是:]|名?叫)?\s?"
    rf"(?P<name>{TITLED_NAME}|{LATIN_NAME}|{NAME}|{NICKNAME}){_BRACKET}"
)
_TITLED = re.compile(rf"(?P<name>(?!{POSITION}){TITLED_NAME}){_BRACKET}")
_NICKNAME = re.compile(rf"(?P<name>{NICKNAME}){_BRACKET}")
_NAMED_FIRST = re.compile(  # 王磊技术总监
    rf"(?P<name>{SURNAME}{GIVEN}{{1,2}}?)\s?(?P<after>{POSITION}){_BRACKET}"
)
_PLAIN = re.compile(rf"(?P<name>{NAME}|{LATIN_NAME}){_BRACKET}")
_RARE = re.compile(rf"(?P<name>{RARE_TITLED}){_BRACKET}")
_GUESSED = re.compile(rf"(?P<position>{POSITIONS})?\s?(?P<name>{GUESSED_NAME})(?P<bracket>)")
# the surest first: what one pattern has read, the next ones leave
_PATTERNS = {
    "met_position": _WITH_POSITION,
    "met_titled": _TITLED,
    "met_nickname": _NICKNAME,
    "met_first": _NAMED_FIRST,
    "met_plain": _PLAIN,
    "met_rare": _RARE,
    "met_guessed": _GUESSED,
}
_FULL_NAME = re.compile(rf"{SURNAME}{GIVEN}{USUAL}(?!{GIVEN})|[A-Z]")  # not 华为, 蔚来
_OFFICIAL = re.compile(r"(?:主任|书记|局长?|处长?|科长?|区长)$")  # may be one of us
_INTRODUCED = re.compile(r"[的是叫]$")
_CLAUSE_END = re.compile(r"\s*(?:[,。;、]|$)")
_VERBS = any_of(
    """
    约见 约 见 见到 会见 会面 对接 接待 联系 拜会 拜访 走访 回访 宴请 认识 碰到 遇到 找 视频
    电话 致电 微信 连线
    """
)
_VERB = rf"{_VERBS}了?(?:过|上)?"
MET_VERB = re.compile(_VERB)
MET_VERB_BEFORE = re.compile(rf"{_VERB}$")
_WITH = r"(?:我?[跟和与同给向]|约|请|问了?)"
_SIDES = any_of(
    """
    对方 客户 客商 客人 企业 公司 厂家 来宾 外商 台商 侨商 港商 校友 老乡 专家 教授 那边
    """
)
_SIDE = rf"(?:(?:{_SIDES}|(?:参会|与会|出席|参加)人员?)[是为叫:]?)"
_LISTED = re.compile(r"(?:[、和与及]|以及|还有)$")
_MET_BEFORE = re.compile(rf"(?:{_VERB}|{_SIDE})(?:到|了)?(?:他们|企业|公司|客商)?(?:的)?\s?$")
_BEGUN = re.compile(rf"(?:^|[\s,。;:、()]|的|{_VERB}|{_WITH}|{_SIDE})$")
_COMPANION = re.compile(rf"{_WITH}$")
_WITH_BEFORE = re.compile(r"[跟和与同给向]")
_OUR_SIDE = re.compile(
    r"(?:同事|我局|我委|我办|本局|我们局|招商局|服务局|服务中心|管委会|开发区|园区|局里|委里|办公室|司机)(?:的)?$"
)
_NOT_MET = re.compile(
    r"[没未](?:有|能)?(?:见|找|碰|遇|联系|约)(?:到|着|上)?了?$|(?:本来|原本|原来|原定)[^,。;]{0,6}$"
    r"|(?:下次|改天|回头|转告|通过|托|让|由)$"
)
_MISSED = re.compile(
    r"(?:[^,。;、]{0,4}|[,。;][^,。;、]{0,10})[没未](?:有|能)?(?:[见去谈碰约]成|人接|接通|打通|接电话|在)"
    r"|[^,。;、]{0,2}(?:不在|汇报|请示|出差|没空|没来|未到|请假|临时有事|手下|助理|秘书|那边|介绍的|推荐的|引荐)"
)
_SPEAKS = re.compile(
    r"(?:也|还|都|当场|现场|明确|一直|又|再次|主动)?(?:表示|提出|提到|反映|介绍|希望|想|要求|说|问|讲|答应|承诺|认为|强调|建议|透露|参加|出席|陪同|作陪|接待|出面|带队|在场|对)"
)
PATTERNS = _PATTERNS | {
    "full_name": _FULL_NAME,
    "introduced": _INTRODUCED,
    "official": _OFFICIAL,
    "met_verb_before": MET_VERB_BEFORE,
    "clause_end": _CLAUSE_END,
    "met_verb": MET_VERB,
    "not_met": _NOT_MET,
    "missed": _MISSED,
    "met_before": _MET_BEFORE,
    "begun": _BEGUN,
    "companion": _COMPANION,
    "with_before": _WITH_BEFORE,
    "our_side": _OUR_SIDE,
    "listed": _LISTED,
    "speaks": _SPEAKS,
}


def met_in(line: Line, text: str, companies: Collection[int]) -> list[Counterpart]:
    """Those met, with their positions, where companies end at those places.

    Their words are marked as read.
    """
    found = list[Counterpart]()
    for kind in _PATTERNS:
        found += _met_by(kind, line, text, found, companies)
    return sorted(found, key=lambda person: person.span)


def _met_by(
    kind: str,
    line: Line,
    text: str,
    others: Sequence[Counterpart],
    companies: Collection[int],
) -> list[Counterpart]:
    found, at = list[Counterpart](), 0
    while match := _PATTERNS[kind].search(text, at):
        at = match.start() + 1
        group = match.groupdict()
        span = Span(match.start("position" if group.get("position") else "name"), match.end())
        if not line.is_free(span.start, span.end):  # Alice Wang（溟南显示）
            span, group["bracket"] = (
                Span(span.start, match.end("after" if group.get("after") else "name")),
                None,
            )
        if not line.is_free(span.start, span.end):
            continue
        around = _around(line, text, span, [*others, *found], companies)
        is_sure = None if around is None else _is_sure(kind, text, span, around, group)
        if is_sure is None:
            continue
        line.take(span.start, span.end)
        position = group["bracket"] or group.get("position") or group.get("after")
        found.append(Counterpart(span, match["name"], position, is_sure))
        at = span.end
    return found


@value_class
class _Around:
    """What the words around a name say of it."""

    before: str
    is_of_company: bool  # right after one
    is_after_read: bool
    is_listed: bool  # after another person
    is_direct: bool  # after a verb of meeting
    is_begun: bool  # where a name may begin
    is_surely_told: bool  # such a verb is in the clause
    is_told: bool
    is_alone: bool  # nothing but a name between two marks
    speaks: bool


def _around(
    line: Line,
    text: str,
    span: Span,
    others: Sequence[Counterpart],
    companies: Collection[int],
) -> _Around | None:
    """The words around a name; none where they say that the person was not met, or is of us."""
    before = text[: span.start]
    bare = before.rstrip().removesuffix("的")
    if _NOT_MET.search(bare) or _MISSED.match(text, span.end) or _OUR_SIDE.search(before):
        return None
    clause = line.clause_at(span.start)
    said = text[clause.start : span.start]
    opened = bare.rstrip(" (")
    is_after_read = _is_read(line, opened)
    is_surely_told = bool(MET_VERB.search(said))
    is_ended = bool(_CLAUSE_END.match(text, span.end))
    return _Around(
        before=before,
        is_of_company=len(opened) in companies,
        is_after_read=is_after_read,
        is_listed=bool(_LISTED.search(before))
        and any(other.span < span and other.span.end >= span.start - 2 for other in others),
        is_direct=bool(_MET_BEFORE.search(before)),
        is_begun=is_after_read or bool(_BEGUN.search(before)),
        is_surely_told=is_surely_told,
        is_told=is_surely_told or bool(_WITH_BEFORE.search(said)),
        is_alone=is_ended and _is_read(line, bare.rstrip(" ,、:;")),
        speaks=span.start == clause.start and bool(_SPEAKS.match(text, span.end)),
    )


def _is_sure(
    kind: str, text: str, span: Span, around: _Around, group: dict[str, str | None]
) -> bool | None:
    """Whether the words surely name somebody met; none where they name nobody met."""
    if kind in {"met_guessed", "met_plain", "met_rare"}:
        has_position = bool(group.get("position"))
        return _is_sure_by_name(kind, text, span, around, has_position=has_position)
    if around.is_of_company:
        return True
    is_official = bool(_OFFICIAL.search(text[span.start : span.end]))
    if around.is_listed or around.is_direct:
        return not is_official
    if kind == "met_position":
        return around.is_begun
    is_sure = around.is_begun and around.is_surely_told and kind == "met_titled" and not is_official
    # 见了两位客商，一位是做刀具的郭总
    is_introduced = _INTRODUCED.search(around.before) and MET_VERB.search(around.before)
    is_met = (
        around.is_told or around.is_alone or around.speaks or around.is_after_read or is_introduced
    )
    return is_sure if is_met else None


def _is_sure_by_name(
    kind: str, text: str, span: Span, around: _Around, *, has_position: bool
) -> bool | None:
    if kind == "met_guessed":
        return False if (has_position and around.is_begun) or around.is_direct else None
    is_of_company = around.is_of_company
    if around.is_direct or around.is_listed or (kind == "met_rare" and is_of_company):
        return kind == "met_plain" and bool(_FULL_NAME.match(text, span.start))
    is_named = is_of_company and around.is_told and around.before.endswith("的")
    return False if is_named or around.is_alone or _COMPANION.search(around.before) else None


def _is_read(line: Line, text: str) -> bool:
    """Whether the last of the text, with which the line begins, is read already."""
    return bool(text) and not line.is_free(len(text) - 1, len(text))
