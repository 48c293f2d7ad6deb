"""Pages of the working calendar: a year at a glance, a change by hand, and an import."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base import formatting
from crm.base.errors import Refused
from crm.base.sheets import Format, SheetRefused, write_template
from crm.base.workdays import DayKind
from crm.extensions import db
from crm.quotas import calendar as service
from crm.quotas.calendar_effects import Effects, calendar_state, effects
from crm.quotas.calendar_imports import CALENDAR, Arrangement, as_file, keep, read_arrangement
from crm.web.auth import signed_in
from crm.web.calendar.forms import ApplyForm, DaysForm, FileForm
from crm.web.calendar.rows import year_page
from crm.web.change_reasons import explained
from crm.web.corrections.rows import count_my_corrections
from crm.web.downloads import attached
from crm.web.errors import problem_sentences, refusal_text
from crm.web.forms import YEARS, date_of, show_refusal
from crm.web.transaction import moment, today, trial

bp = Blueprint("calendar", __name__)
YEAR = "/admin/calendar/<int:year>"
MOST_BYTES = 200 * 1024  # a year's arrangement has a few kilobytes
MOST_LISTED = 12  # problems of a file, and dates in a preview before the rest is folded


@bp.get("/admin/calendar")
def this_year() -> ResponseReturnValue:
    return _year_page(today().year, DaysForm())


@bp.get(YEAR)
def show(year: int) -> ResponseReturnValue:
    return _year_page(year, DaysForm())


@bp.post(f"{YEAR}/days")
def change(year: int) -> ResponseReturnValue:
    form = DaysForm()

    if form.validate_on_submit():
        try:
            changed = _set_days(form)
        except Refused as refusal:
            show_refusal(form, refusal, {})
        else:
            _flash_change(changed, "日期调整已保存。")
            first: Any = form.first.data  # a valid form has it
            return redirect(url_for(".show", year=first.year))

    return _year_page(year, form), HTTPStatus.UNPROCESSABLE_ENTITY


def _set_days(form: DaysForm) -> service.Flips:
    first: Any = form.first.data  # a valid form has it
    with explained() as session:
        return service.set_days(
            session,
            first=first,
            last=form.last.data or first,
            is_workday=form.kind.data is DayKind.WORKDAY,
            reason=form.reason.data or "",
            by=signed_in(),
            now=moment(),
        )


@bp.post(f"{YEAR}/take-back")
def take_back(year: int) -> ResponseReturnValue:
    """Remove dates set by hand, so that the arrangement holds again."""
    first = date_of(request.form.get("first", "")) or abort(404)
    last = date_of(request.form.get("last", "")) or abort(404)
    try:
        with explained() as session:
            changed = service.take_back(
                session, first=first, last=last, by=signed_in(), now=moment()
            )
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        _flash_change(changed, "日期调整已撤回。")
    return redirect(url_for(".show", year=year))


@bp.get("/admin/calendar/import")
def new_import() -> ResponseReturnValue:
    return _import_page(FileForm(), [])


@bp.get("/admin/calendar/template<any('.csv', '.xlsx'):suffix>")
def template(suffix: str) -> ResponseReturnValue:
    file_format = Format(suffix)
    return attached(write_template(CALENDAR, file_format), "calendar", file_format)


@bp.post("/admin/calendar/import")
def preview() -> ResponseReturnValue:
    """Show what the file would change; nothing is saved."""
    form = FileForm()
    upload = request.files.get("file")
    content = upload.read(MOST_BYTES + 1) if upload else b""
    if problem := _file_problem(content):
        form.file.errors = [problem]
        return _import_page(form, []), HTTPStatus.UNPROCESSABLE_ENTITY

    try:
        arrangement = read_arrangement(content)
    except SheetRefused as refused:
        return _problems_page(form, refused), HTTPStatus.UNPROCESSABLE_ENTITY

    return _preview_page(arrangement)


def _file_problem(content: bytes) -> str:
    if not content:
        return "请选择文件。"
    if len(content) > MOST_BYTES:
        return "文件过大：一年的放假安排仅有几 KB，请检查是否选错文件。"
    return ""


def _preview_page(arrangement: Arrangement) -> str:
    change = _try(arrangement)
    months = [
        (formatting.period_name(month.period), f"{month.before} → {month.after}")
        for month in change.months
    ]

    return render_template(
        "calendar/preview.html",
        form=ApplyForm(formdata=None, content=as_file(arrangement)),  # applied as it was shown
        arrangement=arrangement,
        effects=change,
        notices=problem_sentences(arrangement.notices),
        months=months,
        most=MOST_LISTED,
    )


@bp.post("/admin/calendar/import/apply")
def apply() -> ResponseReturnValue:
    """Save the arrangement that was previewed."""
    form = ApplyForm()
    try:
        arrangement = read_arrangement((form.content.data or "").encode())
    except SheetRefused as refused:
        return _problems_page(FileForm(formdata=None), refused), HTTPStatus.UNPROCESSABLE_ENTITY
    with explained() as session:
        changed = keep(session, arrangement, by=signed_in(), now=moment())
    _flash_change(changed, f"已导入 {len(arrangement.rows)} 天。")
    return redirect(url_for(".show", year=max(arrangement.rows).year))


def _try(arrangement: Arrangement) -> Effects:
    """What the arrangement changes: it is saved, read and rolled back."""
    # so the preview is judged by the same code as what is applied later
    with trial() as session:
        changed = keep(session, arrangement, by=signed_in(), now=moment())
        after = calendar_state(session, changed, moment())
    return effects(changed, calendar_state(db.session, changed, moment()), after)


def _flash_change(changed: service.Flips, saved: str) -> None:
    count = len(changed.dates)
    flash(f"{saved}有 {count} 天的上班或休息发生变化。" if count else saved, "success")
    if made := count_my_corrections(db.session):
        flash(f"已定稿的数据不变，另生成 {made} 条更正，待督查人员签认。", "info")


def _year_page(year: int, form: DaysForm) -> str:
    if year not in YEARS:
        abort(404)
    return render_template(
        "calendar/show.html",
        form=form,
        year=year_page(db.session, year),
        today=today(),
        years=YEARS,
    )


def _problems_page(form: FileForm, refused: SheetRefused) -> str:
    count = len(refused.problems)
    form.file.errors = [f"文件有 {count} 处问题，未导入任何内容，请修改后重新选择。"]
    sentences = problem_sentences(refused.problems[:MOST_LISTED])
    if count > MOST_LISTED:
        sentences.append(f"另有 {count - MOST_LISTED} 处。")
    sentences += problem_sentences(refused.notices)
    return _import_page(form, sentences)


def _import_page(form: FileForm, problems: list[str]) -> str:
    return render_template("calendar/import.html", form=form, problems=problems)
