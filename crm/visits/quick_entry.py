"""A line of text becomes the draft of a visit (快记, ENTRY 1). Pure.

Nothing here is saved: whoever typed the line sees the form with these values, and how sure each is.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from crm.base.clock import at_civil, instant_of
from crm.visits.quick_colleagues import Part, PersonFound, people_in, without_the_away
from crm.visits.quick_companies import (
    companies_of_visit,
    read_companies,
    read_company_of_next,
    talked_about,
)
from crm.visits.quick_dates import DateFound, dates_in, with_length
from crm.visits.quick_draft import Chip, Draft, World
from crm.visits.quick_met import met_in
from crm.visits.quick_names import (
    Certainty,
    city_in,
    known_companies_in,
    unknown_companies_in,
    with_names_read,
)
from crm.visits.quick_steps import step_in
from crm.visits.quick_text import Line, Span, plain
from crm.visits.quick_times import WHOLE_DAY, Hours, hours_in
from crm.visits.quick_visit_dates import (
    AHEAD,
    dates_of_visit,
    end_of_verb_clause,
    planned_part,
    without_given_up,
)
from crm.visits.quick_words import (
    PLANNING,
    NextStep,
    command_in,
    is_planned,
    kinds_in,
    next_steps,
    without_promises,
)
from crm.visits.rules import HOME, Kind, Status, stay_hours

LONGEST = 500  # characters of one entry
MOST_DRAFTS = 5
_HOME_WORDS = re.compile(
    r"(?<![来到从])(?:区里|[本我]区|园区里)(?!的?(?:政策|产业|企业|情况|优势|环境|规划|发展|重点))"
)
_OF_OTHERS = re.compile(  # clauses in which others are somewhere: 对方去年在合肥投了二期
    r"[,。;]\s*(?:对方|企业|公司|他|她|客户|客商|集团|总部|[一-龥]总|去年|目前)[^,。;]*"
)
_LISTED = ("、", "和", "与", "及")
_I_ACCOMPANY = re.compile(r"我(?:也|一起)?(?:陪同|随行|陪着|作陪|随同)")
_TIME = re.compile(
    r"(?:\d{1,2}|[一二两三四五六七八九十]{1,3})(?:点(?![名子评赞出击])|:\d\d)|上午|下午|晚上|中午"
)
PATTERNS = {
    "of_others": _OF_OTHERS,
    "i_accompany": _I_ACCOMPANY,
    "other_time": _TIME,
    "home": _HOME_WORDS,
}


def entries_of(text: str, today: date) -> tuple[list[str], str]:
    """The entries of what was typed, and what is too long or too much for them."""
    kept, left = text[:LONGEST], text[LONGEST:]
    lines = list[str]()
    for line in kept.splitlines():
        pieces = list[str]()
        for piece in re.split(r"(?<=[；;])", line):
            if pieces and not _begins_entry(piece, today):
                pieces[-1] += piece
            else:
                pieces.append(piece)
        lines += [piece.strip(" ；;") for piece in pieces if piece.strip(" ；;")]
    return lines[:MOST_DRAFTS], "\n".join([*lines[MOST_DRAFTS:], *([left] if left else [])])


def _begins_entry(piece: str, today: date) -> bool:
    """Whether the piece after a semicolon has a date of its own, and not only a next step's."""
    text = f"。{plain(piece)}"
    dates = dates_in(text, today, is_ahead=False)
    return bool(dates) and not next_steps(text, dates)


def draft_of(text: str, world: World) -> Draft:
    """The draft of one entry."""
    line, draft = Line(text), Draft(text)
    if command := command_in(line.plain):
        draft.command = command
        return draft

    steps = next_steps(line.plain, dates_in(line.plain, world.today, is_ahead=True))
    head = _without(line.plain, steps)
    said = without_promises(head)  # what is told of the visit itself
    told = without_given_up(said, world.today)
    _read_next(line, draft, steps)

    companies = known_companies_in(line, head, world.known)
    is_ahead = is_planned(planned_part(line, told, world.today))
    named = dates_in(told, world.today, is_ahead=is_ahead)
    dates = dates_of_visit(line, told, named, world.today)
    is_ahead = is_ahead or any(
        AHEAD.search(head, one.span.start, one.span.end) for one in dates[:1]
    )
    is_future = any(one.first_on and one.first_on > world.today for one in dates[:1])
    is_ahead = is_ahead or (is_future and is_planned(told))
    # a visit of the past may tell of plans
    is_ahead = is_ahead and not any(one.is_before(world.today) for one in dates[:1])
    if told != said:
        dates = [replace(one, is_assumed=True) for one in dates]
    for found in dates[:1]:
        line.take(found.span.start, found.span.end)

    kind = _read_kind(line, draft, told)
    _read_time(line, draft, told, dates, world, is_ahead=is_ahead)
    _read_city(line, draft, line.unread(said, kind), world)
    _read_people(line, draft, people_in(line, head, world.colleagues), world)
    unread = with_names_read(line.unread(head, kind), companies)
    companies += unknown_companies_in(line, unread, draft.city, world.cities)
    companies = companies_of_visit(line, sorted(companies, key=lambda found: found.span))
    ends = {one.span.end for one in companies}
    there = without_the_away(head, world.colleagues)
    read_companies(line, draft, companies, met_in(line, there, ends))
    if not draft.companies:
        read_company_of_next(draft, steps, world)
    if is_ahead:
        _read_planning(line, draft, head)

    for subject in talked_about(line, companies):  # the minutes need its words
        line.taken.remove(subject.span)
    draft.step = step_in(head)
    draft.minutes = line.rest()
    if draft.minutes:
        draft.chips["minutes"] = Chip(Certainty.ASSUMED, draft.minutes)
    return draft


