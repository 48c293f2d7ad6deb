"""Pages of visits: the list, the form, one visit and what may be done to it."""

from collections.abc import Sequence
from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.extensions import db
from crm.people.entry_grants import entered_for
from crm.people.models import Person
from crm.quotas.frozen_edits import reach_of_visit
from crm.visits.models import Visit
from crm.visits.permissions import may_change
from crm.visits.queries import LastChoices, last_choices, last_meeting, visit_id_entered
from crm.visits.redaction import SeenVisit, shown
from crm.visits.rules import Kind, Status
from crm.web.auth import my_view, signed_in
from crm.web.device_time import typed_at
from crm.web.edit_conflicts import CurrentRecord, has_conflict, version_of
from crm.web.forms import LARGEST_ID, enum_arg, row_id
from crm.web.transaction import moment, today
from crm.web.unseen_changes import position_shown
from crm.web.visits.actions import (
    cancel,
    confirm,
    done,
    leave,
    log,
    merge,
    move,
    reject,
    restore,
    rewrite,
    undo,
)
from crm.web.visits.company_rows import asks_for_row
from crm.web.visits.detail import visit_page
from crm.web.visits.files import FILES
from crm.web.visits.forms import (
    HOURS,
    VisitForm,
    form_values,
    initial_values,
    offer_last_choices,
    offer_owners,
    set_choices,
    value_labels,
)
from crm.web.visits.listing import export, listing, sums
from crm.web.visits.questions import checked, merge_target_id, must_ask, note_frozen, require_reason
from crm.web.visits.quick import (
    REST,
    ChipShown,
    QuickEntry,
    chips_of,
    form_of,
    has_rest,
    keep_rest,
    planned_rows,
    read_entry,
    step_facts,
    step_links,
    take_rest,
    typed,
    values_of,
)
from crm.web.visits.quick_remarks import supplemented
from crm.web.visits.reporting import visit_or_404, visit_or_none

bp = Blueprint("visits", __name__)
VISIT = f"/visits/<int(max={LARGEST_ID}):visit_id>"
FILES.register(bp, VISIT)
# Each function has the name of its route.
for action in (done, move, cancel, restore, undo, confirm, reject, leave):
    bp.post(f"{VISIT}/{action.__name__}")(action)
bp.get("/visits")(listing)
bp.get("/visits/sums")(sums)
bp.get("/visits/export<any('.csv', '.xlsx'):suffix>")(export)


@bp.get("/visits/new")
def new() -> ResponseReturnValue:
    """The form, filled in with what was chosen last."""
    last, owners = _last(), _owners()
    status = enum_arg("status", Status) or Status.DONE
    values = initial_values(last, signed_in().id, moment(), status=status)
    if lead_id := request.args.get("lead", type=row_id):
        values |= {"lead_ids": [lead_id], **_met_before(lead_id)}
    if owners:  # nobody leads a visit unchosen
        values |= {"leader_id": None, "for_id": request.args.get("whom", type=row_id)}
    return _new_page(VisitForm(data=values), last, owners)


def _met_before(lead_id: int) -> dict[str, object]:
    """Where the lead was last visited, and whom one met there."""
    last = last_meeting(db.session, my_view(), lead_id, today())
    if last is None:
        return {}
    values: dict[str, object] = {"city": last.city} if last.city else {}
    if last.met or last.position:
        values["companies"] = [{"met": last.met, "position": last.position}]
    return values


def _last() -> LastChoices:
    return last_choices(db.session, my_view(), today())


def _owners() -> Sequence[Person]:
    return entered_for(db.session, signed_in().id, today())


def _new_page(
    form: VisitForm,
    last: LastChoices,
    owners: Sequence[Person],
    entry: QuickEntry | None = None,
) -> str:
    set_choices(db.session, form, my_view(), today(), last)
    offer_last_choices(form, my_view(), last)
    offer_owners(form, my_view(), owners)
    chips, rest = _of_entry(form, entry)
    return render_template(
        "visits/new.html", form=form, entry=entry, chips=chips, rest=rest, text=take_rest()
    )


def _of_entry(form: VisitForm, entry: QuickEntry | None) -> tuple[list[ChipShown], str]:
    """The values that a quick entry has filled in, and what is left of it."""
    if entry is None:
        return [], request.form.get(REST, "")
    return chips_of(form, entry.draft), entry.rest


@bp.post("/visits/quick")
def quick() -> ResponseReturnValue:
    """The form, filled in from a typed line; nothing is saved (ENTRY 1)."""
    entry = read_entry(db.session, my_view(), typed(), typed_at())
    if entry is None:
        return redirect(url_for(".new"))
    if entry.draft.is_visit:
        if page := _supplement_page(entry):
            return page
        return _new_page(form_of(entry.draft, today()), _last(), _owners(), entry)

    command = entry.draft.command
    plans = planned_rows(db.session, my_view(), command.what, moment()) if command else []
    steps = step_links(db.session, my_view(), entry.draft, today())
    context = {"plans": plans, "steps": steps, "facts": step_facts(entry.draft)}
    return render_template("visits/quick.html", entry=entry, **context)


