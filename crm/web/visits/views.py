"""Pages of visits: the list, the form, one visit and what may be done to it."""

from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base import clock
from crm.base.errors import Refused
from crm.extensions import db
from crm.people.entry_grants import entered_for
from crm.quotas.verdicts import waiting_ids
from crm.visits import service
from crm.visits.merging import merge_visit
from crm.visits.models import Visit
from crm.visits.notifications import tell_joined, tell_named
from crm.visits.permissions import may_change
from crm.visits.queries import VisitFilter, visit_id_entered, visits_page
from crm.visits.redaction import SeenVisit, shown
from crm.visits.rules import Kind, Status
from crm.visits.service import VisitData
from crm.web.auth import my_view, signed_in
from crm.web.edit_conflicts import CurrentRecord, has_conflict, lock_row, version_of
from crm.web.forms import LARGEST_ID, at_cursor, date_arg, enum_arg, row_id, text_arg
from crm.web.site import site
from crm.web.transaction import moment, today
from crm.web.visits.actions import cancel, confirm, done, found, leave, move, noting, reject
from crm.web.visits.detail import page_of
from crm.web.visits.forms import HOURS, VisitForm, as_typed, beginning, in_words, offer, offer_last
from crm.web.visits.frozen_edits import note_frozen, of_seen, require_reason
from crm.web.visits.questions import asks, merged_with
from crm.web.visits.rows import line, tabs

bp = Blueprint("visits", __name__)
ONE = f"/visits/<int(max={LARGEST_ID}):visit_id>"
for step in (done, move, cancel, confirm, reject, leave):
    bp.post(f"{ONE}/{step.__name__}")(step)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the list was asked for."""

    who: str  # mine, or all that one may see
    text: str
    kind: Kind | None
    status: Status | None
    first: date | None
    last: date | None

    @property
    def is_narrow(self) -> bool:
        """Whether anything but whose visits narrows the list."""
        return any((self.text, self.kind, self.status, self.first, self.last))


@bp.get("/visits")
def listing() -> ResponseReturnValue:
    """The visits that one may see, one's own first of all."""
    asked = Asked(
        who="all" if request.args.get("who") == "all" else "mine",
        text=text_arg("q"),
        kind=enum_arg("kind", Kind),
        status=enum_arg("status", Status),
        first=date_arg("from"),
        last=date_arg("to"),
    )
    page = visits_page(
        db.session, my_view(), today(), by=_narrowed(asked), cursor=request.args.get("at")
    )
    visits = shown(db.session, my_view(), page.items, today())
    waiting = waiting_ids(db.session, visits, moment())
    lines = [line(seen, moment(), waiting=waiting) for seen in visits]
    beside = {"newer": at_cursor(page.newer), "older": at_cursor(page.older)}

    return render_template(
        "visits/list.html", asked=asked, lines=lines, **beside, **_choices(asked)
    )


def _narrowed(asked: Asked) -> VisitFilter:
    return VisitFilter(
        text=asked.text,
        kind=asked.kind,
        status=asked.status,
        person_id=signed_in().id if asked.who == "mine" else None,
        first=asked.first,
        last=asked.last,
    )


def _choices(asked: Asked) -> dict[str, object]:
    return {
        "kinds": [("", "全部类型"), *((each.value, each.label) for each in Kind)],
        "statuses": [("", "全部状态"), *((each.value, each.label) for each in Status)],
        "tabs": tabs(asked.who),
    }


@bp.get("/visits/new")
def new() -> ResponseReturnValue:
    """The form, begun with what was chosen last."""
    status = enum_arg("status", Status) or Status.DONE
    begun = beginning(db.session, my_view(), moment(), status=status)
    if lead_id := request.args.get("lead", type=row_id):
        begun["lead_ids"] = [lead_id]
    if entered_for(db.session, signed_in().id, today()):  # nobody leads a visit unchosen
        begun |= {"leader_id": None, "for_id": request.args.get("whom", type=row_id)}
    form = VisitForm(data=begun)
    return _new_page(form)


def _new_page(form: VisitForm) -> str:
    offer(db.session, form, my_view(), today())
    offer_last(db.session, form, my_view(), today())
    return render_template("visits/new.html", form=form)


@bp.post("/visits/new")
def create() -> ResponseReturnValue:
    """Log the visit; a form that comes twice is one visit."""
    form = VisitForm()
    if (known := _entered_already(form.ref.data)) is not None:
        flash("这次拜访已经登记过，没有重复保存。", "info")
        return redirect(url_for(".show", visit_id=known))

    is_led_by_choice = not form.lead_by_whom_it_is_for()

    if form.validate():
        try:
            data = form.told(moment())
            require_reason(db.session, form, data)
            visit = _kept(form, data)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            if visit:
                return redirect(url_for(".show", visit_id=visit.id))

    if not is_led_by_choice:  # whoever is picked next leads it
        form.leader_id.data = None

    return _new_page(form), 422


