"""The filters of the list of visits, as its address has them and as chips that change them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from flask import request, url_for

from crm.base import formatting
from crm.base.enums import LabeledEnum
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.people.permissions import Viewer
from crm.people.rules import Role
from crm.visits.filters import VisitFilter
from crm.visits.rules import Kind, Status
from crm.web.forms import date_arg, enum_arg, text_arg

RECENT_DAYS = timedelta(days=30)
NO_CITY = "-"  # in addresses: visits without a city
NAMES = ("who", "q", "kind", "status", "city", "only", "period", "from", "to")


class Who(LabeledEnum):
    """Whose visits are listed."""

    MINE = "mine", "我的拜访"
    UNITS = "units", "所辖单位"
    ALL = "all", "全部拜访"


class Span(LabeledEnum):
    """The spans that one touch chooses."""

    RECENT = "recent", "近30天"
    MONTH = "month", "本月"
    LAST_MONTH = "last", "上月"
    ALL = "all", "全部时间"


class Only(LabeledEnum):
    """What one touch narrows the list to."""

    DUE = "due", "待办结"
    WAITING = "waiting", "待确认"
    LATE = "late", "补录"


# The first is what the list begins with: a supervisor has hardly a visit of their own.
CHOICES_OF_WHO = {
    Role.RECRUITER: (Who.MINE, Who.ALL),
    Role.SUPERVISOR: (Who.UNITS, Who.MINE, Who.ALL),
    Role.LEADER: (Who.MINE, Who.UNITS, Who.ALL),
    Role.ADMIN: (Who.ALL, Who.MINE),
}


@value_class
class Choice:
    """A filter that a link sets, or removes where it is set."""

    label: str
    url: str
    is_set: bool = False


@value_class
class ListFilters:
    """The filters that the address of the list asks for."""

    who: Who
    text: str
    kind: Kind | None
    status: Status | None
    city: str | None
    only: Only | None
    span: Span | None  # None: `first` and `last` are dates of one's own choice
    first: date | None
    last: date | None

    @property
    def is_narrow(self) -> bool:
        """Whether any filter but `who` and the span is set."""
        return any((self.text, self.kind, self.status, self.city is not None, self.only))

    def query(self, viewer: Viewer, now: datetime) -> VisitFilter:
        """What is asked of the database, but for those that wait for a verdict."""
        return VisitFilter(
            text=self.text,
            kind=self.kind,
            status=self.status,
            city=self.city,
            person_id=viewer.person_id if self.who is Who.MINE else None,
            is_in_scope=self.who is Who.UNITS,
            planned_until=now if self.only is Only.DUE else None,
            is_entered_late=self.only is Only.LATE,
            first=self.first,
            last=self.last,
        )


def list_filters(role: Role, on: date) -> ListFilters:
    """The filters of this request."""
    whose = CHOICES_OF_WHO[role]
    if not request.args:  # how most open the list
        first, last = _dates(Span.RECENT, on)
        return ListFilters(whose[0], "", None, None, None, None, Span.RECENT, first, last)

    who, only, city = enum_arg("who", Who), enum_arg("only", Only), text_arg("city")
    filters = ListFilters(
        who=who if who in whose else whose[0],
        text=text_arg("q"),
        kind=enum_arg("kind", Kind),
        status=enum_arg("status", Status),
        city="" if city == NO_CITY else city or None,
        only=only,
        span=None,
        first=date_arg("from"),
        last=date_arg("to"),
    )
    if filters.first or filters.last:
        return filters

    # what is searched for, or left undone, may be long ago
    usual = Span.ALL if filters.text or only is Only.DUE else Span.RECENT
    span = enum_arg("period", Span) or usual
    first, last = _dates(span, on)
    return replace(filters, span=span, first=first, last=last)


def _dates(span: Span, on: date) -> tuple[date | None, date | None]:
    month = Period.holding(PeriodKind.MONTH, on)
    match span:
        case Span.RECENT:
            return on - RECENT_DAYS, None
        case Span.MONTH:
            return month.first, month.last
        case Span.LAST_MONTH:
            return month.before.first, month.before.last
        case Span.ALL:
            return None, None


def span_label(filters: ListFilters, on: date) -> str:
    """The dates that are counted: `11月`, `10月30日以来`, `7月1日至15日`."""
    first, last = filters.first, filters.last
    if filters.span in (Span.MONTH, Span.LAST_MONTH) and first:
        label = f"{first.month}月"
        return label if first.year == on.year else f"{first.year}年{label}"
    if first and last:
        year = "" if first.year == on.year else f"{first.year}年"
        return f"{year}{formatting.span(first, last)}"
    if first:
        return f"{formatting.dated(first, on)}以来"
    return f"{formatting.dated(last, on)}以前" if last else "全部"


class Addresses:
    """Addresses of this list with other filters, at its first page."""

    def __init__(self) -> None:
        self.page = url_for("visits.listing")
        self._given = {name: text for name in NAMES if (text := request.args.get(name))}

    def at(self, changes: Mapping[str, str | None], page: str | None = None) -> str:
        """The address with some filters changed; None removes a filter."""
        values = {name: text for name, text in {**self._given, **changes}.items() if text}
        return f"{page or self.page}?{urlencode(values)}" if values else page or self.page


def spans(filters: ListFilters, addresses: Addresses) -> list[Choice]:
    return [
        Choice(span.label, addresses.at(_span(span.value)), is_set=span is filters.span)
        for span in Span
    ]


def _span(value: str | None) -> dict[str, str | None]:
    return {"period": value, "from": None, "to": None}


def toggles(filters: ListFilters, addresses: Addresses) -> list[Choice]:
    choices = []
    for only in Only:
        is_set = only is filters.only
        url = addresses.at({"only": None if is_set else only.value})
        choices.append(Choice(only.label, url, is_set=is_set))
    return choices


def narrowed_by(filters: ListFilters) -> Iterator[tuple[str, str]]:
    """What else is filtered by: the name in the address, and the words; dates are a `period`."""
    for name, label, value in (
        ("q", "搜索", filters.text),
        ("city", "城市", "未填" if filters.city == "" else filters.city),
        ("kind", "类型", filters.kind and filters.kind.label),
        ("status", "状态", filters.status and filters.status.label),
    ):
        if value:
            yield name, f"{label}：{value}"

    if filters.span is None:
        first, last = filters.first, filters.last
        dates = f"{first or ''} 至 {last or ''}".strip()
        yield "period", f"日期：{dates}"


def removable(filters: ListFilters, addresses: Addresses) -> Iterator[Choice]:
    """The same, each with the address of the list without it."""
    for name, label in narrowed_by(filters):
        changes = _span(None) if name == "period" else {name: None}
        yield Choice(label, addresses.at(changes), is_set=True)
