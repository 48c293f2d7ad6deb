"""The times of day in a quick entry (ENTRY 1). Pure."""

import re
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.visits.quick_dates import DateFound
from crm.visits.quick_text import NUMBER, Span, number

WHOLE_DAY = time(9), time(17)
_MORNING = time(9), time(11, 30)
_AFTERNOON = time(14), time(16)
_EVENING = time(19), time(21)
_HALVES = {
    "凌晨": _MORNING,
    "一早": _MORNING,
    "一大早": _MORNING,
    "早上": _MORNING,
    "早晨": _MORNING,
    "上午": _MORNING,
    "中午": (time(12), time(13, 30)),
    "下午": _AFTERNOON,
    "傍晚": _EVENING,
    "晚上": _EVENING,
    "夜里": _EVENING,
}
_LATER = {"下午", "傍晚", "晚上", "夜里", "中午"}
_NIGHT = {"晚上", "夜里"}
_MORNING_HOURS = range(6, 12)
_EVENING_HOURS = range(5, 12)
_HOURS_OF = {  # that a half day may have, where they alone do not say it
    "中午": range(1, 3),
    "下午": range(1, 7),
    "傍晚": _EVENING_HOURS,
    "晚上": _EVENING_HOURS,
    "夜里": _EVENING_HOURS,
}
_FIRST_AFTERNOON, _LAST_AFTERNOON = 1, 6  # hours that alone are of the afternoon
_NOON, _LAST_HOUR = 12, 24
_PART = "凌晨|一大?早(?!上)|早上|早晨|上午|中午|下午|傍晚|晚上|夜里"
_CLOCK = (
    rf"(?P<hour>{NUMBER})(?:"
    rf"[点时](?![建意要想需诉希办间])(?:(?P<half>半)|(?P<quarter>[一三])刻|(?P<minute>{NUMBER})分?|钟|整)?"
    r"|:(?P<minute2>\d\d))"
)
_TIME = re.compile(rf"(?P<part>{_PART})?\s*(?:{_CLOCK})|(?P<alone>{_PART})")
_NO_MINUTES = "(?<![:点时0-9零〇一二两三四五六七八九十])"  # of 9:30-11点
_HOURS = re.compile(  # 2-4点
    rf"(?P<part>{_PART})?\s*{_NO_MINUTES}(?P<first>{NUMBER})\s*[-~至到]\s*(?P<last>{NUMBER})[点时](?!间)(?P<half>半)?"
)
_RANGE = re.compile(r"\s*(?:-|~|至|到)\s*")
_UNTIL = re.compile(r"(?:聊|谈|开|坐|待|忙|讨论|一直|持续|直)*(?:到|至)\s*$")
PATTERNS = {"time": _TIME, "hours": _HOURS, "until": _UNTIL}


@value_class
class Hours:
    """From when to when on a day or over several, in civil time."""

    spans: tuple[Span, ...]
    starts_at: datetime
    ends_at: datetime
    is_start_assumed: bool = False
    is_end_assumed: bool = False

    @property
    def last_on(self) -> date:
        """The date of the end."""
        return self.ends_at.date()


@value_class
class _Clock:
    """A time of day as it is written."""

    span: Span
    minutes: int  # of the day
    part: str = ""

    @property
    def is_bare(self) -> bool:
        """Whether it may be of the morning or of the afternoon."""
        return not self.part and self.minutes < _NOON * 60


def hours_in(text: str, on: date, dates: list[DateFound]) -> Hours | None:
    """The hours that the text names for the day; none where it names no time."""
    hours = _HOURS.search(text)
    if hours and max(number(hours["first"]), number(hours["last"])) <= _LAST_HOUR:
        first = _clock(Span(*hours.span()), number(hours["first"]), 0, hours["part"] or "")
        minute = 30 if hours["half"] else 0
        last = _clock(first.span, number(hours["last"]), minute, hours["part"] or "")
        return _between(first, last, on)

    clocks = [clock for match in _TIME.finditer(text) if (clock := _read(match, dates))]
    exact = [_of_part(clock, clocks) for clock in clocks if clock.minutes >= 0]
    if not exact:
        return _half_day(clocks, dates, on)

    start = exact[0]
    if until := _UNTIL.search(text[: start.span.start]):
        return _until(start, Span(until.start(), start.span.end), clocks, on)
    end = _end_of(text, start, exact[1], dates) if len(exact) > 1 else None
    if end is None:
        return _one_hour(start, on)
    later = [found for found in dates if start.span.end <= found.span.start < end.span.start]
    last_on = later[0].first_on if later else None
    return _between(start, end, on, last_on)


def _of_part(clock: _Clock, clocks: list[_Clock]) -> _Clock:
    """The time in the half day that is named before it: 昨天下午在苏州，3点见面."""
    parts = [one.part for one in clocks if one.minutes < 0 and one.span < clock.span]
    hour = clock.minutes // 60
    if not parts or not clock.is_bare or hour not in _HOURS_OF.get(parts[-1], _MORNING_HOURS):
        return clock
    return _clock(clock.span, hour, clock.minutes % 60, parts[-1])