def _supplement_page(entry: QuickEntry) -> str | None:
    """The form of the writer's stay with what the entry adds; none where it stands by itself."""
    asked = entry.remarks.stay
    visit = visit_or_none(asked.visit_id) if asked and asked.visit_id else None
    if visit is None or asked is None or not _is_changeable(visit):
        return None
    seen = _seen(visit)
    if not seen.is_readable:
        return None
    current = _current(visit, seen)
    values = supplemented(current.values, values_of(entry.draft), asked.stay, entry.draft, today())
    form = VisitForm(formdata=None, data={**values, "seen": version_of(db.session, current)})
    return _edit_page(form, seen, entry)


@bp.post("/visits/new")
def create() -> ResponseReturnValue:
    """Log the visit; a form that is sent twice is one visit."""
    form = VisitForm()
    if answer := _known_answer(form):
        return answer

    is_leader_assumed = form.assume_leader()
    if asks_for_row():
        form.companies.append_entry()
    elif visit := _save_new(form):
        return _after(visit.id)
    # sent twice at once: what it is refused or asked about may be itself, saved since
    elif answer := _known_answer(form):
        return answer

    if is_leader_assumed:  # whoever is chosen next leads it
        form.leader_id.data = None
    return _new_page(form, _last(), _owners()), HTTPStatus.UNPROCESSABLE_ENTITY


def _after(visit_id: int) -> ResponseReturnValue:
    """The visit that was saved; where a quick entry goes on, the form of what is left of it."""
    keep_rest()
    return redirect(url_for(".new") if has_rest() else url_for(".show", visit_id=visit_id))


def _known_answer(form: VisitForm) -> ResponseReturnValue | None:
    """The way to the visit that this form has entered already."""
    known_id = visit_id_entered(db.session, ref=form.ref.data, by_id=signed_in().id)
    if known_id is None:
        return None
    flash("这次拜访已登记，未重复保存。", "info")
    return redirect(url_for(".show", visit_id=known_id))


def _save_new(form: VisitForm) -> Visit | None:
    """The visit, logged or merged; none where the form is refused or has questions."""
    if not form.validate():
        return None

    try:
        data = form.visit_data(moment())
        require_reason(form, data)
        if (visit_id := merge_target_id()) is not None:
            return merge(visit_or_404(visit_id), data)
        new = checked(form, data)
        return log(new) if new else None
    except Refused as refusal:
        form.refuse(refusal)
        return None


def _seen(visit: Visit) -> SeenVisit:
    return shown(db.session, my_view(), [visit], today())[0]


def _is_changeable(visit: Visit) -> bool:
    is_open = visit.status is not Status.CANCELLED
    return is_open and may_change(db.session, my_view(), visit.id, today())


def _changeable_or_404(visit_id: int) -> Visit:
    visit = visit_or_404(visit_id)
    return visit if _is_changeable(visit) else abort(404)


@bp.get(VISIT)
def show(visit_id: int) -> ResponseReturnValue:
    """One visit, as far as I may see it."""
    shown_at = position_shown()
    page = visit_page(_seen(visit_or_404(visit_id)), shown_at=shown_at)
    return render_template("visits/show.html", page=page)


@bp.get(f"{VISIT}/edit")
def edit(visit_id: int) -> ResponseReturnValue:
    """The form of a visit, to complete or correct it."""
    visit = _changeable_or_404(visit_id)
    seen = _seen(visit)
    current = _current(visit, seen)
    form = VisitForm(data={**current.values, "seen": version_of(db.session, current)})
    return _edit_page(form, seen)


def _current(visit: Visit, seen: SeenVisit) -> CurrentRecord:
    return CurrentRecord(visit, form_values(seen), value_labels(seen))


def _edit_page(form: VisitForm, seen: SeenVisit, entry: QuickEntry | None = None) -> str:
    form.hides_words = not seen.is_readable
    set_choices(db.session, form, my_view(), today())
    # a refused form has named its frozen periods already
    if not form.frozen:
        note_frozen(form, reach_of_visit(seen))
    chips, rest = _of_entry(form, entry)
    return render_template(
        "visits/edit.html", form=form, visit=seen, entry=entry, chips=chips, rest=rest
    )


@bp.post(f"{VISIT}/edit")
def change(visit_id: int) -> ResponseReturnValue:
    """Save the changed visit."""
    # of two edits at once the second waits here, and then sees the first
    lock_row(db.session, Visit, visit_id)
    visit = _changeable_or_404(visit_id)
    form, seen = VisitForm(), _seen(visit)
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    if asks_for_row():
        form.companies.append_entry()
    elif form.validate():
        hidden = HOURS if form.kind.data is Kind.RESIDENCY else ()
        if has_conflict(db.session, form, _current(visit, seen), but=hidden):
            status = HTTPStatus.CONFLICT
        elif _save_change(form, visit, seen):
            return _after(visit_id)

    return _edit_page(form, seen), status


def _save_change(form: VisitForm, visit: Visit, seen: SeenVisit) -> bool:
    """Whether the change was saved; else the form shows a refusal or questions."""
    try:
        data = form.visit_data(moment(), seen)
        require_reason(form, data, seen)
        if must_ask(form, data, visit):
            return False
        rewrite(visit, data)
    except Refused as refusal:
        form.refuse(refusal)
        return False
    return True
