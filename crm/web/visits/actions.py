"""What may be done to a visit, with messages about the figures that it changes."""

from dataclasses import replace
from datetime import date, datetime
from http import HTTPStatus
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base import clock, formatting
from crm.base.errors import Refused
from crm.extensions import db
from crm.people.queries import people_by_id
from crm.visits import service, verdicts
from crm.visits.companions import leave_visit
from crm.visits.fields import VisitData, data_of
from crm.visits.merging import merge_visit
from crm.visits.models import Visit
from crm.visits.notifications import tell_joined, tell_left, tell_named, tell_people
from crm.visits.outdated import changes_that_matter
from crm.visits.permissions import may_change
from crm.visits.redaction import shown
from crm.visits.rules import Status, Verdict, may_end_early
from crm.visits.taking_back import restore_visit, undo_step
from crm.visits.validation import NewVisit
from crm.web.auth import my_view, signed_in
from crm.web.errors import refusal_text
from crm.web.forms import back_to, cleaned, date_of
from crm.web.site import site
from crm.web.transaction import moment, only_matters, today
from crm.web.unseen_changes import position_shown, unseen_changes
from crm.web.visits.detail import visit_page
from crm.web.visits.questions import Prompt, prompt_about, prompt_page
from crm.web.visits.reporting import (
    Change,
    apply_change,
    change_and_report,
    log_and_report,
    read_before,
    visit_or_404,
    visit_or_none,
)
from crm.web.visits.undo_offers import offered_step, was_offered


def log(new: NewVisit) -> Visit:
    """Log a visit that was checked in this request."""
    data = new.data
    people = (data.leader_id, *data.participant_ids)
    # read before the first write; who names themself needs no notice
    named = people_by_id(db.session, data.joined_by - {signed_in().id})
    companions = [named[person_id] for person_id in sorted(named)]

    before, notice = read_before(people, _dates(data)), _notice()

    def change(session: Session) -> Visit:
        visit = service.keep_visit(
            session, new=new, by=signed_in(), now=moment(), may_reach_frozen=before.is_frozen
        )
        tell_people(session, companions, visit=visit, **notice)
        return visit

    only_matters(changes_that_matter(new, signed_in().id))
    message = "拜访已登记。" if data.status is Status.DONE else "已保存为计划拜访。"
    return log_and_report(change, before, message)


def merge(visit: Visit, data: VisitData) -> Visit:
    """Add what the form says to a visit that is there already."""
    people = (visit.leader_id, *data.participant_ids, data.leader_id)
    dates = {visit.first_on, visit.last_on, clock.civil_date(data.starts_at)}

    def change(session: Session) -> Visit:
        # before the merge, which adds people
        known = {visit.leader_id, *(person.id for person in visit.participants)}
        joins = signed_in().id in {data.leader_id, *data.participant_ids} - known
        merge_visit(session, visit=visit, data=data, by=signed_in(), now=moment())
        tell_named(session, visit=visit, **_notice())
        if joins:  # the leader learns of a companion whom they did not name
            tell_joined(session, visit=visit, **_notice())
        return visit

    return change_and_report(
        change, people, dates, "已合并到原有拜访，所填内容已补充。", visit=visit
    )


def rewrite(visit: Visit, data: VisitData) -> Visit:
    """Save the changed form of a visit."""
    people = (data.leader_id, *data.participant_ids)
    # the old dates, too: their periods lose what the new ones win
    dates = _dates(data) | {visit.first_on, visit.last_on}

    def change(session: Session) -> Visit:
        service.change_visit(session, visit=visit, data=data, by=signed_in(), now=moment())
        tell_named(session, visit=visit, **_notice())
        return visit

    return change_and_report(change, people, dates, "已保存。", visit=visit)


def done(visit_id: int) -> ResponseReturnValue:
    """Set a planned visit done; one that ended earlier than planned ends now."""
    me, now = signed_in(), moment()

    def finish(session: Session, visit: Visit) -> Visit:
        if not may_end_early(visit, now):
            return service.set_done(session, visit=visit, by=me, now=now)
        this_minute = now.replace(second=0, microsecond=0)  # forms show no seconds
        data = replace(data_of(visit), status=Status.DONE, ends_at=this_minute)
        return service.change_visit(session, visit=visit, data=data, by=me, now=now)

    return apply_change(visit_id, "拜访已办结。", finish)


def move(visit_id: int) -> ResponseReturnValue:
    """Move a planned visit to another date, at the same hours."""
    back = back_to(url_for("visits.show", visit_id=visit_id))
    on = date_of(request.form.get("on", ""), is_ahead=True)
    if on is None:
        flash("请选择改期日期。", "danger")
        return redirect(back)

    visit = visit_or_404(visit_id)
    starts_at = clock.at_civil(on, clock.civil(visit.starts_at).time())
    if prompt := _prompt_about_move(visit, starts_at):
        return prompt_page(prompt, back)

    def change(session: Session, visit: Visit) -> Visit:
        return service.move_visit(
            session, visit=visit, starts_at=starts_at, by=signed_in(), now=moment()
        )

    return apply_change(visit_id, f"已改期至{formatting.day(on)}。", change, dates=[on])


