"""The companies and those met of a quick entry, as rows of its draft (ENTRY 1). Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from crm.visits.quick_draft import Chip, CompanyRow, Draft, World
from crm.visits.quick_met import MET_VERB, Counterpart
from crm.visits.quick_names import Certainty, CompanyFound, known_companies_in
from crm.visits.quick_text import Line
from crm.visits.quick_words import NextStep
from crm.visits.rules import Kind

_COUNT = re.compile(r"[一两二三四五六七八九十\d]+家(?:企业|公司)?")
_TALKED = re.compile(r"(?:[谈聊](?:到|了|及|的是)?|[就对]|推进|推动|围绕|关于|对接|商[谈讨]|洽谈)$")
_AND = {"、", "和", "与", "及"}
_NOT_VISITED = re.compile(
    r"[没未不](?:有|能|再|是)*(?:去|到|看|找|拜访|走访|联系|接待|是)[成过了]?$|(?:不是|并非)$"
)
_VISITED = re.compile(
    rf"(?:{MET_VERB.pattern}|(?<![谈聊提说讲])[去到赴看跑]了?|参观|考察|调研|[和与跟及、]|以及|还有)(?:的)?$"
)
PATTERNS = {
    "count": _COUNT,
    "talked": _TALKED,
    "not_visited": _NOT_VISITED,
    "was_visited": _VISITED,
}


def read_companies(
    line: Line, draft: Draft, companies: Sequence[CompanyFound], met: Sequence[Counterpart]
) -> None:
    rows, options = list[CompanyRow](), dict[int, str]()
    for found in companies:
        row, leads = _company_row(found)
        row = next((one for one in draft.companies if _is_same(one, row)), row)
        rows.append(row)
        if not any(one is row for one in draft.companies):
            draft.companies.append(row)
        if len(leads) == 1 and found.certainty is not Certainty.CHOOSE:
            draft.lead_ids += leads
        if count := _COUNT.match(line.plain[found.span.end :]):
            line.take(found.span.end, found.span.end + count.end())

    draft.lead_ids = [*dict.fromkeys(draft.lead_ids)]
    for found in companies:
        leads = _company_row(found)[1]
        if not leads.keys() & {*draft.lead_ids}:  # a title says which one: 谈智能装备二期
            options |= leads

    for one in met:
        places = [place for place, found in enumerate(companies) if found.span < one.span]
        if not draft.companies:
            draft.companies.append(CompanyRow())
        row = rows[places[-1]] if places else draft.companies[0]
        if one.name in (row.met or "").split("、"):  # 拜访王总，王总表示…
            continue
        row.met = _joined(row.met, one.name)
        row.position = _joined(row.position, one.position)
    _add_chips(line, draft, companies, met, options)


def talked_about(line: Line, companies: Sequence[CompanyFound]) -> list[CompanyFound]:
    """The leads that are named as what was talked about: 谈智能装备二期."""
    talked = list[CompanyFound]()
    for one in companies:
        titles = {title.lower() for each in one.known for _, title in each.leads}
        before = line.plain[: one.span.start]
        goes_on = any(before[other.span.end :] in _AND for other in talked)
        if one.name.lower() in titles and (goes_on or _TALKED.search(before)):
            talked.append(one)
    return talked


def companies_of_visit(line: Line, companies: Sequence[CompanyFound]) -> list[CompanyFound]:
    """The companies visited; one that a later clause names may only have been a subject."""
    kept = list[CompanyFound]()
    for one in companies:
        before = line.plain[: one.span.start]
        if _NOT_VISITED.search(before):
            line.taken.remove(one.span)
            continue
        is_later = kept and kept[0].span.end <= line.clause_at(one.span.start).start
        if is_later and not _VISITED.search(before) and not _is_known_of(one, kept):
            certainty = max(one.certainty, Certainty.ASSUMED, key=list(Certainty).index)
            one = replace(one, certainty=certainty)  # noqa: PLW2901 - the same, less sure
        kept.append(one)
    return kept


def _is_known_of(one: CompanyFound, others: Sequence[CompanyFound]) -> bool:
    """Whether the company is one of the others."""
    known = {each.company for other in others for each in other.known}
    return any(each.company in known for each in one.known)


def read_company_of_next(draft: Draft, steps: Sequence[NextStep], world: World) -> None:
    """A company that only the next step names: it may be the one of the visit."""
    line = Line("。".join(step.text for step in steps))
    found = known_companies_in(line, line.plain, world.known)
    if found:
        read_companies(
            line,
            draft,
            [
                replace(
                    one, certainty=max(one.certainty, Certainty.ASSUMED, key=list(Certainty).index)
                )
                for one in found
            ],
            (),
        )


def _is_same(one: CompanyRow, other: CompanyRow) -> bool:
    """Whether both are one company, named twice."""
    return bool(one.name) and (one.company_id, one.name) == (other.company_id, other.name)


def _joined(*texts: str | None) -> str | None:
    return "、".join(filter(None, texts)) or None


def _company_row(found: CompanyFound) -> tuple[CompanyRow, dict[int, str]]:
    """The row of the company, and the leads that the words may mean."""
    leads = {lead_id: title for one in found.known for lead_id, title in one.leads}
    companies = {one.company for one in found.known if one.company}
    if len(companies) == 1:
        company_id, name = next(iter(companies))
        return CompanyRow(company_id, name), leads
    return CompanyRow(None, "" if found.known else found.name), leads


def _add_chips(
    line: Line,
    draft: Draft,
    companies: Sequence[CompanyFound],
    met: Sequence[Counterpart],
    options: Mapping[int, str],
) -> None:
    if companies:
        order = list(Certainty)
        worst = max(companies, key=lambda one: order.index(one.certainty))
        words = "、".join(line.text[one.span.start : one.span.end] for one in companies)
        certainty = Certainty.CHOOSE if options else worst.certainty
        draft.chips["companies"] = Chip(worst.certainty, words)
        if draft.lead_ids or options:
            draft.chips["lead_ids"] = Chip(certainty, words, tuple(options.items()))
    elif draft.kind in {Kind.OUTREACH, Kind.RECEPTION, Kind.REMOTE}:
        draft.chips["companies"] = Chip(Certainty.CHOOSE)
    if met:
        words = "、".join(line.text[one.span.start : one.span.end] for one in met)
        is_sure = all(one.is_sure for one in met)
        draft.chips["met"] = Chip(Certainty.SURE if is_sure else Certainty.ASSUMED, words)