def _without(text: str, steps: Sequence[NextStep]) -> str:
    """The text, as long as before, without the next steps."""
    for step in steps:
        start, end = step.span.start, step.span.end
        text = text[:start] + "。" * (end - start) + text[end:]
    return text


def _read_next(line: Line, draft: Draft, steps: Sequence[NextStep]) -> None:
    words = [line.take(step.span.start, step.span.end) for step in steps]
    draft.next_step = "，".join(step.text for step in steps if step.text)
    due = next((step.due for step in steps if step.due), None)
    draft.due_on = due.last_on if due else None
    if draft.next_step:
        certainty = Certainty.ASSUMED if due and due.is_assumed else Certainty.SURE
        draft.chips["next_step"] = Chip(certainty, "，".join(words))


def _read_kind(line: Line, draft: Draft, head: str) -> Span | None:
    # only the last characters: a date may stand within 参加周四的对接会
    kinds = (
        one
        for one in kinds_in(head)
        if line.is_free(max(one.span.start, one.span.end - 2), one.span.end)
    )
    first = next(kinds, None)
    if first is None:
        draft.chips["kind"] = Chip(Certainty.ASSUMED)
        return None
    draft.kind, draft.channel = first.kind, first.channel
    draft.chips["kind"] = Chip(Certainty.SURE, line.take(first.span.start, first.span.end))
    return first.span


def _read_time(  # noqa: PLR0913 - the parts of a moment are read together
    line: Line, draft: Draft, head: str, dates: list[DateFound], world: World, *, is_ahead: bool
) -> None:
    named = dates[0] if dates else None
    words = head[named.span.start : named.span.end] if named else ""
    if named and named.first_on is None:  # 12月35日: the day stays open, the rest is read
        draft.chips["first_on"] = Chip(Certainty.CHOOSE, words)
        draft.status = Status.PLANNED if is_ahead else Status.DONE
        draft.chips["status"] = Chip(Certainty.ASSUMED)
        return

    if named and draft.kind is Kind.RESIDENCY:
        named, lengths = with_length(named, head)
        words = "".join([words, *(line.take(span.start, span.end) for span in lengths)])
    first = named.first_on if named and named.first_on else world.today
    last = named.last_on if named and named.last_on else first
    draft.first_on, draft.last_on = first, last
    hours = hours_in(head, first, dates)
    ends = [one for one in dates[1:] if hours and hours.last_on == one.first_on]
    # a further date: whether the visit was on both days is not said
    is_assumed = (
        named is None or named.is_assumed or named.is_deadline or len(ends) < len(dates) - 1
    )
    draft.chips["first_on"] = Chip(Certainty.ASSUMED if is_assumed else Certainty.SURE, words)
    spans = [*(hours.spans if hours else ()), *(one.span for one in ends)]
    read = [line.take(span.start, span.end) for span in sorted(spans)]
    if hours and hours.last_on > last:
        draft.last_on = hours.last_on
    _set_hours(draft, hours, world, is_ahead=is_ahead)
    starts = replace(draft.chips["starts"], words="，".join(read))
    if any(line.is_free(*one.span()) for one in _TIME.finditer(head)):  # another time is named
        starts = replace(starts, certainty=Certainty.ASSUMED)
    draft.chips["starts"] = starts


