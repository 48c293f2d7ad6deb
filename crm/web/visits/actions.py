"""What may be done to a visit with a touch, and what it does to the figures of whoever made it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import TypeAlias

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base import clock, formatting
from crm.base.errors import Refused
from crm.extensions import db
from crm.people.models import Person
from crm.people.queries import visible_to as visible_people
from crm.quotas.queries import figures_on
from crm.visits import service
from crm.visits.companions import leave_visit
from crm.visits.fields import data_of
from crm.visits.models import Visit
from crm.visits.notifications import tell_left
from crm.visits.permissions import may_change
from crm.visits.queries import visit_by_id
from crm.visits.rules import Status, Verdict, may_end_early
from crm.web.auth import my_view, signed_in
from crm.web.change_reasons import explained
from crm.web.corrections.rows import corrections_notice
from crm.web.errors import refusal_text
from crm.web.forms import back_to, cleaned, date_of
from crm.web.quotas.quota_effects import quota_effects
from crm.web.site import site
from crm.web.transaction import moment, today
from crm.web.visits.questions import ask_again, asking_about

Change: TypeAlias = Callable[[Session, Visit], Visit]


def found(visit_id: int) -> Visit:
    """The visit, where I may see or judge it; else there is none."""
    return visit_by_id(db.session, my_view(), visit_id, today()) or abort(404)


def noting(
    change: Callable[[Session], Visit], people: Iterable[int], dates: Iterable[date], said: str
) -> Visit:
    """Make a change, and say what it did to my figures, or else to those of the one who leads."""
    leader_id, *_ = people = tuple(people)
    person_id = signed_in().id if signed_in().id in people else leader_id

    with explained() as rows:
        dates = dates if _is_told(rows, person_id) else ()
        before = figures_on(rows, person_id, dates, moment())
        visit = change(rows)
        after = figures_on(rows, person_id, dates, moment())
        person_name = "" if person_id == signed_in().id else rows.get_one(Person, person_id).name

    flash(said, "success")
    for effect in quota_effects(before, after, visit.id, today=today(), person_name=person_name):
        flash(effect.text, effect.tone)

    if said := corrections_notice():
        flash(said, "info")

    return visit


def _is_told(rows: Session, person_id: int) -> bool:
    """Whether these figures are mine to know: my own, or in my scope (REGIME 3)."""
    people = visible_people(my_view(), today()).with_only_columns(Person.id)
    return rows.scalar(people.where(Person.id == person_id)) is not None


def _settle(
    visit_id: int, said: str, change: Change, *, dates: Iterable[date] = ()
) -> ResponseReturnValue:
    """Do one thing to a visit, and go back to where its button was."""
    visit = found(visit_id)
    people = (visit.leader_id, *(person.id for person in visit.participants))
    all_dates = {visit.first_on, visit.last_on, *dates}
    back = back_to(url_for("visits.show", visit_id=visit_id))
    try:
        noting(lambda rows: change(rows, visit), people, all_dates, said)
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    return redirect(back)


def done(visit_id: int) -> ResponseReturnValue:
    """Set a planned visit done; one that ended earlier than planned ends now."""
    me, now = signed_in(), moment()

    def finish(rows: Session, visit: Visit) -> Visit:
        if not may_end_early(visit, now):
            return service.set_done(rows, visit=visit, by=me, now=now)
        this_minute = now.replace(second=0, microsecond=0)
        data = replace(data_of(visit), status=Status.DONE, ends_at=this_minute)
        return service.change_visit(rows, visit=visit, data=data, by=me, now=now)

    return _settle(visit_id, "已设为完成。", finish)


def move(visit_id: int) -> ResponseReturnValue:
    """Move a planned visit to another date, at the same hours."""
    on = date_of(request.form.get("on", ""))
    if on is None:
        flash("请选择要改到的日期。", "danger")
        return redirect(back_to(url_for("visits.show", visit_id=visit_id)))

    visit = found(visit_id)
    starts_at = clock.at_civil(on, clock.civil(visit.starts_at).time())
    ends_at = starts_at + (visit.ends_at - visit.starts_at)
    moved = replace(data_of(visit), starts_at=starts_at, ends_at=ends_at)
    # whoever may not move it is asked nothing: a question tells of others
    is_mine = may_change(db.session, my_view(), visit.id, today())
    if is_mine and (asking := asking_about(moved, visit)):
        return ask_again(asking, back_to(url_for("visits.show", visit_id=visit_id)))

    def begin_then(rows: Session, visit: Visit) -> Visit:
        return service.move_visit(
            rows, visit=visit, starts_at=starts_at, by=signed_in(), now=moment()
        )

    return _settle(visit_id, f"已改到{formatting.day(on)}。", begin_then, dates=[on])


def cancel(visit_id: int) -> ResponseReturnValue:
    """Cancel a planned visit."""
    me, now = signed_in(), moment()
    return _settle(
        visit_id,
        "已取消这次拜访。",
        lambda rows, visit: service.cancel_visit(rows, visit=visit, by=me, now=now),
    )


def leave(visit_id: int) -> ResponseReturnValue:
    """Take myself out of a visit that I did not take part in (未参加)."""
    visit, me, now = found(visit_id), signed_in(), moment()

    def take_out(rows: Session) -> Visit:
        leave_visit(rows, visit=visit, by=me, now=now)
        tell_left(rows, visit=visit, by=me, now=now, site=site())
        return visit

    try:
        noting(take_out, [me.id], {visit.first_on, visit.last_on}, "已说明未参加，并告知带队人。")
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    return redirect(back_to(url_for("myday.show")))


def confirm(visit_id: int) -> ResponseReturnValue:
    """Accept a visit that was logged late."""
    me, now = signed_in(), moment()

    def accept(rows: Session, visit: Visit) -> Visit:
        _require_seen(rows, visit, Verdict.CONFIRMED)
        return service.confirm_visit(rows, visit=visit, by=me, now=now)

    return _settle(visit_id, "已确认。", accept)


def reject(visit_id: int) -> ResponseReturnValue:
    """Reject a visit, with the reason."""
    reason = cleaned(request.form.get("reason"))
    if reason is None:
        flash("请填写退回原因。", "danger")
        return redirect(back_to(url_for("visits.show", visit_id=visit_id)))
    me, now = signed_in(), moment()

    def send_back(rows: Session, visit: Visit) -> Visit:
        _require_seen(rows, visit, Verdict.REJECTED)
        return service.reject_visit(rows, visit=visit, reason=reason, by=me, now=now)

    return _settle(visit_id, "已退回。", send_back)


def _require_seen(rows: Session, visit: Visit, wanted: Verdict) -> None:
    """Two supervisors may judge at once: the later must know of the earlier's word."""
    if (told := request.form.get("was")) is not None:
        was = next((verdict for verdict in Verdict if verdict.value == told), None)
        service.require_verdict(rows, visit=visit, was=was, wanted=wanted)
