"""Pages of the working calendar: a year at a glance, a change by hand, and an import."""

from collections.abc import Iterable
from typing import Any

from flask import (
    Blueprint,
    abort,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import DateField, FileField, HiddenField, RadioField, StringField
from wtforms.validators import Length, Optional

from crm.base import formatting
from crm.base.errors import Refused
from crm.base.sheets import Format, Problem, SheetRefused, write_template
from crm.base.workdays import DayKind
from crm.extensions import db
from crm.quotas import calendar as service
from crm.quotas.calendar_effects import Effects, calendar_state, effects
from crm.quotas.calendar_imports import (
    CALENDAR,
    Arrangement,
    as_file,
    keep,
    read_arrangement,
)
from crm.web.auth import signed_in
from crm.web.calendar.rows import year_of
from crm.web.change_reasons import explained
from crm.web.corrections.rows import count_my_corrections
from crm.web.downloads import attached
from crm.web.errors import refusal_text
from crm.web.forms import YEARS, Needed, cleaned, date_of, sensible_year, show_refusal, word_choices
from crm.web.transaction import moment, today, trial

bp = Blueprint("calendar", __name__)
ONE = "/admin/calendar/<int:year>"
LARGEST = 200 * 1024  # bytes; a year's arrangement has a few kilobytes
MOST_TOLD = 12  # problems of a file, and dates in a preview before the rest is folded
KINDS = (DayKind.REST, DayKind.WORKDAY)
FIELDS = {"first": "first", "last": "last"}


def _kind(text: str) -> DayKind | None:
    """The kind that was chosen; none where nothing was that is offered."""
    return next((kind for kind in KINDS if kind == text), None)


class DaysForm(FlaskForm):
    """A date or a span of dates that becomes working or free."""

    first = DateField("日期", [Needed("请选择日期。"), sensible_year])
    last = DateField("至（可不填）", [Optional(), sensible_year])
    kind = RadioField(
        "改为",
        [Needed("请选择工作日或休息日。")],
        choices=word_choices(KINDS),
        coerce=_kind,
        validate_choice=False,
    )
    reason = StringField(
        "原因",
        [Needed("请填写原因。"), Length(max=200, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )


class FileForm(FlaskForm):
    """A file with an arrangement."""

    file = FileField("文件")


class ApplyForm(FlaskForm):
    """What was previewed, to be applied as it was."""

    content = HiddenField()


@bp.get("/admin/calendar")
def here() -> ResponseReturnValue:
    """The year of today."""
    return _year_page(today().year, DaysForm())


@bp.get(ONE)
def show(year: int) -> ResponseReturnValue:
    """Twelve months, each date with its kind and its source."""
    return _year_page(year, DaysForm())


@bp.post(f"{ONE}/days")
def change(year: int) -> ResponseReturnValue:
    """Set dates by hand."""
    form = DaysForm()
    if not form.validate_on_submit():
        return _year_page(year, form), 422

    first: Any = form.first.data

    try:
        with explained() as rows:
            changed = service.set_days(
                rows,
                first=first,
                last=form.last.data or first,
                is_workday=form.kind.data is DayKind.WORKDAY,
                reason=form.reason.data or "",
                by=signed_in(),
                now=moment(),
            )
    except Refused as refusal:
        show_refusal(form, refusal, FIELDS)
        return _year_page(year, form), 422

    _say(changed, "已保存。")

    return redirect(url_for(".show", year=first.year))


@bp.post(f"{ONE}/take-back")
def take_back(year: int) -> ResponseReturnValue:
    """Let the arrangement hold again."""
    first = date_of(request.form.get("first", "")) or abort(404)
    last = date_of(request.form.get("last", "")) or abort(404)
    try:
        with explained() as rows:
            changed = service.take_back(rows, first=first, last=last, by=signed_in(), now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        _say(changed, "已撤回。")
    return redirect(url_for(".show", year=year))


@bp.get("/admin/calendar/import")
def new_import() -> ResponseReturnValue:
    """Choose a file."""
    return render_template("calendar/import.html", form=FileForm(), problems=[])


@bp.get("/admin/calendar/template<any('.csv', '.xlsx'):suffix>")
def template(suffix: str) -> ResponseReturnValue:
    """A file to fill in."""
    form = Format(suffix)
    return attached(write_template(CALENDAR, form), "calendar", form)


@bp.post("/admin/calendar/import")
def preview() -> ResponseReturnValue:
    """What the file would change."""
    form = FileForm()
    upload = request.files.get("file")
    content = upload.read(LARGEST + 1) if upload else b""

    if not content:
        form.file.errors = ["请选择文件。"]
    elif len(content) > LARGEST:
        form.file.errors = ["文件太大：一年的放假安排只有几 KB，请检查是否选错了文件。"]

    if form.file.errors:
        return render_template("calendar/import.html", form=form, problems=[]), 422

    try:
        arrangement = read_arrangement(content)
    except SheetRefused as refused:
        return _problems_page(form, refused), 422

    apply_form = ApplyForm(formdata=None, content=as_file(arrangement))
    found = _tried(arrangement)

    return render_template(
        "calendar/preview.html",
        form=apply_form,
        arrangement=arrangement,
        effects=found,
        notices=_lines(arrangement.notices),
        months=[
            (formatting.period_name(m.period), f"{m.before} → {m.after}") for m in found.months
        ],
        most=MOST_TOLD,
    )


@bp.post("/admin/calendar/import/apply")
def apply() -> ResponseReturnValue:
    """Keep the arrangement that was previewed."""
    form = ApplyForm()
    try:
        arrangement = read_arrangement((form.content.data or "").encode())
    except SheetRefused as refused:
        return _problems_page(FileForm(formdata=None), refused), 422
    with explained() as rows:
        changed = keep(rows, arrangement, by=signed_in(), now=moment())
    _say(changed, f"已导入 {len(arrangement.rows)} 天。")
    return redirect(url_for(".show", year=max(arrangement.rows).year))


def _tried(arrangement: Arrangement) -> Effects:
    """What the arrangement does, seen by doing it and undoing it."""
    with trial() as rows:
        changed = keep(rows, arrangement, by=signed_in(), now=moment())
        after = calendar_state(rows, changed, moment())
    return effects(changed, calendar_state(db.session, changed, moment()), after)


def _say(changed: service.Flips, done: str) -> None:
    count = len(changed.dates)
    flash(f"{done}有 {count} 天的上班或休息发生变化。" if count else done, "success")
    if made := count_my_corrections(db.session):
        flash(f"已定稿的数据不变，另生成 {made} 条更正，待督查人员签认。", "info")


def _year_page(year: int, form: DaysForm) -> str:
    if year not in YEARS:
        abort(404)
    return render_template(
        "calendar/show.html", form=form, year=year_of(db.session, year), today=today(), years=YEARS
    )


def _lines(problems: Iterable[Problem]) -> list[str]:
    """Problems or notices of a file as sentences, each with its line."""
    return [
        f"第 {each.line} 行：{refusal_text(each.why)}" if each.line else refusal_text(each.why)
        for each in problems
    ]


def _problems_page(form: FileForm, refused: SheetRefused) -> str:
    count = len(refused.problems)
    form.file.errors = [f"文件有 {count} 处问题，没有导入任何内容，请修改后重新选择。"]
    lines = _lines(refused.problems[:MOST_TOLD])
    if count > MOST_TOLD:
        lines.append(f"另有 {count - MOST_TOLD} 处。")
    lines += _lines(refused.notices)
    return render_template("calendar/import.html", form=form, problems=lines)
