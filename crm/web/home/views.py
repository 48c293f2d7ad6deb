"""The start page: quotas, visits, follow-ups, the to-do list, and overseen units in danger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

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
from crm.visits.queries import day_visits, for_others
from crm.visits.redaction import SeenVisit
from crm.visits.redaction import shown as shown_visits
from crm.web.absences.rows import AbsenceRow, absence_row
from crm.web.auth import my_view
from crm.web.home.team import Team, team_of
from crm.web.home.todo import todo_items
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
    """A figure of the viewer, with a sentence on what is missing."""

    title: str
    period: str
    figure: Figure
    missing: str
    url: str


@dataclass(frozen=True, slots=True)
class MyVisits:
    unsettled: list[VisitRow]  # planned, their dates past, neither done nor cancelled
    todays: list[VisitRow]
    upcoming: list[VisitRow]


@dataclass(frozen=True, slots=True)
class EnteredFor:
    """A person for whom the viewer enters visits (代录), with today's and unsettled visits."""

    name: str
    visits: list[VisitRow]
    new_url: str


@dataclass(frozen=True, slots=True)
class CompanionRow:
    """A visit in which someone else named the viewer as a companion."""

    row: VisitRow
    by_name: str


@dataclass(frozen=True, slots=True)
class MyFollowups:
    due: list[SeenFollowup]  # today or earlier
    upcoming: list[SeenFollowup]


@bp.get("/")
def show() -> ResponseReturnValue:
    me, now, on = my_view(), moment(), today()
    # REGIME 2: a reader has figures of units, and no records
    has_records = me.role in WITH_RECORDS

    return render_template(
        "home/show.html",
        on=on,
        clock=_clock(db.session, me, now),
        quotas=_quotas(db.session, me, on, now),
        visits=_visits(db.session, me, on, now) if has_records else None,
        entered_for=_entered_for(db.session, me, on, now) if has_records else [],
        grants=recent_changes(db.session, me.person, now),
        companion_rows=_companion_rows(db.session, me, on, now) if has_records else [],
        followups=_followups(db.session, me, on, now) if has_records else None,
        restricted=named_lately(db.session, me.person_id, on) if has_records else [],
        answers=_answers(db.session, me, on, now) if has_records else [],
        todo_items=todo_items(db.session, me, on, now),
        team=_team(db.session, me, on, now),
    )


def _quotas(session: Session, me: Viewer, on: date, now: datetime) -> list[QuotaCard]:
    figures = figures_on(session, me.person_id, [on], now)
    calendar = working_calendar(session) if figures else None
    cards = []

    for figure in figures.values():
        period = figure.period
        url = figure_url(figure.rule.code, me.person.username, period)
        workdays = calendar.workdays(on, period.last) if calendar else ()
        period_name = period_label(period, on)
        absences = absences_in(session, me.person_id, on, period.last) if workdays else ()
        missing = _missing(figure, period_name, _days_left(period_name, workdays, absences, on))
        if calendar and calendar.is_estimated(period):
            missing += ESTIMATED_CALENDAR
        cards.append(QuotaCard(figure.rule.name, period_name, figure, missing, url))

    return cards


def _days_left(
    period_name: str, workdays: Iterable[date], absences: Sequence[Absence], on: date
) -> str:
    """How many working days are left, today included, without those absent."""
    left = [
        day
        for day in workdays
        if not any(absence.from_on <= day <= absence.to_on for absence in absences)
    ]

    if not left:
        return f"{period_name}余下的工作日都已请假" if absences else f"{period_name}已没有工作日"
    if left == [on]:
        return f"今天是{period_name}最后一个工作日"
    return f"{period_name}还有 {len(left)} 个工作日"


