"""Pages of follow-ups: the list, one follow-up with its result, and a new one."""

from collections.abc import Collection
from datetime import date
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.errors import Refused
from crm.base.locks import lock_row
from crm.base.refs import new_ref
from crm.extensions import db
from crm.followups import service
from crm.followups.models import Followup
from crm.followups.notifications import tell_handed_over
from crm.followups.permissions import may_change
from crm.followups.queries import (
    followup_by_id,
    followups_page,
    snoozes_of,
    visible_followups,
)
from crm.followups.redaction import SeenFollowup, shown
from crm.people.models import Person
from crm.quotas.queries import working_calendar
from crm.visits.next_step_text import without_due_date
from crm.visits.queries import visit_by_id
from crm.visits.redaction import SeenVisit
from crm.visits.redaction import shown as shown_visits
from crm.web.auth import my_view, signed_in
from crm.web.downloads import export_links
from crm.web.edit_conflicts import CurrentRecord, has_conflict, version_of
from crm.web.errors import refusal_text
from crm.web.followups.exports import asked_list, export, list_filter
from crm.web.followups.files import FILES, of_followup
from crm.web.followups.forms import (
    ChangeForm,
    HandOverForm,
    NewForm,
    OutcomeForm,
    SnoozeForm,
    set_choices,
)
from crm.web.forms import LARGEST_ID, at_cursor, is_saved, row_id
from crm.web.notices import Undo, flash_change
from crm.web.proposed_dates import proposed_due_on
from crm.web.site import site
from crm.web.transaction import moment, today, transaction

bp = Blueprint("followups", __name__)
FOLLOWUP = f"/followups/<int(max={LARGEST_ID}):followup_id>"
TABS = {"due": "到期与逾期", "open": "全部待办", "done": "已办结"}
REFUSAL_FIELDS = {"ref": ""}  # the reference is not shown
FILES.register(bp, FOLLOWUP)


bp.get("/followups/export<any('.csv', '.xlsx'):suffix>")(export)


@bp.get("/followups")
def listing() -> ResponseReturnValue:
    """My follow-ups, or all that I may see: due by now, open, or done."""
    return _listing(HandOverForm(data={"key": new_ref("F", today())}))


def _listing(form: HandOverForm, chosen: Collection[int] = ()) -> str:
    view, who = asked_list()
    set_choices(db.session, form, my_view(), today())
    page = followups_page(
        db.session, my_view(), today(), by=list_filter(view, who), cursor=request.args.get("at")
    )

    return render_template(
        "followups/list.html",
        followups=shown(db.session, my_view(), page.items, today()),
        view=view,
        who=who,
        tabs=_tabs(view, who),
        newer=at_cursor(page.newer),
        older=at_cursor(page.older),
        exports=export_links(".export"),
        form=form,
        chosen=chosen,
        here=url_for(".listing", view=view, who=who),
    )


@bp.post("/followups")
def hand_over() -> ResponseReturnValue:
    """Give the ticked follow-ups to a colleague, who is told by mail."""
    form = HandOverForm()
    ids = set(request.form.getlist("followup", type=row_id))
    steps = visible_followups(db.session, my_view(), ids, today())
    given: dict[Person, list[Followup]] = {}
    for step in steps:
        given.setdefault(step.person, []).append(step)

    def change(session: Session) -> None:
        to = service.hand_over_followups(
            session, followups=steps, to_id=form.person_id.data, by=signed_in(), now=moment()
        )
        tell_handed_over(
            session,
            given={person: rows for person, rows in given.items() if person.id != to.id},
            to=to,
            key=form.key.data or "",
            by=signed_in(),
            now=moment(),
            site=site(),
        )

    if not steps:
        flash("请先勾选要移交的跟进。", "danger")
    elif form.validate() and is_saved(form, change):
        flash(f"已移交 {len(steps)} 项跟进。", "success")
        view, who = asked_list()
        return redirect(url_for(".listing", view=view, who=who))
    return _listing(form, ids), HTTPStatus.UNPROCESSABLE_ENTITY


