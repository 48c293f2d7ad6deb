"""Which of the dates in a quick entry are the visit's (ENTRY 1). Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from crm.visits.quick_dates import DateFound, dates_in
from crm.visits.quick_met import MET_VERB
from crm.visits.quick_text import Line, Span

AHEAD = re.compile(r"下|月底|过[几两三些]天|过阵子|改")  # in a date that is still to come
# the verbs of a visit; the date of another clause after theirs is of what was talked about
_VISITS = re.compile(
    rf"(?:{MET_VERB.pattern})|接待|来访|来区|驻|赴|去|跑|看了|参加|出席|会议|通话|邮件|上门|谈|聊|沟通|交流"
)
_TALK = re.compile(
    r"[谈聊说问讲催]|介绍|了解|讨论|要求|希望|提出|表示|沟通|反映|商量|汇报|确认|关于"
)
_HALF = r"上午|下午|中午|晚上|早上|\d+[点:]\d*半?"
_PLACE = re.compile(
    rf"[在于去到赴了的,。;、\s]|{_HALF}|(?<=[在于去到赴午上点半\s])[一-龥]{{2,3}}(?:市|见面?|[会碰]面|碰头)?$"
)
_PLANS = re.compile(r"\s*(?:计划|准备|打算|拟)$")
_ONLY_TIME = re.compile(rf"(?:{_HALF}|[,。;\s])*$")
# signs that the visit has happened; what is still to come is of what was talked about then
_HAPPENED = re.compile(
    r"^(?!.*(?<![签预合])约(?!见)).*?"
    r"(?:刚[才刚]|(?:^|[\s我们午天])刚(?![性需好毅要想准])|(?<![好定为除请到不免])了(?![解不吗却吧]))"
)
_WAS_PLANNED = re.compile(r"(?:原定|原本|本来|原来|原计划|原约)[^,。;]{0,3}$")
_GIVEN_UP = re.compile(r"(?:原定|原计划|原约|原本|本来|原来)[^,。;]*")
_HEDGED = re.compile(
    r"(?:大概|大约|好像|可能|应该|估计|似乎|记得|也许|不记得)(?:就|也)?是?(?:在|去)?$"
)
_HEDGED_AFTER = re.compile(r"左右|前后|上下|吧")
_FEW = 2  # characters beside a date in a clause of its own
PATTERNS = {
    "visits": _VISITS,
    "talk": _TALK,
    "was_planned": _WAS_PLANNED,
    "given_up": _GIVEN_UP,
    "hedged": _HEDGED,
    "hedged_after": _HEDGED_AFTER,
    "place": _PLACE,
    "only_time": _ONLY_TIME,
    "plans": _PLANS,
    "happened": _HAPPENED,
    "ahead": AHEAD,
}


def without_given_up(told: str, today: date) -> str:
    """The text, as long as before, without a plan that another day's visit replaced."""
    plan = _GIVEN_UP.search(told)
    if plan is None or not _VISITS.search(told, plan.end()):
        return told
    parts = (plan[0], told[plan.end() :], told[: plan.start()])
    planned, later, earlier = (dates_in(part, today, is_ahead=False) for part in parts)
    if earlier or not (planned and later):
        return told
    return told[: plan.start()] + "。" * len(plan[0]) + told[plan.end() :]


def planned_part(line: Line, told: str, today: date) -> str:
    """Where plans are of the visit: up to the clause of its verb, if that has a date."""
    part = told[: end_of_verb_clause(line, told)]
    is_of_visit = _has_happened(line, told) or dates_in(part, today, is_ahead=False)
    return part if is_of_visit else told


def end_of_verb_clause(line: Line, told: str) -> int:
    """Where the clause with the verb of the visit ends."""
    verb = _VISITS.search(told)
    return line.clause_at(verb.start()).end if verb else len(told)


def _has_happened(line: Line, told: str) -> bool:
    """Whether the clause with the verb of the visit says that it has happened."""
    end = end_of_verb_clause(line, told)
    return bool(_HAPPENED.search(told[line.clause_at(end - 1).start : end]))


def _is_bare(told: str, found: DateFound, clause: Span) -> bool:
    """Whether the clause has nothing but the date, with a time or a place."""
    before, after = told[clause.start : found.span.start], told[found.span.end : clause.end]
    if _PLANS.match(before):  # 计划下周见王总
        return True
    subject = _PLACE.sub("", before)  # 设备月底到港 is not of the visit
    is_short = len(subject + _PLACE.sub("", after)) <= _FEW
    return is_short and bool(not subject or _ONLY_TIME.match(after))


def dates_of_visit(
    line: Line, told: str, dates: Sequence[DateFound], today: date
) -> list[DateFound]:
    """The dates that are not of what is talked about: in its clause, or in one of their own."""
    anchor, has_verb = end_of_verb_clause(line, told), bool(_VISITS.search(told))
    has_happened = _has_happened(line, told)
    kept = list[DateFound]()
    for found in dates:
        start, end = found.span.start, found.span.end
        was_planned = _WAS_PLANNED.search(told[:start])
        if (was_planned and len(dates) > 1) or not line.is_free(start, end):
            continue
        if was_planned or _HEDGED.search(told[:start]) or _HEDGED_AFTER.match(told, end):
            found = replace(found, is_assumed=True)  # noqa: PLW2901 - the same, less sure
        clause = line.clause_at(start)
        is_ahead = found.first_on > today if found.first_on else AHEAD.search(told, start, end)
        if has_happened and start >= anchor and is_ahead:
            continue
        is_bare = _is_bare(told, found, clause)
        if start < anchor or is_bare:
            is_talk = bool(kept or has_verb) and bool(_TALK.search(told, clause.start, start))
            if is_talk and not is_bare:
                if kept or found.first_on is None:
                    continue
                kept.append(replace(found, is_assumed=True))
            else:
                kept.append(found)
    return kept
