"""The viewer's own records on the start page: visits, follow-ups, restricted leads, answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from flask import url_for
from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.remembered import remembered, remembered_long
from crm.base.value_class import value_class
from crm.followups.queries import due_for_now
from crm.followups.redaction import SeenFollowup
from crm.leads.queries import named_lately
from crm.leads.rules import Secrecy
from crm.people.absence_approval import answered
from crm.people.entry_grants import day_grants
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.quotas.pending_visits import ids_awaiting_verdict, last_dates_to_log
from crm.visits.day import DayVisits, day_visits
from crm.visits.redaction import SeenVisit
from crm.web.absences.rows import AbsenceRow, absence_row
from crm.web.people.entry_grants import sentence_of
from crm.web.visits.rows import (
    PLANNED,
    UNSETTLED,
    Chip,
    VisitRow,
    is_stay,
    visit_row,
    with_deadline,
)

FOLLOWUPS_AHEAD = timedelta(days=7)
LATELY = timedelta(days=7)


@value_class
class MyVisits:
    unsettled: list[VisitRow]  # planned, their dates past, neither done nor cancelled
    todays: list[VisitRow]
    upcoming: list[VisitRow]

    def all(self) -> list[VisitRow]:
        return [*self.unsettled, *self.todays, *self.upcoming]


@value_class
class EnteredFor:
    """A person for whom the viewer enters visits (代录), with today's and unsettled visits."""

    name: str
    visits: list[VisitRow]
    new_url: str


@value_class
class CompanionRow:
    """A visit in which someone else named the viewer as a companion."""

    row: VisitRow
    by_name: str


@value_class
class MyFollowups:
    due: list[SeenFollowup]  # today or earlier
    upcoming: list[SeenFollowup]
    until: datetime | None  # when an edit changes them that is committed already


@value_class
class RestrictedLead:
    """A restricted lead that the viewer may see."""

    id: int
    title: str
    secrecy: Secrecy


@value_class
class Records:
    """What the viewer's own records ask of them today."""

    visits: MyVisits
    entered_for: list[EnteredFor]
    companion_rows: list[CompanionRow]
    followups: MyFollowups
    restricted: list[RestrictedLead]
    answers: list[AbsenceRow]


@value_class
class Owner:
    """A person for whom the viewer enters visits."""

    id: int
    name: str


@value_class
class Grants:
    """For whom the viewer enters, and sentences on what others changed lately."""

    owners: list[Owner]
    sentences: list[str]


def grants_of(session: Session, person: Person, on: date) -> Grants:
    """The grants to or of the person; of changes those since so many days ago."""

    def read() -> Grants:
        grants = day_grants(session, person.id, on, since=_lately(on))
        owners = [Owner(owner.id, owner.name) for owner in grants.owners]
        return Grants(owners, [sentence_of(grant, person) for grant in grants.changed])

    return remembered_long(session, "grants", person.id, on, read=read)


def _lately(on: date) -> datetime:
    """From when on changes are shown: the same moment for the whole day."""
    return at_civil(on - LATELY)


def records_of(session: Session, me: Viewer, owners: Sequence[Owner], now: datetime) -> Records:
    """The records of the day."""
    on = civil_date(now)
    owner_ids = [owner.id for owner in owners]
    day = day_visits(session, me, now, owner_ids=owner_ids, named_since=_lately(on))
    rows = _rows(session, day, now)
    unsettled_ids = {visit.id for visit in day.unsettled}

    return Records(
        visits=MyVisits(
            [_without(UNSETTLED, rows[visit.id]) for visit in day.unsettled],
            # a visit that ended today stands among the unsettled alone
            [rows[visit.id] for visit in day.todays if visit.id not in unsettled_ids],
            [_without(PLANNED, rows[visit.id]) for visit in day.upcoming],
        ),
        entered_for=[_entered_for(owner, me, day, rows) for owner in owners],
        companion_rows=[
            CompanionRow(visit_row(named.visit, now), named.by_name) for named in day.named
        ],
        followups=_my_followups(session, me, now),
        restricted=_restricted(session, me, on),
        answers=_answers(session, me, on),
    )


def _without(chip: Chip, row: VisitRow) -> VisitRow:
    """The row without the remark that its heading makes."""
    return replace(row, chips=tuple(other for other in row.chips if other != chip))


def _rows(session: Session, day: DayVisits, now: datetime) -> dict[int, VisitRow]:
    """By id, the visits that are the viewer's to change, with their buttons."""
    shown = {visit.id: visit for visit in day.changeable()}
    waiting = ids_awaiting_verdict(session, shown.values(), now)
    rows = {
        visit_id: visit_row(visit, now, changeable_ids=[visit_id], waiting_ids=waiting)
        for visit_id, visit in shown.items()
    }

    # REGIME 3: an ended stay goes on counting up to a date, which its row names
    stays = [visit for visit in day.unsettled if is_stay(visit)]
    for visit_id, until in last_dates_to_log(session, stays).items():
        rows[visit_id] = with_deadline(rows[visit_id], until, civil_date(now))

    return rows


def _entered_for(
    owner: Owner, me: Viewer, day: DayVisits, rows: Mapping[int, VisitRow]
) -> EnteredFor:
    """The visits of somebody for whom the viewer enters, without the viewer's own."""
    theirs = [
        rows[visit.id]
        for visit in day.of_others
        if _is_of(visit, owner.id) and not _is_of(visit, me.person_id)
    ]
    return EnteredFor(owner.name, theirs, url_for("visits.new", whom=owner.id))


def _is_of(visit: SeenVisit, person_id: int) -> bool:
    return person_id in {visit.leader.id, *(person.id for person in visit.participants)}


def _my_followups(session: Session, me: Viewer, now: datetime) -> MyFollowups:
    on = civil_date(now)
    followups, until = due_for_now(session, me, on + FOLLOWUPS_AHEAD, as_of=now)
    return MyFollowups(
        due=[entry for entry in followups if entry.followup.due_on <= on],
        upcoming=[entry for entry in followups if entry.followup.due_on > on],
        until=until,
    )


def _restricted(session: Session, me: Viewer, on: date) -> list[RestrictedLead]:
    """Restricted leads on which the viewer was named lately."""
    return remembered(
        *(session, "restricted leads", me.person_id, on),
        read=lambda: [
            RestrictedLead(lead.id, lead.title, lead.secrecy)
            for lead in named_lately(session, me.person_id, on)
        ],
    )


def _answers(session: Session, me: Viewer, on: date) -> list[AbsenceRow]:
    """Recent answers to the viewer's own requests for absence."""
    return remembered(
        *(session, "answers", me.person_id, on),
        read=lambda: [
            absence_row(absence, on) for absence in answered(session, me.person_id, _lately(on))
        ],
    )
