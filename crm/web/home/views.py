"""My day: where I stand, what is on today, what is owed; and the trouble in the units I oversee."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.periods import DAY
from crm.extensions import db
from crm.followups.queries import due
from crm.followups.redaction import SeenFollowup
from crm.followups.redaction import shown as shown_followups
from crm.jobs.health import Standstill, standstill
from crm.leads.queries import named_lately
from crm.people.absence_approval import answered
from crm.people.entry_grants import entered_for
from crm.people.models import Absence
from crm.people.permissions import Viewer
from crm.people.queries import absences_in
from crm.people.rules import WITH_RECORDS, Role
from crm.quotas.pending_visits import ids_awaiting_verdict, last_dates_to_log
from crm.quotas.queries import figures_on, working_calendar
from crm.quotas.rules import Figure, FigureStatus
from crm.quotas.wording import unit_of
from crm.visits.companions import named_by_others
from crm.visits.models import Visit
from crm.visits.queries import for_others, todays, unsettled, upcoming
from crm.visits.redaction import SeenVisit
from crm.visits.redaction import shown as shown_visits
from crm.web.absences.rows import AbsenceRow, absence_row
from crm.web.auth import my_view
from crm.web.home.team import Team, team_of
from crm.web.home.todo import waits
from crm.web.people.entry_grants import recent_changes
from crm.web.quotas.labels import ESTIMATED_CALENDAR, period_label
from crm.web.quotas.visible_figures import figure_url, my_figure_scope
from crm.web.transaction import moment, today
from crm.web.visits.rows import VisitRow, is_stay, visit_row, with_deadline

bp = Blueprint("myday", __name__)
FOLLOWUPS_AHEAD = timedelta(days=7)
ANSWERS_SHOWN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class QuotaCard:
    """One figure of mine, with what is missing in words."""

    title: str
    period: str
    figure: Figure
    missing: str
    url: str


@dataclass(frozen=True, slots=True)
class MyVisits:
    """My visits that matter today."""

    unsettled: list[VisitRow]  # planned, over, and neither done nor cancelled
    todays: list[VisitRow]
    upcoming: list[VisitRow]


@dataclass(frozen=True, slots=True)
class EnteredFor:
    """Somebody for whom I enter visits (代录), with those of today and those that wait."""

    name: str
    lines: list[VisitRow]
    new_url: str


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A visit as whose companion another named me."""

    line: VisitRow
    by_name: str


@dataclass(frozen=True, slots=True)
class MyFollowups:
    """What I owe: overdue or due today, and in the days to come."""

    now: list[SeenFollowup]
    soon: list[SeenFollowup]


@bp.get("/")
def show() -> ResponseReturnValue:
    """The page that work begins with."""
    me, now, on = my_view(), moment(), today()
    has_records = me.role in WITH_RECORDS

    return render_template(
        "home/show.html",
        on=on,
        clock=_clock(db.session, me, now),
        quotas=_quotas(db.session, me, on, now),
        visits=_visits(db.session, me, on, now) if has_records else None,
        entered_for=_entered_for(db.session, me, on, now) if has_records else [],
        grants=recent_changes(db.session, me.person, now),
        named=_named(db.session, me, on, now) if has_records else [],
        followups=_followups(db.session, me, on, now) if has_records else None,
        restricted=named_lately(db.session, me.person_id, on) if has_records else [],
        answers=_answers(db.session, me, on, now) if has_records else [],
        waits=waits(db.session, me, on, now),
        team=_team(db.session, me, on, now),
    )


def _quotas(rows: Session, me: Viewer, on: date, now: datetime) -> list[QuotaCard]:
    figures = figures_on(rows, me.person_id, [on], now)
    calendar = working_calendar(rows) if figures else None
    made = []

    for figure in figures.values():
        period = figure.period
        url = figure_url(figure.rule.code, me.person.username, period)
        left = calendar.workdays(on, period.last) if calendar else ()
        when = period_label(period, on)
        away = absences_in(rows, me.person_id, on, period.last) if left else ()
        missing = _missing(figure, when, _left(when, left, away, on))
        if calendar and calendar.is_estimated(period):
            missing += ESTIMATED_CALENDAR
        made.append(QuotaCard(figure.rule.name, when, figure, missing, url))

    return made


