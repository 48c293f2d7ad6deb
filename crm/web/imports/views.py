"""Imports on a page: a file is previewed, then imported whole or not at all."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.audit_chain import entries_made
from crm.base.errors import Refused
from crm.base.sheets import Format, ImportResult, SheetRefused, write_template
from crm.extensions import db
from crm.imports import service
from crm.imports.queries import my_runs
from crm.imports.rules import PEOPLE
from crm.leads.imports import AlikeRow
from crm.people.rules import Role
from crm.web.auth import my_view, signed_in
from crm.web.downloads import Export, attached, exported
from crm.web.errors import problem_sentences, refusal_text
from crm.web.files.limits import LARGE_FORMS
from crm.web.imports.forms import MOST_BYTES, MOST_MEGABYTES, ApplyForm, FileForm, packed
from crm.web.imports.kinds import KINDS, FileKind, is_own_file, note_what_matters
from crm.web.imports.rows import Tab, alike_rows, problem_rows, with_problems
from crm.web.imports.runs import run_rows
from crm.web.site import site
from crm.web.transaction import moment, today, transaction, trial

MOST_OF_NAME = 100  # characters of a file's name
MOST_LISTED = 50  # problems, notices or likely duplicates; the file to download has all problems


def start() -> ResponseReturnValue:
    return redirect(url_for("imports.show", kind=next(iter(KINDS))))


def show(kind: str) -> ResponseReturnValue:
    """The page to choose a file."""
    return _file_page(kind, FileForm())


def template(kind: str, suffix: str) -> ResponseReturnValue:
    form = Format(suffix)
    return attached(write_template(KINDS[kind].columns_of(db.session), form), kind, form)


def export(kind: str, suffix: str) -> ResponseReturnValue:
    """What I may see of the records, as the import reads them again."""
    of_kind = KINDS[kind]
    rows = of_kind.rows(db.session, my_view(), today())
    name, columns = f"{kind}-{today():%Y%m%d}", of_kind.columns_of(db.session)
    return exported(Export(of_kind.label, name, columns, Format(suffix)), rows)


def preview(kind: str) -> ResponseReturnValue:
    """Show what the file would add; nothing is saved."""
    form, upload = FileForm(), request.files.get("file")
    content = upload.read(MOST_BYTES + 1) if upload else b""
    if not content or len(content) > MOST_BYTES:
        form.file.errors = [f"请选择文件，不超过 {MOST_MEGABYTES} MB；更大的请分成几个文件。"]
        return _file_page(kind, form), HTTPStatus.UNPROCESSABLE_ENTITY

    if not is_own_file(kind, content):
        return _begin_table(kind, form, content, (upload and upload.filename) or "")
    try:
        with _looking(KINDS[kind]):
            file = _check(KINDS[kind], content, leaves_out=False)
    except SheetRefused as refused:
        name = (upload and upload.filename) or ""
        return _problems_page(kind, content, refused, name), HTTPStatus.UNPROCESSABLE_ENTITY

    alike: Sequence[AlikeRow] = getattr(file, "alike", ())  # not every kind has them
    return render_template(
        "imports/preview.html",
        form=ApplyForm(
            formdata=None,
            content=packed(content),
            file_name=((upload and upload.filename) or "")[-MOST_OF_NAME:],
        ),
        kind=kind,
        of_kind=KINDS[kind],
        result=file.result,
        notices=problem_sentences(file.result.notices[:MOST_LISTED]),
        rows=KINDS[kind].preview(file),
        alike=alike_rows(db.session, alike[:MOST_LISTED], today()),
        alike_count=len(alike),
    )


def rows(kind: str) -> ResponseReturnValue:
    """Look at a file row by row, of which only what is usable may be imported."""
    form = ApplyForm()
    content = form.file_content or abort(400)
    return _begin_table(kind, FileForm(formdata=None), content, form.file_name.data or "")


def _begin_table(kind: str, form: FileForm, content: bytes, name: str) -> ResponseReturnValue:
    """Read a bureau's own table, whose columns are looked at first."""
    try:
        with transaction() as session:
            run = service.begin(
                session,
                content=content,
                file_name=name[-MOST_OF_NAME:],
                by=signed_in(),
                now=moment(),
                kind=kind,
            )
            run_id = run.id
    except SheetRefused as refused:
        form.file.errors = problem_sentences(refused.problems[:3])
    except Refused as refused:
        form.file.errors = [refusal_text(refused)]
    else:
        return redirect(url_for("tables.show", run_id=run_id))
    return _file_page(kind, form), HTTPStatus.UNPROCESSABLE_ENTITY


