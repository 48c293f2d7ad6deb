"""A bureau's table on pages: uploaded, matched, previewed row by row, imported, taken back."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.base.audit_chain import Subject
from crm.base.db import LARGEST_ID
from crm.base.errors import Refused
from crm.base.memory import give_back
from crm.base.sheets import Format, SheetRefused
from crm.extensions import db
from crm.imports import service, staging, undoing
from crm.imports.models import ImportRun
from crm.imports.queries import has_file, likely_people, my_run, my_runs
from crm.imports.rules import LISTS, PEOPLE, VISITS, RowState, RunState, may_open
from crm.imports.settings import Report, Settings
from crm.imports.tables import opened
from crm.jobs import health
from crm.jobs.health import Health
from crm.people.queries import unit_tree
from crm.people.rules import Role
from crm.web.auth import my_view, signed_in
from crm.web.downloads import attached
from crm.web.errors import problem_sentences, refusal_text
from crm.web.files.limits import LARGE_FORMS
from crm.web.imports.forms import FileForm
from crm.web.imports.kept_rows import kept_as_rows
from crm.web.imports.kinds import KINDS, note_what_matters
from crm.web.imports.roster_questions import answers_to, asked_of
from crm.web.imports.runs import LISTINGS, can_undo, failure_text, run_rows
from crm.web.imports.table_forms import COLUMN_FORMS, MOST_BYTES, PeopleForm, SheetForm
from crm.web.imports.table_pages import (
    column_rows,
    options_of,
    people_fields,
    preview_of,
    refused_workbook,
    sheet_choices,
)
from crm.web.nav import stand_under
from crm.web.people.first_passwords import offer_of_run
from crm.web.site import site
from crm.web.transaction import moment, only_matters, today, transaction

bp = Blueprint("tables", __name__, url_prefix="/import")
LARGE_FORMS.add("tables.upload")
RUN = f"/<int(max={LARGEST_ID}):run_id>"
MOST_KEPT = 200  # rows that stayed, in the list of them
# What becomes of what an import made, once it is taken back.
UNDONE = {
    VISITS: "本次新增的拜访改为已取消，本次修改的恢复原内容",
    "leads": "本次新增的线索及随之新增的企业删除",
    "companies": "本次新增的企业删除",
    "contacts": "本次新增的联系人删除",
    "followups": "本次新增的跟进删除",
    "units": "本次新增的单位删除，本次修改的恢复原内容",
    "people": "本次新增的账号停用、任职和单位删除，本次修改的恢复原内容",
    "absences": "本次新增的缺勤改为已取消",
    "receipts": "本次登记的到资撤销",
}


@bp.get("")
def start() -> ResponseReturnValue:
    """The page to choose a file, with my imports below it."""
    return _start_page(FileForm())


@bp.post("")
def upload() -> ResponseReturnValue:
    """Read the file; nothing of it is kept as a record yet."""
    form, sent = FileForm(), request.files.get("file")
    content = sent.read(MOST_BYTES + 1) if sent else b""
    if not content:
        form.file.errors = ["请选择文件。"]
        return _start_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    name = (sent.filename if sent else "") or ""
    only_matters(_bears_on_check)
    try:
        with transaction() as session:
            run = service.begin(
                session, content=content, file_name=name[-100:], by=signed_in(), now=moment()
            )
            run_id = run.id
        give_back()
    except SheetRefused as refused:
        form.file.errors = problem_sentences(refused.problems[:3])
        return _start_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    except Refused as refused:
        form.file.errors = [refusal_text(refused)]
        return _start_page(form), HTTPStatus.UNPROCESSABLE_ENTITY
    return redirect(url_for(".show", run_id=run_id))


@bp.get(RUN)
def show(run_id: int) -> ResponseReturnValue:
    """The next step of the import, or what came of it."""
    return _page(_run(run_id))


@bp.post(f"{RUN}/sheet")
def choose_sheet(run_id: int) -> ResponseReturnValue:
    """Choose the sheet that is read."""
    run, form = _run(run_id), SheetForm()
    if run.state is not RunState.SHEET:
        return redirect(url_for(".show", run_id=run_id))
    form.sheet.choices = sheet_choices(opened(run))
    if not form.validate():
        return _page(run, form), HTTPStatus.UNPROCESSABLE_ENTITY
    only_matters(_bears_on_check)
    try:
        with transaction() as session:
            service.choose_sheet(
                session, run=run, sheet=form.sheet.data, by=signed_in(), now=moment()
            )
    except Refused as refused:
        form.sheet.errors = [refusal_text(refused)]
        return _page(_run(run_id), form), HTTPStatus.UNPROCESSABLE_ENTITY
    return redirect(url_for(".show", run_id=run_id))


@bp.post(f"{RUN}/columns")
def choose_columns(run_id: int) -> ResponseReturnValue:
    """Say which column is which, and check the rows."""
    run = _run(run_id)
    form = COLUMN_FORMS[run.kind]()
    if not form.validate():
        return _page(run, form), HTTPStatus.UNPROCESSABLE_ENTITY
    only_matters(_bears_on_check)
    try:
        with transaction() as session:
            service.choose_columns(
                session,
                run=run,
                codes=request.form.getlist("column"),
                usual=form.usual,
                by=signed_in(),
                now=moment(),
            )
    except Refused as refused:
        return _page(_run(run_id), form, refusal_text(refused)), HTTPStatus.UNPROCESSABLE_ENTITY
    return redirect(url_for(".show", run_id=run_id))


@bp.post(f"{RUN}/people")
def choose_people(run_id: int) -> ResponseReturnValue:
    """Say whom names mean, and check the rows again."""
    run = _run(run_id)
    report = _report(run) or abort(404)
    chosen = PeopleForm.chosen(request.form, report.open)
    only_matters(_bears_on_check)
    with _refusal_shown(), transaction() as session:
        service.choose_people(session, run=run, chosen=chosen, by=signed_in(), now=moment())
    return redirect(url_for(".show", run_id=run_id))


@bp.post(f"{RUN}/answers")
def answer(run_id: int) -> ResponseReturnValue:
    """Say what a roster leaves open or what is to be another, and check the rows again."""
    run = _run(run_id)
    report = _report(run) or abort(404)
    answers = answers_to(report.questions, request.form)
    only_matters(_bears_on_check)
    with _refusal_shown(), transaction() as session:
        service.answer(session, run=run, answers=answers, by=signed_in(), now=moment())
    return redirect(url_for(".show", run_id=run_id))


@bp.post(f"{RUN}/apply")
def apply(run_id: int) -> ResponseReturnValue:
    """Import all rows, or those that can be."""
    run, only_usable = _run(run_id), request.form.get("rows") == "usable"
    if run.kind in {VISITS, PEOPLE}:
        only_matters(service.is_outdated_by)
    else:
        note_what_matters(run.kind)
    try:
        with transaction() as session:
            service.apply(
                session,
                run=run,
                only_usable=only_usable,
                by=signed_in(),
                now=moment(),
                site=site(),
            )
    except Refused as refused:
        flash(refusal_text(refused), "danger")
        only_matters(_bears_on_check)
        with transaction() as session:  # the preview shows why
            service.check_refused(session, run=_run(run_id), by=signed_in(), now=moment())
    return redirect(url_for(".show", run_id=run_id))


@bp.get(f"{RUN}/refused.xlsx")
def refused(run_id: int) -> ResponseReturnValue:
    """The rows that cannot be imported, with why."""
    run = _run(run_id)
    report = _report(run) or abort(404)
    if run.content is None or not report.count(RowState.REFUSED):
        abort(404)
    content = refused_workbook(service.uploaded(run), report)
    return attached(content, f"refused-{run.id}", Format.XLSX)


@bp.post(f"{RUN}/change")
def change(run_id: int) -> ResponseReturnValue:
    """Go back to the columns."""
    with _refusal_shown(), transaction() as session:
        service.change_columns(session, run=_run(run_id))
    return redirect(url_for(".show", run_id=run_id))


@bp.post(f"{RUN}/discard")
def discard(run_id: int) -> ResponseReturnValue:
    """Forget the file."""
    again = _again(_run(run_id))
    with transaction() as session:
        service.discard(session, run=_run(run_id))
    return redirect(again)


@bp.post(f"{RUN}/undo")
def undo(run_id: int) -> ResponseReturnValue:
    """Take back what it made and nobody touched since."""
    with _refusal_shown(), transaction() as session:
        undoing.undo(session, run=_run(run_id), by=signed_in(), now=moment())
    return redirect(url_for(".show", run_id=run_id))


@contextmanager
def _refusal_shown() -> Iterator[None]:
    """Show why something is refused on the page that comes next."""
    try:
        yield
    except Refused as refused:
        flash(refusal_text(refused), "danger")


def _bears_on_check(_session: Session, changed: Collection[Subject]) -> bool:
    """Whether a change outdates a check: visits of others do not, as the rows are checked again."""
    return ("person", my_view().person_id) in changed


def _run(run_id: int) -> ImportRun:
    run = my_run(db.session, run_id, my_view().person_id)
    # what an admin uploaded tells of people and accounts that a former one may not know of
    if run is None or not may_open(run.kind, my_view().role):
        abort(404)
    if run.kind != VISITS:
        stand_under(KINDS[run.kind].back.partition(".")[0])
    return run


def _report(run: ImportRun) -> Report | None:
    return Report.unpacked(run.report) if run.report else None


def _start_page(form: FileForm) -> str:
    found = my_runs(db.session, my_view().person_id, moment())
    runs = [run for run in found if may_open(run.kind, my_view().role)]
    return render_template("imports/table.html", form=form, runs=run_rows(runs, moment()))


def _page(run: ImportRun, form: object = None, problem: str = "") -> str:
    match run.state:
        case RunState.SHEET:
            return _sheet_page(run, form)
        case RunState.COLUMNS:
            return _columns_page(run, form, problem)
        case RunState.PREVIEW:
            return _preview_page(run)
        case RunState.DONE | RunState.UNDONE:
            return _result_page(run)
    done, total = run.position, run.total
    if run.state is RunState.UNDOING:
        done, total = run.undone, run.added + run.changed
    return render_template(
        "imports/working.html",
        run=run,
        done=done,
        total=total,
        failure=failure_text(run) or _clock_text(),
        waits=run.state is RunState.IMPORTING and staging.is_another_hidden(db.session, run),
        again=_again(run),
    )


def _sheet_page(run: ImportRun, form: object) -> str:
    file = opened(run)
    if form is None:
        form = SheetForm(formdata=None, sheet=file.likely)
        form.sheet.choices = sheet_choices(file)
    return render_template("imports/sheet.html", form=form, run=run, again=_again(run))


def _columns_page(run: ImportRun, form: object, problem: str) -> str:
    upload, settings = service.uploaded(run), Settings.read(run.settings)
    if form is None:
        form = COLUMN_FORMS[run.kind].of(settings, today())
    typed = request.form.getlist("column")
    codes = typed if len(typed) == len(upload.codes) else upload.codes
    return render_template(
        "imports/columns.html",
        form=form,
        run=run,
        problem=problem or failure_text(run),
        upload=upload,
        columns=column_rows(
            upload, codes, options_of(run.kind, is_admin=my_view().role is Role.ADMIN)
        ),
        again=_again(run),
    )


def _preview_page(run: ImportRun) -> str:
    report = _report(run) or abort(404)
    page = preview_of(report, request.args.get("state", ""), request.args.get("page", "1"))
    return render_template(
        "imports/rows.html",
        run=run,
        page=page,
        failure=failure_text(run),
        people=people_fields(
            likely_people(db.session, report.open, today()),
            takes_outsiders=run.kind == VISITS,
        ),
        asked=asked_of(report.questions, unit_tree(db.session)),
        again=_again(run),
    )


def _result_page(run: ImportRun) -> str:
    kept = undoing.kept_rows(db.session, run, MOST_KEPT + 1) if run.state is RunState.UNDONE else ()
    return render_template(
        "imports/result.html",
        run=run,
        label=LISTS[run.kind],
        listing=url_for(LISTINGS[run.kind]),
        again=_again(run),
        kept=kept_as_rows(db.session, kept[:MOST_KEPT]),
        has_more=len(kept) > MOST_KEPT,
        can_undo=can_undo(run, moment()),
        undone=UNDONE[run.kind],
        offer=offer_of_run(db.session, run),
        has_refused=bool(run.refused) and has_file(db.session, run),
    )


def _clock_text() -> str:
    """That nobody works on imports, where no clock runs."""
    if health.pulse(db.session, now=moment()).health is not Health.FAIL:
        return ""
    return "后台任务已停止，恢复后自动继续；请联系系统管理员。"


def _again(run: ImportRun) -> str:
    """The page on which another file of the kind is chosen."""
    if run.kind == VISITS:
        return url_for(".start")
    return url_for(f"{KINDS[run.kind].page}.show", kind=run.kind)