def _left(when: str, workdays: Iterable[date], away: Sequence[Absence], on: date) -> str:
    """How long there is, today included, for somebody away on these dates."""
    left = [day for day in workdays if not any(each.from_on <= day <= each.to_on for each in away)]
    if not left:
        return f"{when}余下的工作日都已请假" if away else f"{when}已没有工作日"
    if left == [on]:
        return f"今天是{when}最后一个工作日"
    return f"{when}还有 {len(left)} 个工作日"


def _missing(figure: Figure, when: str, rest: str) -> str:
    """What a figure lacks, and how long there is for it."""
    lacking = f"还差 {figure.required - figure.achieved} {unit_of(figure.rule)}"

    match figure.status:
        case FigureStatus.EXEMPT:
            return f"{when}在岗工作日不足，免考核。"
        case FigureStatus.MET:
            return f"{when}的要求已完成。"
        case FigureStatus.UNREACHABLE:
            return f"{lacking}，剩余日期已不够；{rest}。"
        case FigureStatus.AT_RISK:
            return f"{lacking}；{rest}，即使加快到平均进度的1.5倍也难以完成，请尽快安排。"

    if figure.achieved + figure.planned >= figure.required:
        return f"{lacking}，已有计划，完成后即达标；{rest}。"

    return f"{lacking}；{rest}。"


def _visits(rows: Session, me: Viewer, on: date, now: datetime) -> MyVisits:
    late = unsettled(rows, me.person_id, now)
    open_ids = {visit.id for visit in late}
    current = [each for each in todays(rows, me.person_id, on) if each.id not in open_ids]
    parts = (late, current, upcoming(rows, me.person_id, on))
    visits = shown_visits(rows, me, [visit for part in parts for visit in part], on)
    waiting = ids_awaiting_verdict(rows, visits, now)
    lines = {
        seen.id: visit_row(seen, now, changeable_ids=[seen.id], waiting_ids=waiting)
        for seen in visits
    }
    for visit_id, until in last_dates_to_log(
        rows, [each for each in late if is_stay(each)]
    ).items():
        lines[visit_id] = with_deadline(lines[visit_id], until, on)

    def told(part: Sequence[Visit]) -> list[VisitRow]:
        return [lines[visit.id] for visit in part]

    return MyVisits(*(told(part) for part in parts))


def _entered_for(rows: Session, me: Viewer, on: date, now: datetime) -> list[EnteredFor]:
    """The visits of those for whom I enter, apart from mine."""
    people = entered_for(rows, me.person_id, on)
    found = for_others(rows, [each.id for each in people], on, now) if people else []
    seen = [each for each in shown_visits(rows, me, found, on) if not _is_of(each, me.person_id)]
    waiting = ids_awaiting_verdict(rows, seen, now)

    return [
        EnteredFor(
            each.name,
            [
                visit_row(visit, now, changeable_ids=[visit.id], waiting_ids=waiting)
                for visit in seen
                if _is_of(visit, each.id)
            ],
            url_for("visits.new", whom=each.id),
        )
        for each in people
    ]


def _is_of(visit: SeenVisit, person_id: int) -> bool:
    return person_id in {visit.leader.id, *(person.id for person in visit.participants)}


def _named(rows: Session, me: Viewer, on: date, now: datetime) -> list[NamedLine]:
    """The visits as whose companion others named me of late, each to be left with a touch."""
    found = named_by_others(rows, me.person_id, since=now - ANSWERS_SHOWN)
    seen = shown_visits(rows, me, [each.visit for each in found], on)
    return [
        NamedLine(visit_row(visit, now), each.by_name)
        for visit, each in zip(seen, found, strict=True)
    ]


def _followups(rows: Session, me: Viewer, on: date, now: datetime) -> MyFollowups:
    owed = due(rows, me.person_id, on + FOLLOWUPS_AHEAD, as_of=now)
    seen = shown_followups(rows, me, owed, on)
    return MyFollowups(
        now=[each for each in seen if each.followup.due_on <= on],
        soon=[each for each in seen if each.followup.due_on >= on + DAY],
    )


def _answers(rows: Session, me: Viewer, on: date, now: datetime) -> list[AbsenceRow]:
    """What became of the absences that I asked for."""
    return [absence_row(each, on) for each in answered(rows, me.person_id, now - ANSWERS_SHOWN)]


def _clock(rows: Session, me: Viewer, now: datetime) -> Standstill | None:
    return standstill(rows, now=now) if me.role is Role.ADMIN else None


def _team(rows: Session, me: Viewer, on: date, now: datetime) -> Team | None:
    sees_units = me.oversees and me.unit_ids
    return team_of(rows, me, my_figure_scope(), on, now) if sees_units else None
