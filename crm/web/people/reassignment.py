"""The page that hands over everything open in a person's name (REGIME 2)."""

from collections.abc import Set as AbstractSet

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.extensions import db
from crm.followups.notifications import HandedLine
from crm.leads.redaction import LeadLabel, lead_labels
from crm.people.absence_approval import absence_of, may_decide
from crm.people.choices import Group, PeopleAsked
from crm.people.models import Absence, Person
from crm.people.queries import by_username
from crm.people.rules import AbsenceStatus, Role
from crm.quotas.queries import working_calendar
from crm.reassignment.notifications import lines_for, text_of
from crm.reassignment.queries import OpenThing, Span, heirs_of
from crm.reassignment.rules import Thing, is_long
from crm.reassignment.service import Moved, Plan, hand_over, open_things
from crm.web.auth import my_view, signed_in
from crm.web.change_reasons import explained
from crm.web.choices.fields import PersonField, offer_people
from crm.web.errors import refusal_text
from crm.web.forms import row_id
from crm.web.site import site
from crm.web.transaction import moment, today, trial

bp = Blueprint("reassignment", __name__)
PAGE = "/handover/<username>"
PREVIEWED = "previewed"  # the field that names what was to be handed over
STAYS, AS_ALL = "stay", "as_all"  # choices of a row besides a person


@value_class
class ThingRow:
    """An open item with its chosen successor and the refusal of that choice."""

    key: str
    kind: str
    text: str
    leads: str
    chosen: str
    error: str
    is_handed_over: bool
    settle_url: str | None


class ToAllForm(FlaskForm):
    """Who takes over everything without a successor of its own."""

    to_all = PersonField("全部交给")


@value_class
class Asked:
    """The form: a successor for everything, and choices for single items."""

    to_all: str
    lines: dict[str, str]

    @classmethod
    def read(cls) -> "Asked":
        """Read it from the request."""
        lines = {
            name.removeprefix("to-"): text
            for name, text in request.form.items()
            if name.startswith("to-")
        }
        return cls(request.form.get("to_all", ""), lines)

    def plan(self, things: list[OpenThing], span: Span | None) -> Plan:
        """The successor of each item; refused as `no_such_person` for unknown ones."""
        wanted = {}
        for thing in things:
            choice = self.lines.get(thing.key, AS_ALL)
            if choice == AS_ALL:
                choice = self.to_all
            # REGIME 2: a visit that has begun is not handed over; only a stay is cut
            if thing.kind is not Thing.BEGUN and choice not in (STAYS, ""):
                wanted[thing.key] = _id(choice)
        return Plan(wanted, span)


def open_count(session: Session, person: Person, absence: Absence | None = None) -> int:
    """How many things are open in the person's name; with an absence, those that it concerns."""
    return len(open_things(session, person, moment(), _span(absence)))


def is_long_absence(session: Session, absence: Absence) -> bool:
    """Whether an approved absence offers to hand over for its duration."""
    is_approved = absence.status is AbsenceStatus.APPROVED
    calendar = working_calendar(session)
    return is_approved and is_long(calendar, absence.from_on, absence.to_on)


def page_url(person: Person, absence: Absence | None = None) -> str:
    """The address of the page."""
    absence_id = absence.id if absence else None
    return url_for("reassignment.show", username=person.username, absence=absence_id)


def _id(text: str) -> int:
    try:
        return row_id(text)
    except ValueError:
        return 0  # matches nobody


def _person(username: str) -> Person:
    """The person; 404 where I may not hand over for them."""
    person = by_username(db.session, username)
    me = signed_in()
    if person is None or not (
        me.role is Role.ADMIN or may_decide(db.session, me, person.id, today())
    ):
        abort(404)
    return person


def _absence(person: Person) -> Absence | None:
    """The long absence to which the hand-over is limited, if any; 404 where it is over."""
    if "absence" not in request.args:
        return None
    absence_id = request.args.get("absence", type=row_id) or abort(404)
    absence = absence_of(db.session, person.id, absence_id)
    if absence is None or absence.to_on < today() or not is_long_absence(db.session, absence):
        abort(404)
    return absence


def _span(absence: Absence | None) -> Span | None:
    return Span(absence.from_on, absence.to_on) if absence else None


@bp.get(PAGE)
def show(username: str) -> ResponseReturnValue:
    """Everything open in the person's name, each with whom it goes to."""
    person = _person(username)
    return _page(person, _absence(person), Asked("", {}))