def _tabs(view: str, who: str) -> list[dict[str, object]]:
    return [
        {"url": url_for(".listing", view=code, who=who), "label": label, "active": code == view}
        for code, label in TABS.items()
    ]


@bp.get("/followups/new")
def new() -> ResponseReturnValue:
    """A new follow-up: mine, in a week or as a visit says, on the lead that the address names."""
    visit = _visit()
    values = {
        "ref": new_ref("F", today()),
        "lead_id": request.args.get("lead", type=row_id),
        "due_on": proposed_due_on(),
        "person_id": signed_in().id,
    }
    return _new_page(NewForm(data=values | _step_of(visit)), visit)


def _visit() -> SeenVisit | None:
    """The visit from whose page the form was opened, where I may see it."""
    visit_id = request.args.get("visit", type=row_id)
    visit = visit_by_id(db.session, my_view(), visit_id, today()) if visit_id else None
    return shown_visits(db.session, my_view(), [visit], today())[0] if visit else None


def _step_of(visit: SeenVisit | None) -> dict[str, Any]:
    """The visit's next step, and its due date where it names one."""
    if visit is None or not visit.next_step:
        return {}
    what, due_on = without_due_date(visit.next_step, visit.last_on)
    return {"what": what, "due_on": due_on} if due_on else {"what": what}


@bp.post("/followups/new")
def create() -> ResponseReturnValue:
    """Add the follow-up; a form that is sent twice is one follow-up."""
    form, visit = NewForm(), _visit()

    def change(session: Session) -> None:
        service.add_followup(session, data=form.new_followup(), by=signed_in(), now=moment())

    if form.validate() and is_saved(form, change, REFUSAL_FIELDS):
        flash("跟进已添加。", "success")
        return redirect(_origin(form, visit))

    return _new_page(form, visit), HTTPStatus.UNPROCESSABLE_ENTITY


def _new_page(form: NewForm, visit: SeenVisit | None) -> str:
    set_choices(db.session, form, my_view(), today())
    return render_template("followups/new.html", form=form, back=_origin(form, visit))


def _origin(form: NewForm, visit: SeenVisit | None) -> str:
    """The page of the visit or the lead where the form was opened from it, else the list."""
    if visit:
        return url_for("visits.show", visit_id=visit.id)
    lead_id = request.args.get("lead", type=row_id)
    if lead_id and lead_id == form.lead_id.data:
        return url_for("leads.show", lead_id=lead_id)
    return url_for(".listing", view="open")


def _followup_or_404(followup_id: int) -> SeenFollowup:
    return followup_by_id(db.session, my_view(), followup_id, today()) or abort(404)


@bp.get(FOLLOWUP)
def show(followup_id: int) -> ResponseReturnValue:
    """One follow-up, with the form of its result while it is open."""
    seen = _followup_or_404(followup_id)
    return _page(seen, OutcomeForm(), _change_form(seen))


def _page(
    seen: SeenFollowup,
    outcome_form: OutcomeForm,
    change_form: ChangeForm,
    snooze_form: SnoozeForm | None = None,
) -> str:
    is_open = seen.followup.done_at is None  # a finished one stays as it is, but for its files
    can_change = may_change(db.session, my_view(), seen.followup.id, today())
    set_choices(db.session, change_form, my_view(), today())
    return render_template(
        "followups/show.html",
        seen=seen,
        outcome_form=outcome_form,
        change_form=change_form,
        snooze_form=snooze_form or SnoozeForm(formdata=None),
        snoozes=snoozes_of(db.session, seen.followup.id),
        finish_url=url_for(
            ".finish", followup_id=seen.followup.id, origin=request.args.get("origin")
        ),
        can_change=is_open and can_change,
        files=FILES.part(of_followup(seen, can_change=can_change)),
    )


def _current(seen: SeenFollowup) -> CurrentRecord:
    step = seen.followup
    values = {
        "what": step.what,
        "due_on": step.due_on,
        "person_id": step.person_id,
        "repeat": step.repeat,
        "repeat_number": step.repeat_number,
    }
    return CurrentRecord(step, values, {"person_id": seen.person.name})


