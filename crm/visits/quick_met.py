"""Those met, with their positions, in a quick entry (ENTRY 1). Pure."""

import re
from collections.abc import Collection, Sequence

from crm.base.value_class import value_class
from crm.visits.quick_text import Line, Span


@value_class
class Counterpart:
    """Somebody met: the words for the person, and the position."""

    span: Span
    name: str
    position: str | None


_DEPARTMENT = (
    r"(?:投资|技术|财务|运营|市场|战略|采购|生产|研发|销售|人力资源|人事|行政"
    r"|项目|工程|质量|设备|商务|法务|规划|招商)"
)
POSITION = (
    rf"(?:(?:{_DEPARTMENT}部(?:门)?的?)?(?:C[EFOT]O|首席[一-龥]{{1,3}}官|集团?副?总裁|秘书长|总工(?!程)|"
    rf"(?:{_DEPARTMENT}|区域|大区|中国区|华东区?|执行|常务)?"
    r"(?:副总(?![裁监经工])|副?总监|副?总经理|副?总裁|副?董事长|副?经理|副?部长|副?厂长|副?院长|副?会长|主管|负责人|创始人|法定代表人|总工程师|合伙人|董事|助理|副?主任|董事会秘书|董秘))"
    rf"|{_DEPARTMENT}部(?:门)?)"
)
_POSITIONS = rf"{POSITION}(?:[、兼]{POSITION})?"
SUFFIX = (
    r"(?:总裁|总监|总经理|经理|董事长|主任|处长|部长|局长|书记|秘书长|院长|校长|主席|会长|厂长|博士|教授|老师"
    r"|先生|女士|小姐|总(?![部装承体投量额结局公])|董|(?<![招用员施开完职民加])工(?![厂业程地艺作人序具资期])|某某|某)"
)
MET = re.compile(
    rf"(?P<position>{_POSITIONS})?\s?(?P<name>(?P<surname>(?:(?![的部])[一-龥]){{1,2}}?)(?:(?:(?![的部])[一-龥]){{0,2}}?){SUFFIX})"
    r"(?:\((?P<bracket>[^()]{2,20})\))?"
)
_NO_NAME = (  # words that begin as surnames do
    r"[谈商洽聊沟对问签说介推一二三四五六七八九十两几]|支持|同意|满意|高兴|关注|强调|应邀|全程|明确"
    r"|项目|经理|安排|车间|方面|单独|门卫|时间|都|新[产项车办区建]"
)
_PLAIN_MET = re.compile(
    rf"(?P<position>{_POSITIONS})?\s?(?P<name>(?!{_NO_NAME})(?:(?![的了说厂])[一-龥]){{2,3}})"
    r"(?:\((?P<bracket>[^()]{2,20})\)|(?=[\s,。;、)]|一行|等|来[区访]|微信|电话|视频|作陪|陪同|接待|出面|介绍|表示|提出|反映|对接|座谈|沟通|交流|洽谈|$))"
)
_CLAUSE_END = re.compile(r"\s*(?:[,。;、]|$)")
MET_VERB = re.compile(r"约了?|见了|见到|会见|对接|接待|联系|拜会|拜访|走访|见|找|视频|电话")
_NOT_MET = re.compile(
    r"[没未](?:有|能)?(?:见|找|碰|遇|联系|约)(?:到|着|上)?了?$|(?:本来|原本|原来|原定)[^,。;]{0,6}$"
)
_MISSED = re.compile(
    r"(?:[^,。;、]{0,4}|[,。;][^,。;、]{0,10})[没未](?:有|能)?(?:[见去谈碰约]成|人接|接通|打通)"
)
_SIDE = re.compile(r"(?:对方|客户|客商|客人)(?:是|为)?")
_MET_BEFORE = re.compile(rf"(?:{MET_VERB.pattern}|{_SIDE.pattern})(?:他们|企业|公司)?$")
PATTERNS = {
    "clause_end": _CLAUSE_END,
    "met": MET,
    "plain_met": _PLAIN_MET,
    "met_verb": MET_VERB,
    "not_met": _NOT_MET,
    "missed": _MISSED,
    "side": _SIDE,
    "met_before": _MET_BEFORE,
}


def met_in(line: Line, text: str, surnames: Collection[str]) -> list[Counterpart]:
    """Those met, with their positions; their words are marked as read."""
    found = list[Counterpart]()
    for pattern, is_plain in ((MET, False), (_PLAIN_MET, True)):
        at = 0
        while match := pattern.search(text, at):
            span = Span(match.start("position" if match["position"] else "name"), match.end())
            if _is_met(line, text, span, match, surnames, found, is_plain=is_plain):
                line.take(span.start, span.end)
                position = match["bracket"] or match["position"]
                found.append(Counterpart(span, match["name"], position))
                at = match.end()
            else:
                at = match.start() + 1
    return sorted(found, key=lambda person: person.span)


def _is_met(  # noqa: PLR0913, PLR0917 - the words around decide
    line: Line,
    text: str,
    span: Span,
    match: re.Match[str],
    surnames: Collection[str],
    found: Sequence[Counterpart],
    *,
    is_plain: bool,
) -> bool:
    """Whether the words name somebody met: after a verb of meeting, a company or another person.

    A name without a title has to follow at once.
    """
    name = match["name"]
    if not (name[0] in surnames or name[:2] in surnames) or not line.is_free(span.start, span.end):
        return False
    if name[0] in "和与同及时商" and len(name) > len("和总") and name[1] in surnames:  # 和李工
        return False
    before = text[: span.start].rstrip().removesuffix("的")
    opened = before.removesuffix("(")
    follows_company = _is_read(line, opened)
    if _NOT_MET.search(before) or _MISSED.match(text, match.end()):
        return False
    if text[: span.start].endswith(("、", "和")) and found:
        return True
    clause = line.clause_at(span.start)
    is_told = bool(MET_VERB.search(text[clause.start : span.start]))
    if is_plain:
        is_verb = bool(_MET_BEFORE.search(before))
        is_of_company = follows_company and is_told and text[: span.start].endswith("的")
        is_begun = text[: span.start].endswith((",", "。", ";", "、", " "))
        has_position = bool(match["position"]) and (follows_company or is_begun)
        return is_verb or has_position or (is_of_company and len(name) > len("新厂"))
    # after a comma only what is nothing but a name: 溟南显示，王总
    is_alone = bool(_CLAUSE_END.match(text, span.end)) and _is_read(line, before.rstrip(" ,、:"))
    is_of_side = bool(re.search(rf"(?:{_SIDE.pattern})$", before))
    return follows_company or is_alone or is_told or is_of_side


def _is_read(line: Line, text: str) -> bool:
    """Whether the last of the text, with which the line begins, is read already."""
    return bool(text) and not line.is_free(len(text) - 1, len(text))
