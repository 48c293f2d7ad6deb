"""Visits as rows of lists, with their chips and the buttons of a planned one."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime

from flask import url_for

from crm.base import clock, formatting
from crm.base.enums import LabeledEnum
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Channel, Kind, Status, Verdict, may_end_early
from crm.visits.unled import UnledCompany

ICONS = {
    Kind.OUTREACH: "briefcase",
    Kind.RECEPTION: "users",
    Kind.RESIDENCY: "building-skyscraper",
    Kind.EVENT: "calendar-event",
    Kind.REMOTE: "video",
}
WEEK = 7 * DAY


@value_class
class Move:
    """A date to which a planned visit may be moved."""

    label: str
    on: date


@value_class
class Steps:
    """What may be done to a planned visit."""

    finish: str | None  # the button's label; none before it has begun
    moves: tuple[Move, ...]


@value_class
class Chip:
    """A short remark with its tone."""

    text: str
    tone: str
    title: str = ""


@value_class
class VerdictButtons:
    """The decisions on a visit that a supervisor may make, about what they see of it."""

    visit_id: int
    about: str  # names the visit in the labels of the buttons
    shown: int  # of `position_shown`
    can_confirm: bool = True
    can_reject: bool = True
    reason: str = ""  # typed for a rejection that was not made


UNSETTLED = Chip("待办结", "warn")
PLANNED = Chip("计划中", "info")
WAITING = Chip("待确认", "warn")  # logged late, and counts once a supervisor confirms it


def new_lead_url(company: UnledCompany) -> str:
    """The form of a lead of the company."""
    return url_for("leads.new", company=company.company_id, company_name=company.name)


def visit_tabs(current: str, whose: Iterable[LabeledEnum]) -> list[dict[str, object]]:
    """The tabs of the lists: whose visits the person may list, and the trips."""
    page = url_for("visits.listing")
    tabs = [(who.value, who.label, f"{page}?who={who}") for who in whose]
    return [
        {"url": url, "label": label, "active": name == current}
        for name, label, url in (*tabs, ("trips", "出差批次", url_for("trips.listing")))
    ]


@value_class
class VisitRow:
    """One visit in a list."""

    visit: SeenVisit
    when: str
    title: str
    meta: str
    icon: str
    chips: tuple[Chip, ...]
    steps: Steps | None

    @property
    def subtitle(self) -> str:
        """When it is, and what: the page's second line."""
        what = title_of(self.visit)
        return self.when if what == self.title else f"{self.when} · {what}"

    @property
    def is_cancelled(self) -> bool:
        return self.visit.status is Status.CANCELLED


def visit_row(
    visit: SeenVisit,
    now: datetime,
    *,
    changeable_ids: Collection[int] = (),
    waiting_ids: Collection[int] = (),
) -> VisitRow:
    """The visit in a list.

    `changeable_ids`: visits that get buttons. `waiting_ids`: visits that count only once a
    supervisor confirms them.
    """
    waiting = (WAITING,) if visit.id in waiting_ids else ()

    return VisitRow(
        visit,
        when=when_label(visit, clock.civil_date(now)),
        title=names_of(visit)[0],
        meta=_meta(visit),
        icon=ICONS[visit.kind],
        chips=(*chips(visit, now), *waiting),
        steps=steps(visit, now) if visit.id in changeable_ids else None,
    )


def unchanged_until(visits: Iterable[SeenVisit], now: datetime) -> datetime:
    """The next moment at which time itself changes their rows: midnight at the latest.

    That is when one of them begins or ends, was entered or judged.
    """
    moments = [
        at
        for visit in visits
        for at in (
            *(visit.starts_at, visit.ends_at, visit.entered_at),
            *(visit.logged_at or now, visit.verdict_at or now),
        )
        if at > now
    ]
    return min([clock.at_civil(clock.civil_date(now) + DAY), *moments])


def is_stay(visit: SeenVisit) -> bool:
    return visit.kind is Kind.RESIDENCY


def with_deadline(row: VisitRow, until: date, today: date) -> VisitRow:
    """The row of a stay that has ended, with the last date on which it is set done in time."""
    in_time = Chip(f"{formatting.day(until)}前办结", "warn")
    late = Chip("已逾期，办结后须确认", "bad")
    return replace(row, chips=(*row.chips, in_time if today <= until else late))


