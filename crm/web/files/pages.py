"""The routes by which a feature takes attachments, and the part of its page that shows them.

A feature declares its link table, how it finds a record for the viewer, and whether they may add:

    FILES = FilePages(LeadFile, key="lead_id", find=_record_with_files)
    FILES.register(bp, LEAD)

Its page hands `FILES.part(...)` to `templates/files/_files.html` as `files`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from wtforms.widgets import FileInput

from crm.base.db import LARGEST_ID
from crm.base.errors import Refused
from crm.base.value_class import value_class
from crm.extensions import db
from crm.files.checks import LARGEST
from crm.files.kinds import ACCEPTED, MEDIA_TYPES
from crm.files.models import Attachment
from crm.files.queries import ListedFile, attachment_of, listed_files
from crm.files.service import attach
from crm.web.auth import signed_in
from crm.web.errors import refusal_text
from crm.web.files.forms import UploadForm
from crm.web.files.limits import UPLOADS, too_large_errors
from crm.web.files.rows import FileRow, file_row, in_versions
from crm.web.files.uploads import Upload, store, uploads
from crm.web.repeated_requests import FLASHES
from crm.web.transaction import moment, today, transaction

ADDED = "已添加 "
SHOWN = f"{ACCEPTED},image/jpeg,image/png"  # a phone offers its camera for pictures
_PAGES: dict[type[Attachment], "FilePages"] = {}
# A document that a browser opens after all can load nothing and run nothing.
CSP = "default-src 'none'; frame-ancestors 'none'; form-action 'none'; sandbox"


@value_class
class RecordWithFiles:
    """A record whose files the viewer may see."""

    id: int
    title: str
    url: str  # of its page
    may_add: bool


@value_class
class FilesPart:
    """The files of a record with what the viewer may do, for `files/_files.html`."""

    rows: list[FileRow]
    url: str  # of the page with the form; files are posted to it
    form: UploadForm | None  # none: the viewer may not add
    newer_of: str = ""  # the name of the file of which a newer version is added
    accepted: str = SHOWN
    largest: int = LARGEST  # bytes


@dataclass(slots=True)
class FilePages:
    """The pages of one feature's attachments."""

    table: type[Attachment]
    key: str  # the name of the record's id in its address
    find: Callable[[int], RecordWithFiles]  # aborts with 404 where the viewer may not see it
    prefix: str = ""  # of the endpoints, where a blueprint has several records
    _blueprint: str = field(default="", init=False)

    def register(self, bp: Blueprint, rule: str) -> None:
        """Add the three routes below the record's own address."""
        self._blueprint = bp.name
        _PAGES[self.table] = self
        one = f"{rule}/files/<int(max={LARGEST_ID}):attachment_id>"
        bp.add_url_rule(f"{rule}/files", f"{self.prefix}files", self._show)
        bp.add_url_rule(f"{rule}/files", f"{self.prefix}add_file", self._add, methods=["POST"])
        bp.add_url_rule(one, f"{self.prefix}file", self._download)
        UPLOADS[f"{bp.name}.{self.prefix}add_file"] = f"{bp.name}.{self.prefix}files"

    def rows(self, record_id: int) -> Sequence[ListedFile]:
        return listed_files(db.session, self.table, record_id)

    def part(
        self,
        record: RecordWithFiles,
        form: UploadForm | None = None,
        rows: Sequence[ListedFile] | None = None,
    ) -> FilesPart:
        """The files of the record; `form` is one that was sent and has errors.

        `rows`: the files, where the page has read them already.
        """
        shown = form or UploadForm(formdata=None)
        rows = in_versions(self.rows(record.id) if rows is None else rows)
        names = {row.id: row.name for row in rows if row.superseded_by_id is None}
        newer_of = names.get(shown.supersedes_id or 0, "")
        shown.file.widget = FileInput(multiple=not newer_of)

        return FilesPart(
            rows=[self._row(record, row) for row in rows],
            url=self.url("files", record.id),
            form=shown if record.may_add else None,
            newer_of=newer_of,
        )

    def url(self, page: str, record_id: int, **values: int) -> str:
        endpoint = f"{self._blueprint}.{self.prefix}{page}"
        return url_for(endpoint, **{self.key: record_id}, **values)  # type: ignore[arg-type]

    def _row(self, record: RecordWithFiles, row: ListedFile) -> FileRow:
        newer = self.url("files", record.id, supersedes=row.id) if record.may_add else None
        return file_row(row, self.url("file", record.id, attachment_id=row.id), newer, today())

    def _show(self, **ids: int) -> ResponseReturnValue:
        """The files of a record, with the form to add some."""
        record = self.find(ids[self.key])
        form = UploadForm(formdata=None, supersedes=request.args.get("supersedes", ""))
        form.file.errors = too_large_errors()
        return self._page(record, form)

    def _page(self, record: RecordWithFiles, form: UploadForm) -> str:
        part = self.part(record, form)
        return render_template("files/show.html", record=record, files=part)

    def _add(self, **ids: int) -> ResponseReturnValue:
        """Add the files that may be kept; of the others the field says why not."""
        record = self.find(ids[self.key])
        if not record.may_add:
            abort(HTTPStatus.NOT_FOUND)
        form = UploadForm()
        if not form.validate():
            return self._page(record, form), HTTPStatus.UNPROCESSABLE_ENTITY

        sent = uploads()
        errors = [upload.error for upload in sent if upload.error] or _none_chosen(sent)
        added, refused = self._attach(record.id, form, sent)
        errors += refused
        if added:
            _flash_added(added)
        if not errors:
            return redirect(record.url)

        form.file.errors = errors
        return self._page(self.find(record.id), form), HTTPStatus.UNPROCESSABLE_ENTITY

    def _attach(
        self, record_id: int, form: UploadForm, sent: list[Upload]
    ) -> tuple[int, list[str]]:
        """How many were added, and why others were not."""
        added, refused = 0, list[str]()
        with transaction() as session:
            for file in (upload.file for upload in sent if upload.file):
                try:
                    attach(
                        session,
                        self.table,
                        record_id,
                        file=file,
                        by=signed_in(),
                        now=moment(),
                        supersedes_id=form.supersedes_id,
                    )
                except Refused as refusal:  # nothing of it is written yet
                    refused.append(f"“{file.name}”：{refusal_text(refusal)}")
                else:
                    added += 1
        return added, refused

    def _download(self, attachment_id: int, **ids: int) -> ResponseReturnValue:
        """The bytes of one file, to be saved."""
        record = self.find(ids[self.key])
        row = attachment_of(db.session, self.table, record.id, attachment_id) or abort(404)
        try:
            content = store().open(row.file.sha256)
        except FileNotFoundError:
            # a row names what was stored: somebody has removed it by hand
            abort(HTTPStatus.NOT_FOUND)
        except Refused:
            hint = "佐证材料存储暂时无法使用，请稍后重试；如多次出现，请联系系统管理员。"
            page = render_template(
                "error.html", title="暂时无法下载", hint=hint, home=record.url, action="返回"
            )
            return page, HTTPStatus.SERVICE_UNAVAILABLE
        return _attached(content, row)