def _prompt_about_move(visit: Visit, starts_at: datetime) -> Prompt | None:
    # a question tells of other visits: only who may move this one is asked
    if not may_change(db.session, my_view(), visit.id, today()):
        return None
    ends_at = starts_at + (visit.ends_at - visit.starts_at)
    return prompt_about(replace(data_of(visit), starts_at=starts_at, ends_at=ends_at), visit)


def cancel(visit_id: int) -> ResponseReturnValue:
    def change(session: Session, visit: Visit) -> Visit:
        return service.cancel_visit(session, visit=visit, by=signed_in(), now=moment())

    return apply_change(visit_id, "拜访已取消。", change)


def restore(visit_id: int) -> ResponseReturnValue:
    """Take back a cancellation; asked about other visits as when it was planned."""
    visit = visit_or_404(visit_id)
    if may_change(db.session, my_view(), visit.id, today()):
        planned = replace(data_of(visit), status=Status.PLANNED)
        if prompt := prompt_about(planned, visit):
            return prompt_page(prompt, back_to(url_for("visits.show", visit_id=visit_id)))

    def change(session: Session, visit: Visit) -> Visit:
        return restore_visit(session, visit=visit, by=signed_in(), now=moment())

    return apply_change(visit_id, "已恢复为计划拜访。", change)


def undo(visit_id: int) -> ResponseReturnValue:
    """Undo my last step, while nothing else has happened to the visit."""
    # who was offered the step knows of the visit, though they may have left it since
    visit = visit_or_none(visit_id) if was_offered(visit_id) else visit_or_404(visit_id)
    own_page = url_for("visits.show", visit_id=visit_id)
    back = back_to(own_page) if visit else url_for("myday.show")
    try:
        entry_id, was = offered_step(visit)
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
        return redirect(back)

    def change(session: Session, visit: Visit) -> Visit:
        return undo_step(
            session, visit=visit, entry_id=entry_id, was=was, by=signed_in(), now=moment()
        )

    return apply_change(visit_id, "已撤销。", change)


def leave(visit_id: int) -> ResponseReturnValue:
    """Take myself out of a visit that I did not take part in (未参加)."""
    visit, me = visit_or_404(visit_id), signed_in()
    dates = {visit.first_on, visit.last_on}

    def change(session: Session) -> Visit:
        leave_visit(session, visit=visit, by=me, now=moment())
        tell_left(session, visit=visit, **_notice())
        return visit

    try:
        change_and_report(change, [me.id], dates, "已登记未参加，并通知带队人。", visit=visit)
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")

    return redirect(back_to(url_for("myday.show")))


def confirm(visit_id: int) -> ResponseReturnValue:
    """Accept a visit that was logged late."""

    def change(session: Session, visit: Visit) -> Visit:
        return verdicts.confirm_visit(session, visit=visit, by=signed_in(), now=moment())

    return _judge(visit_id, Verdict.CONFIRMED, "已确认。", change)


def reject(visit_id: int) -> ResponseReturnValue:
    """Reject a visit, with the reason."""
    reason = cleaned(request.form.get("reason"))
    if reason is None:
        flash("请填写退回原因。", "danger")
        return redirect(back_to(url_for("visits.show", visit_id=visit_id)))

    def change(session: Session, visit: Visit) -> Visit:
        return verdicts.reject_visit(
            session, visit=visit, reason=reason, by=signed_in(), now=moment()
        )

    return _judge(visit_id, Verdict.REJECTED, "已退回。", change)


def _judge(visit_id: int, wanted: Verdict, message: str, change: Change) -> ResponseReturnValue:
    """Give a verdict on what its giver has seen; where that was changed, show the visit instead."""
    unseen = unseen_changes(Visit, visit_id)
    visit = visit_or_404(visit_id)
    # two who agree agree, whoever was first
    if unseen and visit.verdict is not wanted:
        return _page_of_changed(visit, unseen), HTTPStatus.CONFLICT
    return apply_change(visit_id, message, change)


def _page_of_changed(visit: Visit, unseen: str) -> str:
    """The visit as it is now, with the buttons, what was typed, and the way back to their page."""
    shown_at = position_shown()
    [seen] = shown(db.session, my_view(), [visit], today())
    page = visit_page(seen, shown_at=shown_at, reason=cleaned(request.form.get("reason")) or "")
    return render_template("visits/show.html", page=page, unseen=unseen, back=back_to(""))


def _dates(data: VisitData) -> set[date]:
    return {clock.civil_date(data.starts_at), clock.last_civil_date(data.ends_at)}


def _notice() -> dict[str, Any]:
    """What mails about a change need beside the visit."""
    return {"by": signed_in(), "now": moment(), "site": site()}