def _kept(form: VisitForm, data: VisitData) -> Visit | None:
    """The visit, logged or folded into another; none where the form has something to ask."""
    if (other_id := merged_with()) is not None:
        return _merge(found(other_id), data)
    return None if asks(form, data) else _log(data)


def _merge(visit: Visit, data: VisitData) -> Visit:
    dates = {visit.first_on, visit.last_on, clock.civil_date(data.starts_at)}

    def merge(rows: Session) -> Visit:
        there = {visit.leader_id, *(each.id for each in visit.participants)}
        joins = signed_in().id in {data.leader_id, *data.participant_ids} - there
        merge_visit(rows, visit=visit, data=data, by=signed_in(), now=moment())
        told: dict[str, Any] = {"visit": visit, "by": signed_in(), "now": moment(), "site": site()}
        tell_named(rows, **told)
        if joins:
            tell_joined(rows, **told)
        return visit

    people = (visit.leader_id, *data.participant_ids, data.leader_id)
    return noting(merge, people, dates, "已合并到原有的拜访，所填内容已补入。")


def _entered_already(ref: str | None) -> int | None:
    return visit_id_entered(db.session, ref=ref, by_id=signed_in().id)


def _log(data: VisitData) -> Visit:
    dates = {clock.civil_date(data.starts_at), clock.last_civil_date(data.ends_at)}
    people = (data.leader_id, *data.participant_ids)

    def enter(rows: Session) -> Visit:
        visit = service.log_visit(rows, data=data, by=signed_in(), now=moment())
        tell_named(rows, visit=visit, by=signed_in(), now=moment(), site=site())
        return visit

    said = "已登记为完成。" if data.status is Status.DONE else "已存为计划。"
    return noting(enter, people, dates, said)


def _seen(visit: Visit) -> SeenVisit:
    return shown(db.session, my_view(), [visit], today())[0]


def _mine_to_change(visit_id: int) -> Visit:
    visit = found(visit_id)
    if visit.status is Status.CANCELLED or not may_change(db.session, my_view(), visit.id, today()):
        abort(404)
    return visit


@bp.get(ONE)
def show(visit_id: int) -> ResponseReturnValue:
    """One visit, as far as I may see it."""
    visit = found(visit_id)
    return render_template("visits/show.html", page=page_of(_seen(visit)))


@bp.get(f"{ONE}/edit")
def edit(visit_id: int) -> ResponseReturnValue:
    """The form of a visit, to fill in what was left open or to set it right."""
    visit = _mine_to_change(visit_id)
    seen = _seen(visit)
    current = CurrentRecord(visit, as_typed(seen), in_words(seen))
    form = VisitForm(data={**current.values, "seen": version_of(db.session, current)})
    return _edit_page(form, seen)


def _edit_page(form: VisitForm, seen: SeenVisit) -> str:
    offer(db.session, form, my_view(), today())
    if not form.frozen:
        note_frozen(db.session, form, of_seen(seen))
    return render_template("visits/edit.html", form=form, visit=seen)


@bp.post(f"{ONE}/edit")
def change(visit_id: int) -> ResponseReturnValue:
    """Keep what the form says of the visit."""
    lock_row(db.session, Visit, visit_id)
    visit = _mine_to_change(visit_id)
    form, seen = VisitForm(), _seen(visit)
    is_valid = form.validate()
    is_lost = is_valid and _is_overtaken(form, visit, seen)

    if is_valid and not is_lost:
        try:
            data = form.told(moment(), seen)
            require_reason(db.session, form, data, seen)
            is_asked = asks(form, data, visit)
            if not is_asked:
                _rewrite(visit, data)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            if not is_asked:
                return redirect(url_for(".show", visit_id=visit_id))

    return _edit_page(
        form, seen
    ), HTTPStatus.CONFLICT if is_lost else HTTPStatus.UNPROCESSABLE_ENTITY


def _is_overtaken(form: VisitForm, visit: Visit, seen: SeenVisit) -> bool:
    current = CurrentRecord(visit, as_typed(seen), in_words(seen))
    hidden = HOURS if form.kind.data is Kind.RESIDENCY else ()
    return has_conflict(db.session, form, current, but=hidden)


def _rewrite(visit: Visit, data: VisitData) -> Visit:
    dates = {clock.civil_date(data.starts_at), clock.last_civil_date(data.ends_at)}

    def rewrite(rows: Session) -> Visit:
        service.change_visit(rows, visit=visit, data=data, by=signed_in(), now=moment())
        tell_named(rows, visit=visit, by=signed_in(), now=moment(), site=site())
        return visit

    people = (data.leader_id, *data.participant_ids)
    return noting(rewrite, people, dates | {visit.first_on, visit.last_on}, "已保存。")
