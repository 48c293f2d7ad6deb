"""The dates in a quick entry (ENTRY 1). Pure."""

import re
from dataclasses import replace
from datetime import date

from crm.base.entered_dates import entered_date, weekday_of
from crm.base.periods import DAY, Period, PeriodKind
from crm.base.value_class import value_class
from crm.visits.quick_text import NUMBER, Span, number

_FRIDAY = 4
_PARTS = {"早": "早上", "晚": "晚上", "夜": "晚上"}
_DATE = re.compile(
    rf"""
    (?P<pair>前昨|昨今|今明|明后)[两二]?天
    |(?<![上个每底\d一二三四五六七八九十])(?P<month_end>(?:本|这个)?月底)
    |(?P<word>大前天|前天|昨[天日]|今[天日]|明[天日]|大后天|后天)
    |(?P<near>[昨今明])(?P<part>[早晚夜])(?!年)
    |(?P<week>[上本这下]?)个?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天])
    |(?P<next>下个?(?:周|星期|礼拜))
    |(?P<of_month>[上下本这当])个?月(?P<day3>{NUMBER})[日号]
    |(?:(?P<year>\d{{4}})[年./-]|(?P<of_year>[前去今明])年)?(?P<month>{NUMBER})月(?:份)?(?P<day>{NUMBER})[日号]?
    |(?:(?P<year2>\d{{4}})[./-])?(?<![\d.])(?P<month2>1[0-2]|0?[1-9])[./-](?P<day2>\d{{1,2}})(?:[日号]|(?![\d.%:点亿万千百元人家个米亩年月时分]))
    |(?P<first>{NUMBER})[日号]?\s*[-~至到]\s*(?P<last>{NUMBER})[日号]
    |(?P<only>{NUMBER})(?:号(?![楼线厂库地馆院门厅店机])|日(?!本))
    """,
    re.VERBOSE,
)
_RANGE = re.compile(r"\s*(?:-|~|至|到)\s*")
_LAST_DAY = re.compile(rf"(?P<day>{NUMBER})[日号]?(?![\d点时:月./-])")
_LAST_WEEKDAY = re.compile(r"(?P<weekday>[一二三四五六日天])(?![十百千万\d])")
_DEADLINE = re.compile(r"(?:之|以)?前")
_BEGIN = re.compile(r"起|开始")
_LENGTH = re.compile(
    rf"(?<![周期拜])(?P<count>{NUMBER})个?(?:(?P<weeks>周|星期|礼拜)|天)(?![前后内之以])"
)
_PAIRS = {"前昨": -2, "昨今": -1, "今明": 0, "明后": 1}  # the first of two days
_MONTHS = {"上": -1, "下": 1}
_YEARS = {"前": -2, "去": -1, "今": 0, "明": 1}
PATTERNS = {
    "date": _DATE,
    "range": _RANGE,
    "last_day": _LAST_DAY,
    "last_weekday": _LAST_WEEKDAY,
    "deadline": _DEADLINE,
    "begin": _BEGIN,
    "length": _LENGTH,
}


@value_class
class DateFound:
    """A date or a range of dates in the text; without dates it names a day that does not exist."""

    span: Span
    first_on: date | None
    last_on: date | None
    is_assumed: bool = False
    part: str = ""  # of the day, where one word names both: 昨晚
    is_deadline: bool = False  # 周三前

    def is_before(self, today: date) -> bool:
        """Whether the date, or the range of dates, is over."""
        return self.last_on is not None and self.last_on < today


def dates_in(text: str, today: date, *, is_ahead: bool) -> list[DateFound]:
    """All dates of the text; a weekday or a day alone is the next one where it is `is_ahead`."""
    found, at = list[DateFound](), 0

    while match := _DATE.search(text, at):
        at = match.end()
        if (one := _date_of(match, today, is_ahead=is_ahead)) is None:
            continue
        one = _with_end(one, match, text, today, is_ahead=is_ahead)
        if deadline := _DEADLINE.match(text, one.span.end):
            one = replace(one, span=Span(one.span.start, deadline.end()), is_deadline=True)
        found.append(one)
        at = one.span.end

    return found