def title_of(visit: SeenVisit) -> str:
    """The title of a visit: `上海 驻城招商`."""
    return f"{visit.city} {visit.kind.label}".strip()


def names_of(visit: SeenVisit) -> tuple[str, str]:
    """Its companies and their projects; without a company whatever else names it, alone."""
    of_leads = (lead.company for lead in visit.leads)
    companies = dict.fromkeys(filter(None, (*of_leads, *(row.name for row in visit.companies))))
    projects = "、".join(lead.text for lead in visit.leads)
    if companies:
        return "、".join(companies), projects
    return projects or visit.met or title_of(visit), ""


def facts_line(visit: SeenVisit, *more: str) -> str:
    """What a list says of it below its name, in one line."""
    name, project = names_of(visit)
    title = title_of(visit)
    return " · ".join(part for part in (project, title if title != name else "", *more) if part)


def when_label(visit: SeenVisit, today: date) -> str:
    """Its dates, with hours for a visit of one day; with the year where it is not this one."""
    year = "" if visit.first_on.year == today.year else f"{visit.first_on.year}年"
    return f"{year}{_dates(visit)}"


def _dates(visit: SeenVisit) -> str:
    # a stay counts by days, so its hours say nothing
    if visit.kind is Kind.RESIDENCY or visit.first_on != visit.last_on:
        days = (visit.last_on - visit.first_on).days + 1
        return f"{formatting.span(visit.first_on, visit.last_on)}（{days} 天）"
    day = f"{formatting.day(visit.first_on)} {formatting.weekday(visit.first_on)}"
    return f"{day} {clock.civil(visit.starts_at):%H:%M}–{_end(visit)}"


def _end(visit: SeenVisit) -> str:
    end = clock.civil(visit.ends_at)
    # REGIME 3: a visit that ends at 00:00 does not cover the new day
    return "24:00" if end.date() > visit.last_on else f"{end:%H:%M}"


def _meta(visit: SeenVisit) -> str:
    people = "、".join(person.name for person in (visit.leader, *visit.participants))
    return facts_line(visit, people, entered_by(visit))


def entered_by(visit: SeenVisit) -> str:
    """Who entered it for those who made it (REGIME 2); empty where they did."""
    return f"由 {visit.entered_by.name} 代录" if visit.entered_by else ""


def chips(visit: SeenVisit, now: datetime) -> tuple[Chip, ...]:
    """Its state in short remarks; a visit that is done in person needs none."""
    found = []
    if visit.status is Status.CANCELLED:
        found.append(Chip("已取消", "neutral"))

    if visit.status is Status.PLANNED:
        found.append(_planned(visit, now))

    if visit.channel is not Channel.IN_PERSON:
        found.append(Chip(visit.channel.label, "neutral"))

    if visit.verdict is Verdict.REJECTED:
        found.append(Chip("已退回", "bad"))

    if visit.verdict is Verdict.CONFIRMED:
        found.append(Chip("已确认", "good"))

    return tuple(found)


def _planned(visit: SeenVisit, now: datetime) -> Chip:
    if visit.ends_at <= now:
        return UNSETTLED
    return Chip("进行中", "info") if visit.starts_at <= now else PLANNED


def steps(visit: SeenVisit, now: datetime) -> Steps | None:
    """What may be done to a planned visit: finish it on its last day, move it or cancel it."""
    if visit.status is not Status.PLANNED:
        return None
    today = clock.civil_date(now)
    finish = None
    if visit.ends_at <= now:
        finish = "办结"
    elif may_end_early(visit, now):
        finish = "提前办结"
    return Steps(finish, _moves(visit.first_on, today))


def _moves(first: date, today: date) -> tuple[Move, ...]:
    tomorrow = max(first, today) + DAY
    week = first + WEEK
    while week <= today:  # an old visit moves to its next weekday
        week += WEEK
    dates = (tomorrow, week) if week != tomorrow else (tomorrow, week + WEEK)
    return tuple(Move(_move_label(on, first, today), on) for on in dates)


def _move_label(on: date, first: date, today: date) -> str:
    if on == today + DAY:
        return "明天"
    if on == first + DAY:
        return "后延一天"
    return f"{formatting.day(on)} {formatting.weekday(on)}"