def apply(kind: str) -> ResponseReturnValue:
    """Import the file that was previewed."""
    form = ApplyForm()
    content = form.file_content or abort(400)
    note_what_matters(kind)
    try:
        with transaction() as session:
            before = entries_made(session)
            file = _check(KINDS[kind], content, leaves_out=form.leaves_out)
            result = KINDS[kind].records.keep(
                session, file=file, by=signed_in(), now=moment(), site=site()
            )
            run = service.note_file(
                session,
                kind=kind,
                file_name=(form.file_name.data or "")[-MOST_OF_NAME:],
                result=result,
                before=before,
                by=signed_in(),
                now=moment(),
            )
            run_id = run.id if run else None
    except SheetRefused as refused:
        name = form.file_name.data or ""
        return _problems_page(kind, content, refused, name), HTTPStatus.UNPROCESSABLE_ENTITY

    flash(_said(result), "success")
    if run_id:
        return redirect(url_for("tables.show", run_id=run_id))
    return redirect(url_for(KINDS[kind].listing))


def problems(kind: str, suffix: str) -> ResponseReturnValue:
    """The file again, with what is wrong of each row in a column of its own."""
    content, form = ApplyForm().file_content or abort(400), Format(suffix)
    try:
        with _looking(KINDS[kind]):
            _check(KINDS[kind], content, leaves_out=False)
    except SheetRefused as refused:
        if _is_marked(refused):
            return attached(with_problems(content, refused, form), f"{kind}-problems", form)
    return redirect(url_for(".show", kind=kind))


def _said(result: ImportResult) -> str:
    parts = [f"已导入 {result.added} 行" if result.added else "没有新增"]
    parts += [f"更新 {result.updated} 行"] if result.updated else []
    parts += [f"{result.unchanged} 行与已有一致，未变"] if result.unchanged else []
    parts += [f"{result.left_out} 行疑似重复，未导入"] if result.left_out else []
    return "；".join(parts) + "。"


def _looking(of_kind: FileKind) -> AbstractContextManager[object]:
    """For a look at a file: what is written for that is taken back."""
    return trial() if of_kind.records.is_tried else nullcontext()


def _check(of_kind: FileKind, content: bytes, *, leaves_out: bool) -> Any:
    return of_kind.records.check(
        db.session, content=content, by=signed_in(), now=moment(), leaves_out=leaves_out
    )


def _is_marked(refused: SheetRefused) -> bool:
    """Whether the file can be read and problems have a place in it."""
    return any(problem.column for problem in refused.problems)


def _problems_page(kind: str, content: bytes, refused: SheetRefused, name: str) -> str:
    return render_template(
        "imports/problems.html",
        form=ApplyForm(formdata=None, content=packed(content), file_name=name[-MOST_OF_NAME:]),
        kind=kind,
        of_kind=KINDS[kind],
        goes_by_rows=kind != PEOPLE and _is_marked(refused),
        problems=problem_rows(refused.problems[:MOST_LISTED]),
        count=len(refused.problems),
        is_marked=_is_marked(refused),
        notices=problem_sentences(refused.notices[:MOST_LISTED]),
    )


def _file_page(kind: str, form: FileForm) -> str:
    tabs = [
        Tab(url_for(f"{of_kind.page}.show", kind=name), of_kind.label, name == kind)
        for name, of_kind in KINDS.items()
    ]
    is_admin = signed_in().role is Role.ADMIN
    return render_template(
        "imports/show.html",
        form=form,
        kind=kind,
        of_kind=KINDS[kind],
        tabs=tabs if is_admin else [],
        runs=run_rows(my_runs(db.session, my_view().person_id, moment()), moment()),
    )


def _pages(name: str, prefix: str) -> Blueprint:
    """The pages of the kinds that are imported there."""
    pages = Blueprint(name, __name__, url_prefix=prefix)
    kinds = [kind for kind, of_kind in KINDS.items() if of_kind.page == name]
    kind, suffix = f"/<any({', '.join(kinds)}):kind>", "<any('.csv', '.xlsx'):suffix>"
    pages.get(kind)(show)
    pages.get(f"{kind}/template{suffix}")(template)
    pages.get(f"{kind}/export{suffix}")(export)
    pages.post(kind)(preview)
    pages.post(f"{kind}/apply")(apply)
    pages.post(f"{kind}/problems{suffix}")(problems)
    pages.post(f"{kind}/rows")(rows)
    LARGE_FORMS.update(f"{name}.{step}" for step in ("preview", "apply", "problems", "rows"))
    return pages


bp = _pages("imports", "/admin/import")
bp.get("")(start)
# These take the write lock before they check: what they bring in affects figures.
people_bp = _pages("people_imports", "/admin/import")
receipts_bp = _pages("receipt_imports", "/import")
