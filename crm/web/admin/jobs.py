"""Pages of scheduled jobs: runs, next slot, preview, run now, pause."""

from collections.abc import Mapping

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from crm.base import formatting
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.digests.preview_redaction import (
    recipients_of_hidden_figures,
    recipients_of_hidden_leads,
)
from crm.extensions import db
from crm.jobs import ledger, manual_runs
from crm.jobs.models import JobPause, JobRun, RunState
from crm.jobs.pausing import pause_job, pauses, resume_job
from crm.jobs.runner import Runner, SlotOutcome
from crm.jobs.timetable import DEPENDS_ON, JOBS, JobName, Slot
from crm.people.directory import names_of
from crm.web.admin import job_labels
from crm.web.auth import my_view, signed_in
from crm.web.errors import refusal_text
from crm.web.forms import at_cursor, cleaned, show_refusal
from crm.web.quotas.visible_figures import my_figure_scope
from crm.web.site import site
from crm.web.transaction import moment, today, transaction

bp = Blueprint("jobs", __name__)
ONE = "/admin/clock/<job>"
MOST_LETTERS = 20


@value_class
class JobRow:
    """A job as its pages show it."""

    name: JobName
    what_for: str
    when: str
    last: "RunRow | None"
    following: Slot
    next_label: str
    is_due: bool
    pause: JobPause | None
    paused_by: str
    waits_for: str  # a paused job that it depends on


@value_class
class RunRow:
    """A run of a job."""

    about: str
    due_at: str
    done_at: str
    state: RunState
    tone: str
    made: str
    reason: str
    retry_at: str  # next attempt of a failed run


class PauseForm(FlaskForm):
    """Why a job is paused."""

    why = StringField(
        "暂停原因",
        [DataRequired("请填写暂停原因。"), Length(max=200, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )


@bp.get("/admin/clock")
def listing() -> ResponseReturnValue:
    """All jobs with their last and next slots."""
    names = dict.fromkeys(JobName(job.name) for job in JOBS)
    try:
        lines = _rows(db.session, names)
    except Refused as refusal:  # the database is not initialised
        flash(refusal_text(refusal), "danger")
        lines = []
    return render_template("admin/jobs.html", jobs=lines)


@bp.get(ONE)
def show(job: str) -> ResponseReturnValue:
    """One job with its runs."""
    return _page(_known(job), PauseForm())


@bp.get(f"{ONE}/preview")
def preview(job: str) -> ResponseReturnValue:
    """What the next slot would produce; everything is rolled back."""
    name = _known(job)

    try:
        found = manual_runs.preview(_runner(), name, now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
        return redirect(url_for(".listing"))

    # REGIME 2: admins may not read mails on leads and figures that are hidden from them
    hidden = recipients_of_hidden_leads(db.session, my_view(), today())
    hidden |= recipients_of_hidden_figures(db.session, my_figure_scope(), today())

    return render_template(
        "admin/job_preview.html",
        job=name,
        found=found,
        about=job_labels.slot_name(found.slot.name),
        is_due=found.slot.due_at <= moment(),
        made=job_labels.made(found.made),
        letters=found.mails[:MOST_LETTERS],
        hidden=hidden - {signed_in().id},
    )


@bp.post(f"{ONE}/run")
def run_now(job: str) -> ResponseReturnValue:
    """Run the earliest due slot."""
    name, me = _known(job), signed_in()
    db.session.rollback()  # the slot uses its own transaction, and SQLite allows one writer
    try:
        done = manual_runs.run_now(_runner(), name, by=me, now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "warning")
    else:
        about = f"{name.label}（{job_labels.slot_name(done.slot.name)}）{done.outcome.label}"
        result = f"：{job_labels.made(done.made)}" if done.outcome is SlotOutcome.DONE else ""
        flash(f"{about}{result}。", "danger" if done.outcome.halts else "success")
    return redirect(url_for(".show", job=name))


@bp.post(f"{ONE}/pause")
def pause(job: str) -> ResponseReturnValue:
    """Skip its slots until it is resumed."""
    name, form = _known(job), PauseForm()
    if not form.validate_on_submit():
        return _page(name, form), 422
    try:
        with transaction() as session:
            pause_job(session, job=name, why=form.why.data or "", by=signed_in(), now=moment())
    except Refused as refusal:
        show_refusal(form, refusal, {})
        return _page(name, form), 422
    flash(f"已暂停：{name.label}。", "success")
    return redirect(url_for(".show", job=name))


@bp.post(f"{ONE}/resume")
def resume(job: str) -> ResponseReturnValue:
    """Resume its slots."""
    name = _known(job)
    try:
        with transaction() as session:
            resume_job(session, job=name, by=signed_in(), now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "warning")
    else:
        flash(f"已恢复：{name.label}；暂停期间到期的按规则补做或跳过。", "success")
    return redirect(url_for(".show", job=name))


def _known(job: str) -> JobName:
    try:
        name = JobName(job)
    except ValueError:
        abort(404)
    return name if any(known.name == name for known in JOBS) else abort(404)


def _runner() -> Runner:
    return Runner(db.sessionmaker, site())


def _page(name: JobName, form: PauseForm) -> str:
    found = ledger.runs_page(db.session, name, cursor=request.args.get("at"))
    return render_template(
        "admin/job.html",
        job=_rows(db.session, [name])[0],
        runs=[_run_row(run) for run in found.items],
        form=form,
        newer=at_cursor(found.newer),
        older=at_cursor(found.older),
    )


def _rows(session: Session, names: Mapping[JobName, None] | list[JobName]) -> list[JobRow]:
    paused = pauses(session)
    people = {pause.by_id for pause in paused.values() if pause.by_id}
    by = names_of(session, people)
    jobs = [job for job in JOBS if job.name in names]
    # the earliest slot of a name comes last, so that it remains in `first`
    ahead = sorted(
        manual_runs.next_slots(session, jobs), key=lambda slot: slot.due_at, reverse=True
    )
    first = {slot.job.name: slot for slot in ahead}
    last_runs = ledger.last_runs(session, names)
    made = []

    for name in names:
        following, last, pause = first[name], last_runs.get(name), paused.get(name)
        made.append(
            JobRow(
                name=name,
                what_for=job_labels.WHAT_FOR.get(name, ""),
                when=job_labels.when([job for job in jobs if job.name == name]),
                last=_run_row(last) if last else None,
                following=following,
                next_label=job_labels.slot_label(following),
                is_due=following.due_at <= moment(),
                pause=pause,
                waits_for=JobName(other).label
                if (other := DEPENDS_ON.get(name)) and other in paused
                else "",
                paused_by=(by.get(pause.by_id or 0) or "服务器管理员") if pause else "",
            )
        )

    return made


def _run_row(run: JobRun) -> RunRow:
    is_failed = run.state is RunState.FAILED
    return RunRow(
        about=job_labels.slot_name(run.slot),
        due_at=formatting.moment(run.due_at, today()),
        done_at=formatting.moment(run.finished_at, today()),
        state=run.state,
        tone=job_labels.TONES[run.state],
        made=job_labels.made_by(run),
        reason=run.reason or "",
        retry_at=formatting.moment(ledger.next_attempt_at(run), today()) if is_failed else "",
    )
