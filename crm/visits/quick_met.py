"""Those met, with their positions, in a quick entry (ENTRY 1). Pure."""

import re
from collections.abc import Collection, Sequence

from crm.base.value_class import value_class
from crm.visits.quick_lexicon import (
    DEPARTMENT,
    DEPARTMENT_AFTER,
    GIVEN,
    GUESSED_NAME,
    LATIN_NAME,
    NAME,
    NAME_BEFORE_POSITION,
    NICKNAME,
    POSITION,
    POSITIONS,
    RARE_TITLED,
    STRANGER,
    SURNAME,
    TITLED_NAME,
    USUAL,
    any_of,
)
from crm.visits.quick_text import Line, Span, compiled


@value_class
class Counterpart:
    """Somebody met: the words for the person, and the position."""

    span: Span
    name: str
    position: str | None
    is_sure: bool


_BRACKET = r"(?:\s?\((?P<bracket>[^()\d带等谈电手了他她它我刚已没不说想去在]{2,20})\))?"
_TITLED_ONLY = rf"(?!{NAME_BEFORE_POSITION}{POSITION}){TITLED_NAME}"
_WITH_POSITION = (
    rf"(?P<side>(?:[该贵本]|这家)?(?:公司|企业)的?)?"
    rf"(?P<position>{POSITIONS}|{DEPARTMENT}(?={TITLED_NAME}))(?:[的是:]|名?叫)?\s?"
    rf"(?P<name>{_TITLED_ONLY}|{LATIN_NAME}|{NAME}|{NICKNAME}"
    rf"|{NAME_BEFORE_POSITION}(?={POSITION}{NAME})){_BRACKET}"
)
_TITLED = rf"(?P<name>(?!{POSITION}){_TITLED_ONLY}){_BRACKET}"
_NICKNAME = rf"(?P<name>{NICKNAME}){_BRACKET}"
_NAMED_FIRST = (  # 王磊技术总监
    rf"(?P<name>{NAME_BEFORE_POSITION})\s?(?P<after>{POSITIONS}){_BRACKET}"
)
_PLAIN = rf"(?P<name>{NAME}|{LATIN_NAME}){_BRACKET}"
_RARE = rf"(?P<name>{RARE_TITLED}){_BRACKET}"
_GUESSED = rf"(?P<position>{POSITIONS})?\s?(?P<name>{GUESSED_NAME})(?P<bracket>)"
_STRANGER = rf"(?P<position>{POSITIONS})[的是:]?\s?(?P<name>{STRANGER})(?P<bracket>)"
# the surest first: what one pattern has read, the next ones leave
_PATTERNS = {
    "met_position": _WITH_POSITION,
    "met_first": _NAMED_FIRST,
    "met_titled": _TITLED,
    "met_nickname": _NICKNAME,
    "met_plain": _PLAIN,
    "met_rare": _RARE,
    "met_guessed": _GUESSED,
    "met_stranger": _STRANGER,
}
_FULL_NAME = re.compile(rf"{SURNAME}{GIVEN}{USUAL}(?!{GIVEN})|[A-Z]")  # not 华为, 蔚来
# 黄海总经理, 张技术总监: where the name ends is not said
_UNCLEAR = rf"(?!{POSITION}){SURNAME}{GIVEN}{{1,2}}?{POSITION}|{SURNAME}{DEPARTMENT_AFTER}"
_OFFICIAL = re.compile(r"(?:主任|书记|局长?|处长?|科长?|区长)$")  # may be one of us
_INTRODUCED = re.compile(r"[的是叫]$")
_REACH = 40  # characters before a name that the patterns which end there look at
_REACH_OF_CLAUSE = 120
_REACH_OF_WORD = 14
_CLAUSE_END = re.compile(r"\s*(?:[,。;、]|$)")
_VERBS = any_of(
    r"""
    约见 (?<![签合])约 见 见到 会见 会面 对接 接待 联系(?!人|方式) 拜会 拜访 走访 回访 宴请 认识
    碰到 遇到 找 视频 电话 致电 微信 连线
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
_MISSING = r"[没未](?:有|曾)?(?:能够?)?(?:见|找|碰|遇|等|联系|约|碰见|遇见)(?:到|着|上|成|得上)?了?"
_NOT_MET = re.compile(
    rf"{_MISSING}(?:(?![但只而就改先后倒又见碰找约,。;]).){{0,16}}$|(?:本来|原本|原来|原定)[^,。;]{{0,6}}$"
    r"|(?:下次|改天|回头|转告|通过|托|让|由|替|代)$|[本原]想[^,。;]{0,6}$"
    r"|[没未不](?:有|能|是|让|叫)*[和与跟同]$|(?:推荐|引荐|介绍|提[到起及]|说[到起])了?(?:(?![见给认会拜访找谈聊约联对跟和与,。;]).){0,12}$"
)
_ABSENT = (  # 他出差了, 人不在
    r"(?:[但可却又已正刚恰]|可惜|结果|不过|不巧|碰巧|当时|恰好|正好|刚好|临时|因为?|[他她]|对方|本人|人|都|均)*"
    r"(?:不在|没在|未在|出差|外出(?!考察|参观)|出国|休假|请假|生病|开会去|没来|没空|有事)"
)
_NO_USE = r"[^,。;]{0,4}(?:扑了?个?空|未遇|未果|白跑|吃了?闭门羹)"
_UNREACHED = (
    r"(?:[没未](?:有|能)?(?:[见去谈碰约]成|人接|接通|打通|接电话|在|出席|参加|露面|出面|到场)"
    r"|占线|关机|停机|打不通)"
)
_NOBODY = rf"{_MISSING}(?:人|面|本人|时间|[他她])?(?=[\s,。;]|$|[他她人因但说可])"
_MISSED = re.compile(  # 杨总没见到人
    rf"[^,。;]{{0,4}}{_NOBODY}|{_NO_USE}|{_ABSENT}|在[^,。;、]{{1,5}}(?:出差|开会|休假|培训)|在外地|在国外|[^,。;、]{{0,4}}{_UNREACHED}"
    r"|[^,。;、]{0,2}(?:不在|汇报|请示|出差|带队(?:赴|去|到|前往|拜访|走访)|没空|没来|未到|请假|临时有事|手下|助理|秘书|那边|介绍的|推荐的|引荐)"
)
_MISSED_LATER = re.compile(  # 找杨总，他出差了
    rf"[^,。;]{{0,4}}[,。;]\s*(?:{_NOBODY}|{_NO_USE}|{_ABSENT}|[^,。;、]{{0,10}}{_UNREACHED})"
)
_MET_ALREADY = re.compile(r"见[了过]|见到|会见了|会面|碰到|遇到|接待了|拜[访会]了")
_INTENDED = re.compile(r"计划|准备|打算|拟|想|希望|要求|下周|下次|下个?月|明天|后天|改天|回头")
_SPEAKS = re.compile(
    r"(?:也|还|都|当场|现场|明确|一直|又|再次|主动)?(?:表示|提出|提到|反映|介绍|希望|想|要求|说|问|讲|答应|承诺|认为|强调|建议|透露|参加|出席|陪同|作陪|接待|出面|带队|在场|对)"
)
PATTERNS = _PATTERNS | {
    "full_name": _FULL_NAME,
    "unclear": _UNCLEAR,
    "introduced": _INTRODUCED,
    "official": _OFFICIAL,
    "met_verb_before": MET_VERB_BEFORE,
    "clause_end": _CLAUSE_END,
    "met_verb": MET_VERB,
    "not_met": _NOT_MET,
    "missed": _MISSED,
    "intended": _INTENDED,
    "missed_later": _MISSED_LATER,
    "met_already": _MET_ALREADY,
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
    while match := compiled(_PATTERNS[kind]).search(text, at):
        at = match.start() + 1
        group = match.groupdict()
        begin = next(part for part in ("side", "position", "name") if group.get(part))
        span = Span(match.start(begin), match.end())
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
        positions = (group.get("position") or group.get("after"), group["bracket"])
        position = "、".join(filter(None, positions))
        found.append(Counterpart(span, match["name"], position or None, is_sure))
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
    is_intended: bool  # in a clause that tells of what is to come


def _around(
    line: Line,
    text: str,
    span: Span,
    others: Sequence[Counterpart],
    companies: Collection[int],
) -> _Around | None:
    """The words around a name; none where they say that the person was not met, or is of us."""
    bare = text[: span.start].rstrip().removesuffix("的")
    before = text[max(0, span.start - _REACH) : span.start]
    clause = line.clause_at(span.start)
    said = text[max(clause.start, span.start - _REACH_OF_CLAUSE) : span.start]
    is_missed = _MISSED.match(text, span.end) or (
        not _MET_ALREADY.search(said) and _MISSED_LATER.match(text, span.end)
    )
    if _NOT_MET.search(bare[-_REACH:]) or is_missed or _OUR_SIDE.search(before):
        return None
    opened = bare.rstrip(" (")
    is_after_read = _is_read(line, opened)
    is_surely_told = bool(MET_VERB.search(said))
    is_ended = bool(_CLAUSE_END.match(text, span.end))
    return _Around(
        before=before,
        is_of_company=len(opened) in companies,
        is_after_read=is_after_read,
        is_listed=bool(_LISTED.search(before))
        and any(span.start - 2 <= other.span.end <= span.start for other in others),
        is_direct=bool(_MET_BEFORE.search(before)),
        is_begun=is_after_read or bool(_BEGUN.search(before[-_REACH_OF_WORD:])),
        is_surely_told=is_surely_told,
        is_told=is_surely_told or bool(_WITH_BEFORE.search(said)),
        is_alone=is_ended and _is_read(line, bare.rstrip(" ,、:;")),
        is_intended=clause.start > 0 and bool(_INTENDED.search(said)),
        speaks=span.start == clause.start and bool(_SPEAKS.match(text, span.end)),
    )


def _is_sure(
    kind: str, text: str, span: Span, around: _Around, group: dict[str, str | None]
) -> bool | None:
    """Whether the words surely name somebody met; none where they name nobody met."""
    if kind in {"met_guessed", "met_stranger", "met_plain", "met_rare"}:
        has_position = bool(group.get("position"))
        return _is_sure_by_name(kind, text, span, around, has_position=has_position)
    is_clear = _is_clear(kind, text, span) and not around.is_intended
    if around.is_of_company:
        return (kind == "met_first" and not around.is_intended) or is_clear
    is_official = bool(_OFFICIAL.search(text[span.start : span.end]))
    if around.is_listed or around.is_direct:
        return is_clear and not is_official
    if kind == "met_position":
        return around.is_begun and not around.is_intended
    is_sure = around.is_begun and around.is_surely_told and kind == "met_titled" and is_clear
    # 见了两位客商，一位是做刀具的郭总
    is_introduced = _INTRODUCED.search(around.before) and MET_VERB.search(text, 0, span.start)
    is_met = (
        around.is_told or around.is_alone or around.speaks or around.is_after_read or is_introduced
    )
    return is_sure and not is_official if is_met else None


def _is_clear(kind: str, text: str, span: Span) -> bool:
    """Whether the words say where the name ends: 康达总经理 may be of a company."""
    if kind == "met_first":
        return bool(_FULL_NAME.match(text, span.start))
    return kind != "met_titled" or not compiled(_UNCLEAR).match(text, span.start)


def _is_sure_by_name(
    kind: str, text: str, span: Span, around: _Around, *, has_position: bool
) -> bool | None:
    if kind == "met_guessed":
        return False if (has_position and around.is_begun) or around.is_direct else None
    if kind == "met_stranger":
        return False if around.is_direct or around.is_listed or around.is_of_company else None
    is_of_company = around.is_of_company
    if around.is_direct or around.is_listed or (kind == "met_rare" and is_of_company):
        is_full = bool(_FULL_NAME.match(text, span.start))
        return kind == "met_plain" and is_full and not compiled(_UNCLEAR).match(text, span.start)
    is_whole = around.before.endswith("的") or bool(_FULL_NAME.match(text, span.start))
    is_named = is_of_company and around.is_told and is_whole
    return False if is_named or around.is_alone or _COMPANION.search(around.before) else None


def _is_read(line: Line, text: str) -> bool:
    """Whether the last of the text, with which the line begins, is read already."""
    return bool(text) and not line.is_free(len(text) - 1, len(text))