def _page(
    person: Person, absence: Absence | None, asked: Asked, problem: Refused | None = None
) -> str:
    things = open_things(db.session, person, moment(), _span(absence))
    labels = _labels(things)
    errors = {refusal.field: refusal_text(refusal) for refusal in getattr(problem, "problems", ())}
    form = ToAllForm(data={"to_all": None})
    named = {_id(choice) for choice in asked.lines.values()} - {0}
    successors = PeopleAsked(my_view(), today(), Group.STAYING, without=person.id)
    offer_people(db.session, successors, form.to_all, also=sorted(named))

    return render_template(
        "people/reassignment.html",
        person=person,
        absence=absence,
        dates=formatting.span(absence.from_on, absence.to_on) if absence else "",
        lines=[_line(thing, labels, asked, errors) for thing in things],
        problem=refusal_text(problem) if problem else "",
        form=form,
        candidates=_candidates(form, named),
        heir=next((heir.name for heir in heirs_of(db.session, person, moment())), ""),
        home=_home(person, absence),
    )


def _labels(things: list[OpenThing]) -> dict[int, LeadLabel]:
    lead_ids = {lead_id for thing in things for lead_id in thing.lead_ids}
    return lead_labels(db.session, my_view(), lead_ids, today())


def _line(
    thing: OpenThing, labels: dict[int, LeadLabel], asked: Asked, errors: dict[str | None, str]
) -> ThingRow:
    return ThingRow(
        thing.key,
        thing.kind.label,
        text_of(thing, labels),
        "、".join(labels[lead_id].text for lead_id in sorted(thing.lead_ids)),
        asked.lines.get(thing.key, AS_ALL),
        errors.get(thing.key, ""),
        thing.kind is not Thing.BEGUN,
        url_for("visits.show", visit_id=thing.row_id) if thing.kind is Thing.BEGUN else None,
    )


def _candidates(form: ToAllForm, named: AbstractSet[int]) -> list[tuple[str, str]]:
    """The people in the list of each row: those named in any, and all after a search."""
    choices = [choice for choice in form.to_all.choices if choice.value]
    if not form.to_all.sought:
        shown = named | form.to_all.ids
        choices = [choice for choice in choices if int(choice.value) in shown]
    return [(choice.value, choice.label) for choice in choices]


def _home(person: Person, absence: Absence | None) -> str:
    if absence:
        return url_for("absences.show", absence_id=absence.id)
    if signed_in().role is Role.ADMIN:
        return url_for("people.show", username=person.username)
    return url_for("absences.listing", view="team")


@bp.post(PAGE)
def change(username: str) -> ResponseReturnValue:
    """Preview the hand-over, or carry it out once confirmed."""
    person, asked = _person(username), Asked.read()
    absence = _absence(person)
    if ToAllForm().to_all.sought:
        return _page(person, absence, asked)

    try:
        if request.form.get("do") == "confirm":
            return redirect(_do(person, absence, asked))
        return _preview(person, absence, asked)
    except Refused as refusal:
        # read again: the refusal rolled the transaction back
        person = _person(username)
        return _page(person, _absence(person), asked, refusal), 422


def _do(person: Person, absence: Absence | None, asked: Asked) -> str:
    home = _home(person, absence)
    with explained() as session:
        moved = _hand_over(session, person, absence, asked)
        # more may be open in the person's name than the preview showed
        previewed = request.form.get(PREVIEWED)
        if previewed is not None and previewed != _keys(moved):
            raise Refused("things_changed")
    flash(f"已交接 {len(moved)} 项，接手人和本人都会收到清单。", "success")
    return home


def _keys(moved: list[Moved]) -> str:
    return " ".join(sorted(move.thing.key for move in moved))


def _preview(person: Person, absence: Absence | None, asked: Asked) -> ResponseReturnValue:
    # carried out and rolled back, so that the preview cannot differ from the result
    with trial() as session:
        things = open_things(session, person, moment(), _span(absence))
        moved = _hand_over(session, person, absence, asked)
        lines = _moved_rows(session, moved)
        has_stay = any(move.thing.kind is Thing.STAY for move in moved)
        context = {"has_stay": has_stay, "name": person.name, "home": page_url(person, absence)}

    left = len(things) - len(moved)
    sent = [
        item
        for item in request.form.items(multi=True)
        if item[0] not in ("csrf_token", "do", PREVIEWED)
    ]

    return render_template(
        "people/reassignment_preview.html",
        lines=lines,
        left=left,
        sent=[*sent, (PREVIEWED, _keys(moved))],
        absence=absence,
        **context,
    )


def _hand_over(
    session: Session, person: Person, absence: Absence | None, asked: Asked
) -> list[Moved]:
    things = open_things(session, person, moment(), _span(absence))
    plan = asked.plan(things, _span(absence))
    # the page showed something that has been settled since
    if unknown := asked.lines.keys() - {thing.key for thing in things}:
        raise Refused("things_changed", field=min(unknown))
    if not plan.successors:
        raise Refused("nobody_named", field="to_all")
    return hand_over(session, person=person, plan=plan, by=signed_in(), now=moment(), site=site())


def _moved_rows(session: Session, moved: list[Moved]) -> list[HandedLine]:
    pairs = [(move.thing, move.to) for move in moved]
    return lines_for(session, signed_in(), pairs, moment())