def files_url(table: type[Attachment], record_id: int) -> str:
    """The address of the files of a record, of whatever feature."""
    return _PAGES[table].url("files", record_id)


def file_url(table: type[Attachment], record_id: int, attachment_id: int) -> str:
    """The address from which one file of a record is downloaded."""
    return _PAGES[table].url("file", record_id, attachment_id=attachment_id)


def _attached(content: BinaryIO, row: Attachment) -> Response:
    response = send_file(
        content,
        mimetype=MEDIA_TYPES[row.file.kind],
        as_attachment=True,
        download_name=row.name,
        etag=False,
        conditional=False,
    )
    response.content_length = row.file.size
    response.headers["Content-Security-Policy"] = CSP
    response.headers["Cache-Control"] = "no-store"  # else the browser keeps a copy
    return response


def _none_chosen(sent: list[Upload]) -> list[str]:
    return [] if sent else ["请选择文件。"]


def _flash_added(count: int) -> None:
    """Say how many files were added; a script adds several in as many requests."""
    waiting = session.get(FLASHES, [])
    earlier = [text for _, text in waiting if str(text).startswith(ADDED)]
    count += sum(int(text.removeprefix(ADDED).split()[0]) for text in earlier)
    session[FLASHES] = [message for message in waiting if message[1] not in earlier]
    flash(f"{ADDED}{count} 份佐证材料。", "success")
