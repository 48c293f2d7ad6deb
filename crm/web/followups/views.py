"""Pages of follow-ups: what is owed, one follow-up with its result, a new one."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import (
    DateField,
    HiddenField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Length, Optional

from crm.base.errors import Refused
from crm.base.periods import DAY
from crm.base.refs import new_ref
from crm.extensions import db
from crm.followups import service
from crm.followups.fields import FOLLOWUP_FIELDS
from crm.followups.models import Followup
from crm.followups.queries import (
    FollowupFilter,
    SeenFollowup,
    followup_by_id,
    followups_page,
    may_change,
    shown,
)
from crm.followups.service import FollowupData, FollowupOutcome
from crm.people.queries import colleagues
from crm.people.rules import WITH_RECORDS
from crm.visits.rules import Channel
from crm.web.auth import my_view, signed_in
from crm.web.declared_fields import with_fields
from crm.web.edit_conflicts import CurrentRecord, VersionedForm, has_conflict, lock_row, version_of
from crm.web.forms import (
    LARGEST_ID,
    NOTHING,
    Needed,
    at_cursor,
    chosen_id,
    cleaned,
    enum_choices,
    leads_to_choose,
    people_choices,
    row_id,
    sensible_year,
    show_refusal,
)
from crm.web.transaction import moment, today, transaction

bp = Blueprint("followups", __name__)
ONE = f"/followups/<int(max={LARGEST_ID}):followup_id>"
USUAL = 7 * DAY  # when a step is due unless told otherwise
_line = Length(max=500, message="最多 %(max)d 个字。")
LABELS = {name: field.input_label for name, field in FOLLOWUP_FIELDS.items()}
VIEWS = {"due": "到期与逾期", "open": "全部未办", "done": "已办结"}
FIELDS = {"ref": ""}  # nobody sees the reference


@with_fields(FOLLOWUP_FIELDS, "what", "due_on")
class WhatForm(VersionedForm):
    """What is owed, by whom and until when."""

    what: StringField
    due_on: DateField
    person_id = SelectField(
        LABELS["person_id"], [Needed("请选择责任人。")], coerce=row_id, validate_choice=False
    )

    def told_of(self, lead_id: int, ref: str = "") -> FollowupData:
        """The data of a valid form about that lead."""
        due_on: Any = self.due_on.data
        return FollowupData(
            ref=ref,
            lead_id=lead_id,
            person_id=self.person_id.data,
            due_on=due_on,
            what=self.what.data or "",
        )


class FollowupForm(WhatForm):
    """A new step, with the lead that it is about."""

    ref = HiddenField(filters=[cleaned], validators=[Length(max=100)])
    lead_id = SelectField(
        LABELS["lead_id"], [Needed("请选择线索。")], coerce=chosen_id, validate_choice=False
    )

    def told(self) -> FollowupData:
        """The data of a valid form."""
        lead_id: Any = self.lead_id.data
        return self.told_of(lead_id, self.ref.data or "")


@with_fields(FOLLOWUP_FIELDS, "result", "met")
class OutcomeForm(FlaskForm):
    """What came of a step, and the next one."""

    result: TextAreaField
    channel = RadioField(
        LABELS["channel"],
        [Optional()],
        choices=enum_choices(Channel),
        coerce=Channel,
        validate_choice=False,
    )
    met: StringField
    next_what = StringField("下一步", [_line], filters=[cleaned])
    next_due_on = DateField("下一步期限", [Optional(), sensible_year])

    def told(self) -> FollowupOutcome:
        """The outcome of a valid form."""
        return FollowupOutcome(
            result=self.result.data or "",
            channel=self.channel.data or None,
            met=self.met.data,
            next_what=self.next_what.data,
            next_due_on=self.next_due_on.data,
        )


@bp.get("/followups")
def listing() -> ResponseReturnValue:
    """What I owe, or all that I may see: due by now, open, or done."""
    view = request.args.get("view", "due")
    who = "all" if request.args.get("who") == "all" else "mine"
    by = FollowupFilter(
        person_id=None if who == "all" else signed_in().id,
        is_open=view != "done",
        due_until=None if view in ("open", "done") else today(),
    )
    page = followups_page(db.session, my_view(), today(), by=by, cursor=request.args.get("at"))

    return render_template(
        "followups/list.html",
        followups=shown(db.session, my_view(), page.items, today()),
        view=view,
        who=who,
        tabs=[
            {"url": url_for(".listing", view=code, who=who), "label": label, "active": code == view}
            for code, label in VIEWS.items()
        ],
        newer=at_cursor(page.newer),
        older=at_cursor(page.older),
    )


@bp.get("/followups/new")
def new() -> ResponseReturnValue:
    """A new step: mine, in a week, on the lead of which the page was asked for."""
    form = FollowupForm(
        data={
            "ref": new_ref("F", today()),
            "lead_id": request.args.get("lead", type=row_id),
            "due_on": today() + USUAL,
            "person_id": signed_in().id,
        }
    )
    _offer(form)
    return render_template("followups/new.html", form=form, back=_home(form))


@bp.post("/followups/new")
def create() -> ResponseReturnValue:
    """Owe the step; a form that comes twice is one step."""
    form = FollowupForm()

    if form.validate():
        try:
            with transaction() as rows:
                service.add_followup(rows, data=form.told(), by=signed_in(), now=moment())
        except Refused as refusal:
            show_refusal(form, refusal, FIELDS)
        else:
            flash("已添加跟进。", "success")
            return redirect(_home(form))

    _offer(form)

    return render_template("followups/new.html", form=form, back=_home(form)), 422


def _home(form: FollowupForm) -> str:
    """Where a new step leads to: its lead, where it was asked for from there."""
    lead_id = request.args.get("lead", type=row_id)
    if lead_id and lead_id == form.lead_id.data:
        return url_for("leads.show", lead_id=lead_id)
    return url_for(".listing", view="open")


def _offer(form: FollowupForm | WhatForm) -> None:
    """Give the form its choices: people who may owe a step, and leads that are seen."""
    people = [each for each in colleagues(db.session, today()) if each.role in WITH_RECORDS]
    form.person_id.choices = people_choices(people)
    if isinstance(form, FollowupForm):
        chosen = {form.lead_id.data} - {None}
        leads = leads_to_choose(db.session, my_view(), today(), chosen)
        form.lead_id.choices = [NOTHING, *leads]


def _found(followup_id: int) -> SeenFollowup:
    """The follow-up, where I may see it; else there is none."""
    return followup_by_id(db.session, my_view(), followup_id, today()) or abort(404)


def _page(seen: SeenFollowup, outcome: OutcomeForm, what: WhatForm) -> str:
    is_open = seen.followup.done_at is None
    can_change = is_open and may_change(db.session, my_view(), seen.followup.id, today())
    _offer(what)
    return render_template(
        "followups/show.html", seen=seen, outcome=outcome, what=what, can_change=can_change
    )


@bp.get(ONE)
def show(followup_id: int) -> ResponseReturnValue:
    """One step, with the form of its result while it is open."""
    seen = _found(followup_id)
    return _page(seen, OutcomeForm(), _fresh(seen))


def _there(seen: SeenFollowup) -> CurrentRecord:
    step = seen.followup
    values = {"what": step.what, "due_on": step.due_on, "person_id": step.person_id}
    return CurrentRecord(step, values, {"person_id": seen.person.name})


def _fresh(seen: SeenFollowup) -> WhatForm:
    there = _there(seen)
    return WhatForm(formdata=None, data={**there.values, "seen": version_of(db.session, there)})


@bp.post(f"{ONE}/finish")
def finish(followup_id: int) -> ResponseReturnValue:
    """Finish the step with its result, and owe the next one where it is named."""
    seen, form = _found(followup_id), OutcomeForm()

    if form.validate():
        try:
            with transaction() as rows:
                service.finish_followup(
                    rows,
                    followup=seen.followup,
                    outcome=form.told(),
                    by=signed_in(),
                    now=moment(),
                )
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("已办结，下一步已列入跟进。" if form.next_what.data else "已办结。", "success")
            return redirect(url_for("myday.show"))

    return _page(seen, form, _fresh(seen)), 422


@bp.post(f"{ONE}/change")
def change(followup_id: int) -> ResponseReturnValue:
    """Change what is owed, by whom and until when."""
    lock_row(db.session, Followup, followup_id)
    seen, form = _found(followup_id), WhatForm()
    is_valid = form.validate()
    is_lost = is_valid and has_conflict(db.session, form, _there(seen))

    if is_valid and not is_lost:
        try:
            with transaction() as rows:
                service.change_followup(
                    rows,
                    followup=seen.followup,
                    data=form.told_of(seen.followup.lead_id),
                    by=signed_in(),
                    now=moment(),
                )
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            flash("已保存。", "success")
            return redirect(url_for(".show", followup_id=followup_id))

    status = HTTPStatus.CONFLICT if is_lost else HTTPStatus.UNPROCESSABLE_ENTITY

    return _page(seen, OutcomeForm(formdata=None), form), status
