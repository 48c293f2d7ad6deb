"""Changes of visits by buttons and forms, with messages about the figures that they change."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import TypeAlias

from flask import abort, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.audit_chain import changed_meanwhile
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.extensions import db
from crm.people.models import Person
from crm.people.permissions import may_see as may_see_person
from crm.quotas.facts import facts_for
from crm.quotas.visit_effects import (
    JudgedFacts,
    VisitChange,
    figures_around,
    read_facts,
    with_new_visit,
)
from crm.visits.models import Visit
from crm.visits.queries import visit_by_id
from crm.visits.taking_back import new_visit_of, unrecorded
from crm.web.auth import my_view, signed_in
from crm.web.change_reasons import explained
from crm.web.corrections.rows import corrections_notice
from crm.web.errors import refusal_text
from crm.web.forms import back_to
from crm.web.notices import Line, Undo, flash_change
from crm.web.quotas.quota_effects import quota_effects
from crm.web.transaction import moment, today
from crm.web.visits.undo_offers import is_frozen, undo_of_step, undo_offer

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


@value_class
class ReadBefore:
    """What the message about a new visit needs, read while nobody waits."""

    people: tuple[int, ...]  # the leader first
    dates: frozenset[date]
    facts: JudgedFacts | None  # none: the reader may not see the figures
    is_frozen: bool


def read_before(people: tuple[int, ...], dates: Iterable[date]) -> ReadBefore:
    """Read what the message about a new visit of these people will rest on."""
    person_id, on = _person_reported(people), frozenset(dates)
    facts = read_facts(db.session, person_id, on) if _may_see(person_id) else None
    return ReadBefore(people, on, facts, is_frozen(people, on))


def log_and_report(change: Callable[[Session], Visit], before: ReadBefore, message: str) -> Visit:
    """Log a visit, and flash what it did to my figures, or else to those of the leader.

    Nothing is read after the commit, unless others have changed visits since.
    """
    with explained() as session:
        visit = change(session)

    lines: list[Line] = []
    if before.facts:
        changed = changed_meanwhile(db.session)
        judged = with_new_visit(db.session, before.facts, visit, changed)
        lines += _effects(judged, VisitChange(visit.id, judged.person_id, None))
    stood = new_visit_of(before.people)
    undo = None if before.is_frozen else undo_of_step(visit, stood, before.dates)
    _flash(message, lines, undo)

    return visit


def change_and_report(
    change: Callable[[Session], Visit],
    people: Iterable[int],
    dates: Iterable[date],
    message: str,
    *,
    visit: Visit,
) -> Visit:
    """Change a visit, and flash what it did to my figures, or else to those of the leader."""
    people, all_dates = tuple(people), set(dates)
    person_id = _person_reported(people)
    was = facts_for(db.session, visit, person_id)

    with explained() as session:
        # under the lock of the change, so that no other one comes between
        stood = unrecorded(session, visit)
        visit = change(session)

    all_dates |= {visit.first_on, visit.last_on}
    lines: list[Line] = []
    if _may_see(person_id):
        judged = read_facts(db.session, person_id, all_dates)
        lines += _effects(judged, VisitChange(visit.id, person_id, was))
    _flash(message, lines, undo_offer(visit, stood, all_dates))

    return visit


def _person_reported(people: tuple[int, ...]) -> int:
    """Whose figures the message is about: mine, or else those of the leader."""
    return signed_in().id if signed_in().id in people else people[0]


def _may_see(person_id: int) -> bool:
    # REGIME 3: figures of others only where they are in my scope
    me = signed_in().id
    return person_id == me or may_see_person(db.session, my_view(), person_id, today())


def _effects(judged: JudgedFacts, change: VisitChange) -> Iterator[Line]:
    """How the person's figures differ, from the facts after the change."""
    is_mine = change.person_id == signed_in().id
    name = "" if is_mine else db.session.get_one(Person, change.person_id).name
    before, after = figures_around(judged, moment(), change)
    for effect in quota_effects(before, after, change.visit_id, today=today(), person_name=name):
        yield Line(effect.tone, effect.text)


def _flash(message: str, lines: list[Line], undo: Undo | None) -> None:
    if notice := corrections_notice():
        lines.append(Line("info", notice))
    flash_change(message, lines, undo)