def with_length(found: DateFound, text: str) -> tuple[DateFound, list[Span]]:
    """The date as long as the text says it lasts, and the words for that: 12月1日起三天."""
    if found.first_on is None or found.first_on != found.last_on:
        return found, []
    begin, length = _BEGIN.match(text, found.span.end), _LENGTH.search(text)
    spans = [Span(*match.span()) for match in (begin, length) if match]
    if length is None:
        return replace(found, is_assumed=found.is_assumed or begin is not None), spans
    days = number(length["count"]) * (7 if length["weeks"] else 1)
    last = found.first_on + max(days - 1, 0) * DAY
    return replace(found, last_on=last, is_assumed=True), spans


def _date_of(match: re.Match[str], today: date, *, is_ahead: bool) -> DateFound | None:
    span, group = Span(*match.span()), match.groupdict()

    if group["pair"]:
        one = today + _PAIRS[group["pair"]] * DAY
        return DateFound(span, one, one + DAY)
    if group["month_end"]:
        last = Period.holding(PeriodKind.MONTH, today).last
        return DateFound(span, last, last, is_assumed=True)
    if group["next"]:
        friday = today + (7 + _FRIDAY - today.weekday()) * DAY
        return DateFound(span, friday, friday, is_assumed=True)
    if group["near"]:
        on = _entered(f"{group['near']}天", today)
        return DateFound(span, on, on, part=_PARTS[group["part"]])
    if group["first"]:
        first = _entered(f"{number(group['first'])}号", today, is_ahead=is_ahead)
        return DateFound(span, first, _same_month(first, number(group["last"])))

    if group["of_month"]:
        on = _of_month(group["of_month"], number(group["day3"]), today)
    else:
        on = _entered(_as_entered(group, match[0], today), today, is_ahead=is_ahead)
    # 3.5 may be any number: only what is a day is taken for one
    return None if on is None and group["month2"] else DateFound(span, on, on)


def _of_month(name: str, day: int, today: date) -> date | None:
    """A day of the month before, of this or of the next one: 上个月28号."""
    year, month = divmod(today.year * 12 + today.month - 1 + _MONTHS.get(name, 0), 12)
    return _same_month(date(year, month + 1, 1), day)


def _as_entered(group: dict[str, str | None], text: str, today: date) -> str:
    """The date as a date field reads it."""
    month, day = group["month"] or group["month2"], group["day"] or group["day2"]
    if month and day:
        year = group["year"] or group["year2"]
        if group["of_year"]:
            year = str(today.year + _YEARS[group["of_year"]])
        return f"{year}-{number(month)}-{number(day)}" if year else f"{number(month)}-{number(day)}"
    if group["only"]:
        return f"{number(group['only'])}号"
    return text


def _entered(text: str, today: date, *, is_ahead: bool = False) -> date | None:
    try:
        return entered_date(text, today, is_ahead=is_ahead)
    except ValueError:
        return None


def _with_end(
    found: DateFound, match: re.Match[str], text: str, today: date, *, is_ahead: bool
) -> DateFound:
    """The range that begins with the date, where the text goes on to its end."""
    joint = _RANGE.match(text, found.span.end)
    is_whole = match["first"] or match["near"] or match["pair"]
    if not joint or found.first_on is None or is_whole:
        return found

    at, last = joint.end(), None
    if other := _DATE.match(text, at):
        if not other["near"] and not other["next"]:
            last = _end_date(found.first_on, other, today, is_ahead=is_ahead)
            at = other.end()
    elif match["weekday"] and (other := _LAST_WEEKDAY.match(text, at)):
        last = _same_week(found.first_on, other["weekday"])
        at = other.end()
    elif (match["month"] or match["month2"]) and (other := _LAST_DAY.match(text, at)):
        last = _same_month(found.first_on, number(other["day"]))
        at = other.end()

    if last is None or last < found.first_on:
        return found
    return replace(found, span=Span(found.span.start, at), last_on=last)


def _end_date(first: date, other: re.Match[str], today: date, *, is_ahead: bool) -> date | None:
    if other["only"]:
        return _same_month(first, number(other["only"]))
    if other["weekday"] and not other["week"]:  # 下周一到周五: of the same week
        return _same_week(first, other["weekday"])
    end = _date_of(other, today, is_ahead=is_ahead)
    return end.first_on if end else None


def _same_week(first: date, name: str) -> date:
    return first + (weekday_of(name) - first.weekday()) * DAY


def _same_month(first: date | None, day: int) -> date | None:
    try:
        return first.replace(day=day) if first else None
    except ValueError:
        return None