def _until(end: _Clock, span: Span, clocks: list[_Clock], on: date) -> Hours:
    """The hours of which only the end is named: 下午在苏州聊到五点."""
    minutes, parts = end.minutes, [one for one in clocks if one.minutes < 0]
    if _is_of_afternoon(end):
        minutes += _NOON * 60
    finish = datetime.combine(on, time()) + timedelta(minutes=minutes)
    begin = finish - timedelta(hours=1)
    if part := end.part or (parts[0].part if parts else ""):
        usual = datetime.combine(on, _HALVES[part][0])
        begin = min(begin, usual)
    spans = (*(one.span for one in parts[:1]), span)
    return Hours(spans, begin, finish, is_start_assumed=True, is_end_assumed=_is_of_afternoon(end))


def _half_day(clocks: list[_Clock], dates: list[DateFound], on: date) -> Hours | None:
    """The usual hours of the half day that is named."""
    part = clocks[0].part if clocks else next((found.part for found in dates if found.part), "")
    if not part:
        return None
    begin, end = _HALVES[part]
    spans = (clocks[0].span,) if clocks else ()
    moments = datetime.combine(on, begin), datetime.combine(on, end)
    return Hours(spans, *moments, is_start_assumed=True, is_end_assumed=True)


def _read(match: re.Match[str], dates: list[DateFound]) -> _Clock | None:
    span = Span(*match.span())
    if any(span.meets(found.span) for found in dates):
        return None
    if match["alone"]:
        return _Clock(span, -1, match["alone"])
    minute = match["minute"] or match["minute2"]
    minutes = number(minute) if minute else 0
    if match["half"]:
        minutes = 30
    elif match["quarter"]:
        minutes = number(match["quarter"]) * 15
    part = match["part"] or _part_before(span, dates)
    is_vague = match["hour"] == "一" and not part and "点" in match[0][-1]
    hour = number(match["hour"])
    if is_vague or hour > _LAST_HOUR or minutes > 59:  # noqa: PLR2004 - 一点 may be "a little"
        return None
    return _clock(span, hour, minutes, part)


def _part_before(span: Span, dates: list[DateFound]) -> str:
    """The part of the day in the date before: 昨晚10点; 今晚视频，8点."""
    return next((found.part for found in reversed(dates) if found.span.end <= span.start), "")


def _clock(span: Span, hour: int, minute: int, part: str) -> _Clock:
    is_shifted = part in _LATER and hour < _NOON and not (part == "中午" and hour >= 11)  # noqa: PLR2004
    if part in _NIGHT and hour == _NOON:
        hour, is_shifted = 24, False
    return _Clock(span, (hour + _NOON * is_shifted) * 60 + minute, part)


def _end_of(text: str, start: _Clock, other: _Clock, dates: list[DateFound]) -> _Clock | None:
    """The second time where it is the end: 9点到11点, 三点开始，聊到五点."""
    until = _UNTIL.search(text[: other.span.start])
    between = text[start.span.end : other.span.start]
    is_one_clause = not any(mark in between for mark in ",。;")
    if until and (until[0].strip("到至 ") or (is_one_clause and between != until[0])):
        return replace(other, span=Span(until.start(), other.span.end))
    return other if _is_joined(text, start, other, dates) else None


def _is_joined(text: str, start: _Clock, end: _Clock, dates: list[DateFound]) -> bool:
    """Whether only the word for a range, and a date, stand between."""
    joint = _RANGE.match(text, start.span.end)
    if not joint:
        return False
    at = joint.end()
    for found in dates:
        if found.span.start == at:
            at = found.span.end
    return text[at : end.span.start].strip() == ""


def _is_of_afternoon(clock: _Clock) -> bool:
    return clock.is_bare and _FIRST_AFTERNOON <= clock.minutes // 60 <= _LAST_AFTERNOON


def _one_hour(start: _Clock, on: date) -> Hours:
    minutes, is_assumed = start.minutes, False
    if _is_of_afternoon(start):
        minutes, is_assumed = minutes + _NOON * 60, True
    begin = datetime.combine(on, time()) + timedelta(minutes=minutes)
    end = begin + timedelta(hours=1)
    return Hours((start.span,), begin, end, is_assumed, is_end_assumed=True)


def _between(start: _Clock, end: _Clock, on: date, last_on: date | None = None) -> Hours:
    first, last, is_assumed = start.minutes, end.minutes, False
    if _is_of_afternoon(start) and end.part not in {"上午", "早上"}:
        first, is_assumed = first + _NOON * 60, True
    if end.is_bare and not last_on and last <= first and last + _NOON * 60 > first:
        last += _NOON * 60  # 下午2点到4点, 10点到2点

    begin = datetime.combine(on, time()) + timedelta(minutes=first)
    finish = datetime.combine(last_on or on, time()) + timedelta(minutes=last)
    if finish <= begin:
        finish += DAY
    return Hours(tuple(dict.fromkeys((start.span, end.span))), begin, finish, is_assumed)
