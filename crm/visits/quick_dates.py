"""The dates in a quick entry (ENTRY 1). Pure."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date

from crm.base.entered_dates import entered_date, weekday_of
from crm.base.periods import DAY, Period, PeriodKind
from crm.base.value_class import value_class
from crm.visits.quick_text import NUMBER, Span, number

_FRIDAY = 4
_SATURDAY = 5
_FURTHEST = 31  # days: what is further away is no date of a visit
_WEEKS = {"上": -1, "下": 1}
_PARTS = {"早": "早上", "晚": "晚上", "夜": "晚上"}
# on which day of the week: 下周去见王总，定在周三
_SETTLED = (
    r"[^。;]*?(?:定|[选放]在|安排)[在于到]?(?:周|星期|礼拜)(?P<settled>[一二三四五六日天])"
    r"(?=[上下中]午|[早晚]上|[,。;\s]|$)"
)
_DATE = re.compile(
    rf"""
    (?P<pair>前昨|昨今|今明|明后)[两二]?天
    |(?P<vague>过[几两三些]天|前(?:[几两些]天|阵子|不久)|这[几两]天|改天|过阵子)
    |(?:(?P<part_month>[上下本这当])个?月|(?P<part_of>{NUMBER})月)?份?(?P<tenth>[上中下])旬
    |(?:(?P<end_month>[上下本这当])个?|(?P<end_of>{NUMBER})|(?<![个每年]))(?P<month_end>月底)
    |(?P<vague_month>[上下本这]个?月[初中](?!旬))
    |(?P<word>大?[前后][天儿]|[昨今明][天日儿])个?
    |(?P<near>[昨今明])(?P<part>[早晚夜])(?!年)
    |(?P<week>[上下]{{1,2}}|[本这]?)个?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天]|末)
    |(?P<other_week>[上下]{{1,2}}|[本这])个?(?:周|星期|礼拜)(?={_SETTLED}|)
    |(?<!提)(?P<count>{NUMBER})个?(?:(?P<weeks>周|星期|礼拜)|(?P<workdays>工作日)|天)[之以]?(?P<side>[前后内])
    |(?P<of_month>[上下本这当])个?月(?P<day3>{NUMBER})[日号]
    |(?:(?P<year>\d{{4}})[年./-]|(?P<of_year>[前去今明])年)?(?P<month>{NUMBER})\s?月(?:份)?\s?(?P<day>{NUMBER})(?:\s?[日号])?
    |(?:(?P<year2>\d{{4}})[./-]|(?<![\d.]))(?P<month2>1[0-2]|0?[1-9])[./-](?P<day2>\d{{1,2}})(?:[日号]|(?![\d.%:点亿万千百元人家个米亩年月时分]))
    |(?P<first>{NUMBER})[日号]?\s*(?P<joint>[-~至到、])\s*(?P<last>{NUMBER})(?:[日号](?![楼线厂库地馆院门厅店机本]))
    |(?P<only>{NUMBER})\s?(?:号(?![楼线厂库地馆院门厅店机])|日(?!本))
    """,
    re.VERBOSE,
)
_RANGE = re.compile(r"\s*(?:-|~|至|到)\s*")
_AND = re.compile(r"\s*(?:[、和与及]|以及)?\s*")  # between two days that follow each other
_LAST_DAY = re.compile(rf"(?P<day>{NUMBER})[日号]?(?![\d点时:月./-])")
_LAST_WEEKDAY = re.compile(r"(?P<weekday>[一二三四五六日天])(?![十百千万\d])")
_DEADLINE = re.compile(r"(?:之|以)?(?:前(?!往)|内(?![容部外]))")
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
    "and_day": _AND,
    "last_day": _LAST_DAY,
    "last_weekday": _LAST_WEEKDAY,
    "deadline": _DEADLINE,
    "begin": _BEGIN,
    "length": _LENGTH,
}


_Group = dict[str, str | None]


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


@value_class
class _Named:
    """A date as it is named: its groups, and from when it is seen."""

    span: Span
    group: _Group
    today: date
    is_ahead: bool


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
    for name, read in _READERS.items():
        if group[name]:
            return read(_Named(span, group, today, is_ahead))
    on = _entered(_as_entered(group, match[0], today), today, is_ahead=is_ahead)
    # 3.5 may be any number: only what is a day is taken for one
    return None if on is None and group["month2"] else DateFound(span, on, on)


def _two_days(one: _Named) -> DateFound:
    first = one.today + _PAIRS[one.group["pair"] or ""] * DAY
    return DateFound(one.span, first, first + DAY)


def _some_day(one: _Named) -> DateFound:
    return DateFound(one.span, None, None)


def _part_of_day(one: _Named) -> DateFound:
    on = _entered(f"{one.group['near']}天", one.today)
    return DateFound(one.span, on, on, part=_PARTS[one.group["part"] or ""])


def _end_of_month(one: _Named) -> DateFound:
    if (month := _month_of(one, "end_of", "end_month")) is None:
        return DateFound(one.span, None, None)
    last = Period.holding(PeriodKind.MONTH, month).last
    return DateFound(one.span, last, last, is_assumed=True)


def _month_of(one: _Named, by_number: str, by_name: str) -> date | None:
    """A day of the month that is named, of this one without a name."""
    if name := one.group[by_number]:
        return _entered(f"{number(name)}-1", one.today)
    return _of_month(one.group[by_name] or "", 1, one.today)


def _tenth_of_month(one: _Named) -> DateFound:
    """The last day of the tenth of a month: 12月中旬."""
    if (month := _month_of(one, "part_of", "part_month")) is None:
        return DateFound(one.span, None, None)
    days = {"上": 10, "中": 20}
    last = days.get(one.group["tenth"] or "", Period.holding(PeriodKind.MONTH, month).last.day)
    return DateFound(one.span, month.replace(day=last), month.replace(day=last), is_assumed=True)


def _other_week(one: _Named) -> DateFound:
    week = one.group["other_week"] or ""
    settled = one.group["settled"] if week.startswith("下") else None
    on = _of_other_week(week, weekday_of(settled) if settled else _FRIDAY, one.today)
    return DateFound(one.span, on, on, is_assumed=settled is None)


def _weekday(one: _Named) -> DateFound:
    week, name = one.group["week"] or "", one.group["weekday"] or ""
    if name == "末":
        on = _of_other_week(week or "下" * one.is_ahead, _SATURDAY, one.today)
        return DateFound(one.span, on, on, is_assumed=True)
    if len(week) > 1:
        on = _of_other_week(week, weekday_of(name), one.today)
        return DateFound(one.span, on, on)
    entered = _entered(f"{week}周{name}", one.today, is_ahead=one.is_ahead)
    return DateFound(one.span, entered, entered)


def _of_other_week(name: str, weekday: int, today: date) -> date:
    """A day of the week before, of this or of the next one: 上上周."""
    weeks = len(name) * _WEEKS.get(name[:1], 0)
    return today + (7 * weeks + weekday - today.weekday()) * DAY


def _counted(one: _Named) -> DateFound | None:
    """So many days before or after one.today: 三天前, 5个工作日内."""
    days = number(one.group["count"] or "") * (7 if one.group["weeks"] else 1)
    if days > _FURTHEST:
        return None
    step = -DAY if one.group["side"] == "前" else DAY
    on = one.today + days * step
    if one.group["workdays"]:
        on = one.today
        for _ in range(days):
            on += step
            while on.weekday() > _FRIDAY:
                on += step
    is_day = not one.group["weeks"] and not one.group["workdays"]
    return DateFound(one.span, on, on, is_assumed=not is_day, is_deadline=one.group["side"] == "内")


def _day_of_month(one: _Named) -> DateFound:
    on = _of_month(one.group["of_month"] or "", number(one.group["day3"] or ""), one.today)
    return DateFound(one.span, on, on)


def _days_of_month(one: _Named) -> DateFound | None:
    first = _entered(f"{number(one.group['first'] or '')}号", one.today, is_ahead=one.is_ahead)
    last = _same_month(first, number(one.group["last"] or ""))
    is_listed = one.group["joint"] == "、"
    if is_listed and (first is None or last != first + DAY):
        return None
    return DateFound(one.span, first, last, is_assumed=is_listed)


_READERS: dict[str, Callable[[_Named], DateFound | None]] = {
    "pair": _two_days,
    "vague": _some_day,
    "vague_month": _some_day,
    "tenth": _tenth_of_month,
    "month_end": _end_of_month,
    "near": _part_of_day,
    "weekday": _weekday,
    "other_week": _other_week,
    "count": _counted,
    "of_month": _day_of_month,
    "first": _days_of_month,
}


def _of_month(name: str, day: int, today: date) -> date | None:
    """A day of the month before, of this or of the next one: 上个月28号."""
    year, month = divmod(today.year * 12 + today.month - 1 + _MONTHS.get(name, 0), 12)
    return _same_month(date(year, month + 1, 1), day)


def _as_entered(group: _Group, text: str, today: date) -> str:
    """The date as a date field reads it."""
    month, day = group["month"] or group["month2"], group["day"] or group["day2"]
    if month and day:
        year = group["year"] or group["year2"]
        if group["of_year"]:
            year = str(today.year + _YEARS[group["of_year"]])
        return f"{year}-{number(month)}-{number(day)}" if year else f"{number(month)}-{number(day)}"
    if group["only"]:
        return f"{number(group['only'])}号"
    if group["word"]:
        return re.sub("[儿日]", "天", group["word"])
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
    is_whole = match["first"] or match["near"] or match["pair"] or match["count"]
    if found.first_on is None or is_whole:
        return found
    if not joint:
        return _with_next_days(found, match, text, today, is_ahead=is_ahead)

    at, last = joint.end(), None
    if other := _DATE.match(text, at):
        if not other["near"] and not other["other_week"] and not other["count"]:
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


def _with_next_days(
    found: DateFound, match: re.Match[str], text: str, today: date, *, is_ahead: bool
) -> DateFound:
    """The range of days that are named one after the other: 明天和后天, 24、25日."""
    while joint := _AND.match(text, found.span.end):
        other, last = _DATE.match(text, joint.end()), None
        if other and not other["near"] and not other["count"]:
            last = _end_date(found.last_on or today, other, today, is_ahead=is_ahead)
        elif joint[0].strip() and (match["month"] or match["month2"]):
            other = _LAST_DAY.match(text, joint.end())
            last = _same_month(found.last_on, number(other["day"])) if other else None
        if other is None or found.last_on is None or last != found.last_on + DAY:
            break
        span = Span(found.span.start, other.end())
        found = replace(found, span=span, last_on=last, is_assumed=True)
    return found


def _end_date(first: date, other: re.Match[str], today: date, *, is_ahead: bool) -> date | None:
    if other["only"]:
        return _same_month(first, number(other["only"]))
    if (
        other["weekday"] and not other["week"] and other["weekday"] != "末"
    ):  # 下周一到周五: of the same week
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
