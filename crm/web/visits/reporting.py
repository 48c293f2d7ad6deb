"""Changes of visits by buttons and forms, with messages about the figures that they change."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import TypeAlias

from flask import abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.extensions import db
from crm.people.models import Person
from crm.people.permissions import may_see as may_see_person
from crm.quotas.facts import facts_for
from crm.quotas.live import VisitChange
from crm.quotas.queries import figures_around_change
from crm.visits.models import Visit
from crm.visits.queries import visit_by_id
from crm.visits.taking_back import new_visit_of, unrecorded
from crm.web.auth import my_view, signed_in
from crm.web.change_reasons import explained
from crm.web.corrections.rows import corrections_notice
from crm.web.errors import refusal_text
from crm.web.forms import back_to
from crm.web.notices import Line, flash_change
from crm.web.quotas.quota_effects import quota_effects
from crm.web.transaction import moment, today
from crm.web.visits.undo_offers import undo_offer

Change: TypeAlias = Callable[[Session, Visit], Visit]


def visit_or_none(visit_id: int) -> Visit | None:
    """The visit, where I may see or judge it."""
    return visit_by_id(db.session, my_view(), visit_id, today())


def visit_or_404(visit_id: int) -> Visit:
    """The visit, where I may see or judge it."""
    return visit_or_none(visit_id) or abort(404)


def apply_change(
    visit_id: int, message: str, change: Change, *, dates: Iterable[date] = ()
) -> ResponseReturnValue:
    """Change a visit, and go back to the page of the button."""
    visit = visit_or_404(visit_id)
    people = (visit.leader_id, *(person.id for person in visit.participants))
    all_dates = {visit.first_on, visit.last_on, *dates}
    back = back_to(url_for("visits.show", visit_id=visit_id))

    try:
        change_and_report(
            lambda session: change(session, visit), people, all_dates, message, visit=visit
        )
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")

    return redirect(back)


def change_and_report(
    change: Callable[[Session], Visit],
    people: Iterable[int],
    dates: Iterable[date],
    message: str,
    *,
    visit: Visit | None = None,
) -> Visit:
    """Make a change, and flash what it did to my figures, or else to those of the leader.

    `visit`: the one that is changed; None for a new one.
    """
    leader_id, *_ = people = tuple(people)
    person_id = signed_in().id if signed_in().id in people else leader_id
    was = facts_for(db.session, visit, person_id) if visit else None
    all_dates = set(dates)

    with explained() as session:
        # under the lock of the change, so that no other one comes between
        stood = unrecorded(session, visit) if visit else new_visit_of(people)
        visit = change(session)

    all_dates |= {visit.first_on, visit.last_on}
    lines = [*_effects(VisitChange(visit.id, person_id, was), all_dates)]
    if notice := corrections_notice():
        lines.append(Line("info", notice))
    flash_change(message, lines, undo_offer(visit, stood, all_dates))

    return visit


def _effects(change: VisitChange, dates: Iterable[date]) -> Iterator[Line]:
    """How the person's figures differ; read after the change, for which others wait."""
    is_mine = change.person_id == signed_in().id
    # REGIME 3: figures of others only where they are in my scope
    if not is_mine and not may_see_person(db.session, my_view(), change.person_id, today()):
        return

    name = "" if is_mine else db.session.get_one(Person, change.person_id).name
    before, after = figures_around_change(db.session, dates, moment(), change)
    for effect in quota_effects(before, after, change.visit_id, today=today(), person_name=name):
        yield Line(effect.tone, effect.text)