def _set_hours(draft: Draft, hours: Hours | None, world: World, *, is_ahead: bool) -> None:
    first, last = draft.first_on or world.today, draft.last_on or world.today
    certainty = Certainty.SURE
    if draft.kind is Kind.RESIDENCY and hours is None:
        draft.starts_at, draft.ends_at = stay_hours(first, last, is_done=False, now=world.now)
    elif hours is None:
        begin, end = WHOLE_DAY
        draft.starts_at, draft.ends_at = at_civil(first, begin), at_civil(last, end)
        is_running = draft.starts_at < world.now < draft.ends_at
        if is_running and not is_ahead:  # of today, without a sign of the future
            draft.ends_at = world.now
        certainty = Certainty.ASSUMED
    else:
        draft.starts_at = instant_of(hours.starts_at)
        ends = (
            hours.ends_at if last == hours.last_on else datetime.combine(last, hours.ends_at.time())
        )
        draft.ends_at = instant_of(ends)
        if hours.is_start_assumed or hours.is_end_assumed:
            certainty = Certainty.ASSUMED
    draft.chips["starts"] = Chip(certainty)

    is_future = draft.ends_at > world.now
    draft.status = Status.PLANNED if is_ahead or is_future else Status.DONE
    if draft.kind is Kind.RESIDENCY and draft.status is Status.DONE:
        draft.starts_at, draft.ends_at = stay_hours(first, last, is_done=True, now=world.now)
    draft.chips["status"] = Chip(draft.chips["first_on"].certainty if is_ahead else certainty)


def _read_planning(line: Line, draft: Draft, head: str) -> None:
    matches = [one for one in PLANNING.finditer(head) if line.is_free(*one.span())]
    if words := [line.take(*one.span()) for one in matches]:
        draft.chips["status"] = Chip(Certainty.SURE, "，".join(words))


def _read_city(line: Line, draft: Draft, head: str, world: World) -> None:
    if home := _HOME_WORDS.search(head):
        draft.city = HOME
        draft.chips["city"] = Chip(Certainty.SURE, line.take(*home.span()))
    elif draft.kind is Kind.RECEPTION:  # a city there is where the guests come from
        draft.city = HOME
        draft.chips["city"] = Chip(Certainty.ASSUMED)
    elif found := city_in(line, _OF_OTHERS.sub(_hidden, head), world.cities):
        span, draft.city, certainty = found
        if span.start >= end_of_verb_clause(line, head):  # of what was talked about, it may be
            certainty = Certainty.ASSUMED
        draft.chips["city"] = Chip(certainty, head[span.start : span.end])
    elif draft.kind is not Kind.REMOTE:
        draft.chips["city"] = Chip(Certainty.CHOOSE)


def _hidden(match: re.Match[str]) -> str:
    return "。" * len(match[0])


def _read_people(line: Line, draft: Draft, people: Sequence[PersonFound], world: World) -> None:
    leaders = [one for one in people if one.part is Part.LEADS]
    if leaders:
        leaders = [_first_of_list(line, people, leaders[0])]
        people = [leaders[0] if one.span == leaders[0].span else one for one in people]
    if people and not leaders and _I_ACCOMPANY.search(line.plain):
        is_one = len(people[0].people) == 1
        certainty = Certainty.ASSUMED if is_one else Certainty.CHOOSE
        leaders = [replace(people[0], certainty=certainty)]
        people = [leaders[0], *people[1:]]
    joined = [one for one in people if one not in leaders[:1]]
    draft.leader_id = world.writer_id

    if leaders:
        first = leaders[0]
        draft.chips["leader_id"] = _chip_of(line, leaders[:1], first)
        draft.leader_id = None if first.certainty is Certainty.CHOOSE else first.people[0].id
        if draft.leader_id not in world.enters_for:
            draft.participant_ids.append(world.writer_id)
    else:
        draft.chips["leader_id"] = Chip(Certainty.ASSUMED)

    for one in joined:
        if one.certainty is not Certainty.CHOOSE and one.people[0].id != draft.leader_id:
            draft.participant_ids.append(one.people[0].id)
    draft.participant_ids = [*dict.fromkeys(draft.participant_ids)]
    if joined:
        unsure = next((one for one in joined if one.certainty is not Certainty.SURE), joined[0])
        draft.chips["participant_ids"] = _chip_of(line, joined, unsure)
    elif draft.participant_ids:
        draft.chips["participant_ids"] = Chip(Certainty.ASSUMED)


def _first_of_list(line: Line, people: Sequence[PersonFound], leader: PersonFound) -> PersonFound:
    """The first of those who are named together to lead: 谭明屿、严书禾带队."""
    first = leader
    for one in reversed([other for other in people if other.span < leader.span]):
        if line.plain[one.span.end : first.span.start] not in _LISTED:
            break
        first = one
    if first is leader:
        return leader
    is_one = len(first.people) == 1
    return replace(first, certainty=Certainty.ASSUMED if is_one else Certainty.CHOOSE)


def _chip_of(line: Line, people: Sequence[PersonFound], unsure: PersonFound) -> Chip:
    """The words for all of the people, with the choice that one of them leaves."""
    words = "、".join(line.text[one.span.start : one.span.end] for one in people)
    options = tuple((person.id, person.name) for person in unsure.people)
    return Chip(unsure.certainty, words, options if len(options) > 1 else ())
