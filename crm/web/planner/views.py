"""Proposed visits (安排拜访建议): for oneself, or for a person whose visits one plans (ENTRY 3)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField
from wtforms.validators import Length

from crm.base.refs import new_ref
from crm.extensions import db
from crm.people.models import Person
from crm.people.queries import by_username
from crm.planner.queries import Asked, Suggestions, may_plan_for, suggestions
from crm.planner.rules import Proposal
from crm.planner.service import plan_visits, ref_of
from crm.quotas.queries import figures_of
from crm.quotas.rules import Figure
from crm.quotas.status_reasons import THIS
from crm.visits.queries import visit_id_entered
from crm.web.auth import my_view, signed_in
from crm.web.forms import cleaned, is_saved, text_arg, whole_number
from crm.web.notices import Line, flash_change
from crm.web.planner.rows import Sent, city_rows, summary
from crm.web.quotas.visible_figures import my_figure_scope
from crm.web.transaction import moment, today

bp = Blueprint("planner", __name__)
URL = "/visits/plan"
CITY = "city-"
CHANGED = "有的安排已变化，请核对后再安排。"


class PlanForm(FlaskForm):
    """The ticked proposals are read from the request; the key makes a repeat harmless."""

    key = HiddenField(filters=[cleaned], validators=[Length(max=100)])


@bp.get(URL)
def show() -> ResponseReturnValue:
    """Whom to visit next, each proposal ticked."""
    return _page(_person_or_404(), PlanForm(data={"key": new_ref("V", today())}))


@bp.post(URL)
def apply() -> ResponseReturnValue:
    """Plan the ticked proposals as they were shown; what has changed since is shown again."""
    person, form = _person_or_404(), PlanForm()
    key = form.key.data or new_ref("V", today())
    if visit_id_entered(db.session, ref=ref_of(key, 1), by_id=signed_in().id):
        flash("这些拜访已安排，未重复保存。", "info")
        return redirect(_after(person))

    found, sent = _found(person), _sent()
    chosen = [
        _in_city(proposal, sent) for proposal in found.plan.proposals if proposal.key in sent.keys
    ]
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if len(chosen) != len(sent.keys):
        flash(CHANGED, "warning")
        status = HTTPStatus.CONFLICT
    elif not chosen:
        flash("请至少选择一家。", "danger")
    elif form.validate() and _is_planned(form, person, chosen, found, key):
        return redirect(_after(person))
    return _page(person, form, found, sent), status


def _is_planned(
    form: PlanForm, person: Person, chosen: Sequence[Proposal], found: Suggestions, key: str
) -> bool:
    trips: set[str] = set()

    def change(session: Session) -> None:
        visits = plan_visits(
            session,
            person=person,
            proposals=chosen,
            names=found.names,
            key=key,
            by=signed_in(),
            now=moment(),
        )
        trips.update(visit.trip for visit in visits if visit.trip)

    if not is_saved(form, change):
        return False
    lines = (
        [Line("info", f"同城多家已列为一个出差批次：{'、'.join(sorted(trips))}")] if trips else []
    )
    whose = "" if person.id == signed_in().id else f"{person.name} "
    flash_change(
        f"已为{whose}安排 {len(chosen)} 家计划拜访。"
        if whose
        else f"已安排 {len(chosen)} 家计划拜访。",
        lines,
    )
    return True


def _after(person: Person) -> str:
    if person.id == signed_in().id:
        return url_for("myday.show")
    return url_for(".show", person=person.username)


def _person_or_404() -> Person:
    """The person whom the address names, where I plan their visits; without a name, me."""
    name = text_arg("person")
    person = by_username(db.session, name) if name else signed_in()
    if person is None or not may_plan_for(db.session, my_view(), person, today()):
        abort(404)
    return person


def _figures(person: Person) -> list[Figure]:
    """The person's running figures that I may see, the shorter period first."""
    judged = figures_of(db.session, person.id, today(), moment())
    return [row.figure for row in filter(my_figure_scope().sees_figure, judged)]


def _last(figures: Sequence[Figure]) -> date | None:
    """The end of the period that the address asks for; none: the next working days."""
    asked = text_arg("until")
    ends = (figure.period.last for figure in figures if figure.period.kind == asked)
    return next(ends, None)


def _found(person: Person) -> Suggestions:
    asked = Asked(
        my_view(),
        person,
        moment(),
        _last(_figures(person)),
        rest_days=text_arg("rest") == "1",
    )
    return suggestions(db.session, asked)


def _sent() -> Sent:
    cities = {
        lead_id: cleaned(text) or ""
        for name, text in request.form.items()
        if name.startswith(CITY) and (lead_id := whole_number(name.removeprefix(CITY)))
    }
    return Sent(frozenset(request.form.getlist("pick")), cities)


def _in_city(proposal: Proposal, sent: Sent) -> Proposal:
    """The proposal in the city that was typed where none is known from a visit."""
    lead = proposal.candidate
    if not lead.is_city_assumed:
        return proposal
    city = sent.cities.get(lead.lead_id, lead.city)
    return replace(proposal, candidate=replace(lead, city=city))


def _page(
    person: Person,
    form: PlanForm,
    found: Suggestions | None = None,
    sent: Sent | None = None,
) -> str:
    found = found or _found(person)
    figures, until = _figures(person), text_arg("until")
    shown = [row for row in figures if not until or row.period.kind == until][:1]
    return render_template(
        "planner/show.html",
        form=form,
        person=person,
        is_mine=person.id == signed_in().id,
        summary=summary(shown, found.plan, found.dates),
        cities=city_rows(found, today(), sent),
        without_slot=found.plan.without_slot if found.plan.proposals else 0,
        spans=_spans(person, figures, until),
        rest_url=_url(person, until=until or None, rest=None if text_arg("rest") else "1"),
        with_rest=bool(text_arg("rest")),
        here=_url(person, until=until or None, rest=text_arg("rest") or None),
        city_field=CITY,
    )


def _spans(person: Person, figures: Sequence[Figure], until: str) -> list[dict[str, object]]:
    kinds = dict.fromkeys(figure.period.kind for figure in figures)
    choices = [("", "未来 5 个工作日"), *((kind.value, f"{THIS[kind]}剩余日期") for kind in kinds)]
    rest = text_arg("rest") or None
    return [
        {
            "url": _url(person, until=code or None, rest=rest),
            "label": label,
            "active": code == until,
        }
        for code, label in choices
    ]


def _url(person: Person, **asked: str | None) -> str:
    name = None if person.id == signed_in().id else person.username
    return url_for(".show", person=name, **asked)  # type: ignore[arg-type]