def _missing(figure: Figure, period_name: str, days_left: str) -> str:
    """A sentence on what the figure lacks and how many days are left."""
    lacking = f"还差 {figure.required - figure.achieved} {unit_of(figure.rule)}"

    match figure.status:
        case FigureStatus.EXEMPT:
            return f"{period_name}在岗工作日不足，免考核。"
        case FigureStatus.MET:
            return f"{period_name}的要求已完成。"
        case FigureStatus.UNREACHABLE:
            return f"{lacking}，剩余日期已不够；{days_left}。"
        case FigureStatus.AT_RISK:
            return f"{lacking}；{days_left}，即使加快到平均进度的1.5倍也难以完成，请尽快安排。"

    if figure.achieved + figure.planned >= figure.required:
        return f"{lacking}，已有计划，完成后即达标；{days_left}。"

    return f"{lacking}；{days_left}。"


def _visits(session: Session, me: Viewer, on: date, now: datetime) -> MyVisits:
    mine = day_visits(session, me.person_id, on, now)
    unsettled_ids = {visit.id for visit in mine.unsettled}
    # a visit that ended today stands among the unsettled alone
    current = [visit for visit in mine.todays if visit.id not in unsettled_ids]
    sections = (mine.unsettled, current, mine.upcoming)

    # all sections at once: the page asks a fixed number of queries
    visits = shown_visits(session, me, [visit for section in sections for visit in section], on)
    waiting = ids_awaiting_verdict(session, visits, now)
    by_id = {
        seen.id: visit_row(seen, now, changeable_ids=[seen.id], waiting_ids=waiting)
        for seen in visits
    }
    # REGIME 3: an ended stay goes on counting up to a date, which its row names
    stays = [visit for visit in mine.unsettled if is_stay(visit)]
    for visit_id, until in last_dates_to_log(session, stays).items():
        by_id[visit_id] = with_deadline(by_id[visit_id], until, on)

    return MyVisits(*([by_id[visit.id] for visit in section] for section in sections))


def _entered_for(session: Session, me: Viewer, on: date, now: datetime) -> list[EnteredFor]:
    """The visits of those for whom the viewer enters, without the viewer's own."""
    people = entered_for(session, me.person_id, on)
    visits = for_others(session, [person.id for person in people], on, now) if people else []
    shown = shown_visits(session, me, visits, on)
    # those that the viewer leads or joined are among their own visits
    seen = [visit for visit in shown if not _is_of(visit, me.person_id)]
    waiting = ids_awaiting_verdict(session, seen, now)

    return [
        EnteredFor(
            person.name,
            [
                visit_row(visit, now, changeable_ids=[visit.id], waiting_ids=waiting)
                for visit in seen
                if _is_of(visit, person.id)
            ],
            url_for("visits.new", whom=person.id),
        )
        for person in people
    ]


def _is_of(visit: SeenVisit, person_id: int) -> bool:
    return person_id in {visit.leader.id, *(person.id for person in visit.participants)}


def _companion_rows(session: Session, me: Viewer, on: date, now: datetime) -> list[CompanionRow]:
    """Recent visits in which others named the viewer as a companion, to be left with a button."""
    named = named_by_others(session, me.person_id, since=now - ANSWERS_SHOWN)
    seen = shown_visits(session, me, [entry.visit for entry in named], on)
    return [
        CompanionRow(visit_row(visit, now), entry.by_name)
        for visit, entry in zip(seen, named, strict=True)
    ]


def _followups(session: Session, me: Viewer, on: date, now: datetime) -> MyFollowups:
    followups = due(session, me.person_id, on + FOLLOWUPS_AHEAD, as_of=now)
    seen = shown_followups(session, me, followups, on)
    return MyFollowups(
        due=[entry for entry in seen if entry.followup.due_on <= on],
        upcoming=[entry for entry in seen if entry.followup.due_on > on],
    )


def _answers(session: Session, me: Viewer, on: date, now: datetime) -> list[AbsenceRow]:
    """Recent answers to the viewer's own requests for absence."""
    return [
        absence_row(absence, on) for absence in answered(session, me.person_id, now - ANSWERS_SHOWN)
    ]


def _clock(session: Session, me: Viewer, now: datetime) -> Standstill | None:
    return standstill(session, now=now) if me.role is Role.ADMIN else None


def _team(session: Session, me: Viewer, on: date, now: datetime) -> Team | None:
    sees_units = me.oversees and me.unit_ids
    return team_of(session, me, my_figure_scope(), on, now) if sees_units else None