def _change_form(seen: SeenFollowup) -> ChangeForm:
    current = _current(seen)
    return ChangeForm(
        formdata=None, data={**current.values, "seen": version_of(db.session, current)}
    )


@bp.post(f"{FOLLOWUP}/finish")
def finish(followup_id: int) -> ResponseReturnValue:
    """Finish the follow-up with its result, and add the next one where it is named."""
    seen, form = _followup_or_404(followup_id), OutcomeForm()
    calendar = working_calendar(db.session)

    def change(session: Session) -> None:
        service.finish_followup(
            session,
            followup=seen.followup,
            outcome=form.outcome(),
            by=signed_in(),
            now=moment(),
            calendar=calendar,
        )

    if form.validate() and is_saved(form, change):
        if (following := _repeated(seen)) is not None:
            flash(f"跟进已办结，下一次期限为{formatting.day(following)}。", "success")
        elif form.next_what.data:
            flash("跟进已办结，下一步已列入跟进。", "success")
        else:
            flash_change("已办结。", undo=Undo(url_for(".reopen", followup_id=followup_id)))
        return redirect(_after_finish(seen))

    return _page(seen, form, _change_form(seen)), HTTPStatus.UNPROCESSABLE_ENTITY


def _repeated(seen: SeenFollowup) -> date | None:
    """When a repeating follow-up that was just finished is due again."""
    step = seen.followup
    if step.repeat is None or step.next_id is None:
        return None
    following = db.session.get_one(Followup, step.next_id)
    return following.due_on if following.repeat else None


@bp.post(f"{FOLLOWUP}/snooze")
def snooze(followup_id: int) -> ResponseReturnValue:
    """Put the follow-up off to a date, with the reason."""
    seen, form = _followup_or_404(followup_id), SnoozeForm()

    def change(session: Session) -> None:
        on: Any = form.snooze_on.data
        service.snooze_followup(
            session,
            followup=seen.followup,
            due_on=on,
            reason=form.snooze_reason.data or "",
            by=signed_in(),
            now=moment(),
        )

    if form.validate() and is_saved(form, change):
        flash(f"已推迟到{formatting.day(seen.followup.due_on)}。", "success")
        return redirect(url_for(".show", followup_id=followup_id))
    page = _page(seen, OutcomeForm(formdata=None), _change_form(seen), form)
    return page, HTTPStatus.UNPROCESSABLE_ENTITY


def _after_finish(seen: SeenFollowup) -> str:
    """The page of the lead where the follow-up was opened from it, else my day."""
    if request.args.get("origin") == "lead" and seen.lead.id:
        return url_for("leads.show", lead_id=seen.lead.id)
    return url_for("myday.show")


@bp.post(f"{FOLLOWUP}/reopen")
def reopen(followup_id: int) -> ResponseReturnValue:
    """Take back that the follow-up was finished."""
    seen = _followup_or_404(followup_id)
    try:
        with transaction() as session:
            service.reopen_followup(session, followup=seen.followup, by=signed_in(), now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("已撤销办结，跟进仍待办。", "success")

    return redirect(url_for(".show", followup_id=followup_id))


@bp.post(f"{FOLLOWUP}/change")
def change(followup_id: int) -> ResponseReturnValue:
    """Save what is to be done, by whom and until when."""
    # of two edits at once the second waits here, and then sees the first
    lock_row(db.session, Followup, followup_id)
    seen, form = _followup_or_404(followup_id), ChangeForm()
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    if form.validate():
        if has_conflict(db.session, form, _current(seen)):
            status = HTTPStatus.CONFLICT
        elif _save_change(form, seen):
            flash("已保存。", "success")
            return redirect(url_for(".show", followup_id=followup_id))

    return _page(seen, OutcomeForm(formdata=None), form), status


def _save_change(form: ChangeForm, seen: SeenFollowup) -> bool:
    def change(session: Session) -> None:
        service.change_followup(
            session,
            followup=seen.followup,
            data=form.followup_data(seen.followup.lead_id),
            by=signed_in(),
            now=moment(),
        )

    return is_saved(form, change)
