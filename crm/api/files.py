"""Attachments (佐证材料) of visits, leads and follow-ups: listed, added, downloaded."""

from datetime import datetime
from typing import Annotated

from flask import current_app
from pydantic import Field

from crm.api.call import Call, NotFound, found
from crm.api.models import AskedInQuery, RowId, Shown
from crm.api.operations import Download, Resource, SentFile
from crm.base.errors import Refused
from crm.files.kinds import LONGEST_NAME, MEDIA_TYPES, FileKind
from crm.files.models import Attachment
from crm.files.queries import attachment_of, listed_files
from crm.files.service import attach, keep_file
from crm.files.store import FileStore, store_at
from crm.followups.models import FollowupFile
from crm.followups.permissions import may_change as may_change_followup
from crm.followups.queries import followup_by_id
from crm.leads.models import LeadFile
from crm.leads.queries import lead_with_right
from crm.people.rules import WITH_RECORDS, Scope
from crm.settings import Settings
from crm.visits.models import VisitFile
from crm.visits.permissions import may_change as may_change_visit
from crm.visits.queries import visit_by_id
from crm.visits.redaction import shown
from crm.visits.rules import Status

files = Resource("files", "佐证材料")
OF_VISITS = {"roles": WITH_RECORDS, "scope": Scope.VISITS}
OF_LEADS = {"roles": WITH_RECORDS, "scope": Scope.LEADS}
LIST, ADD, READ = "佐证材料，先添加的在前", "添加佐证材料，内容为文件本身", "下载佐证材料"


class Upload(AskedInQuery):
    """What the file is called, and which one it supersedes."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, description="文件名")]
    supersedes: RowId | None = Field(None, description="所替代的佐证材料的 id")


class FileShown(Shown):
    id: int
    name: str
    kind: FileKind
    size: int = Field(description="字节数")
    added_by: str = Field(description="添加人的姓名")
    added_at: datetime
    superseded_by_id: int | None = Field(description="替代它的佐证材料；现行的为空")


class Files(Shown):
    items: list[FileShown]


@files.get("/visits/{visit_id}/files", f"拜访的{LIST}", roles=WITH_RECORDS)
def of_visit(call: Call, visit_id: RowId) -> Files:
    _visit(call, visit_id)
    return _list(call, VisitFile, visit_id)


@files.post("/visits/{visit_id}/files", f"拜访：{ADD}", creates=True, **OF_VISITS)
def add_to_visit(call: Call, visit_id: RowId, query: Upload, file: SentFile) -> FileShown:
    return _add(call, VisitFile, visit_id, query, file, may_add=_visit(call, visit_id))


@files.get("/visits/{visit_id}/files/{attachment_id}", f"拜访：{READ}", roles=WITH_RECORDS)
def read_of_visit(call: Call, visit_id: RowId, attachment_id: RowId) -> Download:
    _visit(call, visit_id)
    return _read(call, VisitFile, visit_id, attachment_id)


@files.get("/leads/{lead_id}/files", f"线索的{LIST}", roles=WITH_RECORDS)
def of_lead(call: Call, lead_id: RowId) -> Files:
    _lead(call, lead_id)
    return _list(call, LeadFile, lead_id)


@files.post("/leads/{lead_id}/files", f"线索：{ADD}", creates=True, **OF_LEADS)
def add_to_lead(call: Call, lead_id: RowId, query: Upload, file: SentFile) -> FileShown:
    return _add(call, LeadFile, lead_id, query, file, may_add=_lead(call, lead_id))


@files.get("/leads/{lead_id}/files/{attachment_id}", f"线索：{READ}", roles=WITH_RECORDS)
def read_of_lead(call: Call, lead_id: RowId, attachment_id: RowId) -> Download:
    _lead(call, lead_id)
    return _read(call, LeadFile, lead_id, attachment_id)


@files.get("/followups/{followup_id}/files", f"跟进的{LIST}", roles=WITH_RECORDS)
def of_followup(call: Call, followup_id: RowId) -> Files:
    _followup(call, followup_id)
    return _list(call, FollowupFile, followup_id)


@files.post("/followups/{followup_id}/files", f"跟进：{ADD}", creates=True, **OF_LEADS)
def add_to_followup(call: Call, followup_id: RowId, query: Upload, file: SentFile) -> FileShown:
    may_add = _followup(call, followup_id)
    return _add(call, FollowupFile, followup_id, query, file, may_add=may_add)


@files.get("/followups/{followup_id}/files/{attachment_id}", f"跟进：{READ}", roles=WITH_RECORDS)
def read_of_followup(call: Call, followup_id: RowId, attachment_id: RowId) -> Download:
    _followup(call, followup_id)
    return _read(call, FollowupFile, followup_id, attachment_id)


def _visit(call: Call, visit_id: int) -> bool:
    """Whether the caller may add to the visit; its files hide with its words (REGIME 2)."""
    visit = found(visit_by_id(call.db, call.viewer, visit_id, call.on))
    [seen] = shown(call.db, call.viewer, [visit], call.on)
    if not seen.is_readable:
        raise NotFound
    is_cancelled = visit.status is Status.CANCELLED
    return not is_cancelled and may_change_visit(call.db, call.viewer, visit_id, call.on)


def _lead(call: Call, lead_id: int) -> bool:
    _, may_add = found(lead_with_right(call.db, call.viewer, lead_id, call.on))
    return may_add


def _followup(call: Call, followup_id: int) -> bool:
    found(followup_by_id(call.db, call.viewer, followup_id, call.on))
    return may_change_followup(call.db, call.viewer, followup_id, call.on)


def _list(call: Call, table: type[Attachment], record_id: int) -> Files:
    rows = listed_files(call.db, table, record_id)
    return Files(items=[FileShown.model_validate(row) for row in rows])


def _add(  # noqa: PLR0913 - which file, of which record, and by what right
    call: Call,
    table: type[Attachment],
    record_id: int,
    query: Upload,
    file: SentFile,
    *,
    may_add: bool,
) -> FileShown:
    if not may_add:
        raise Refused("not_yours")
    try:
        # checked and stored before anything is written, and so under no lock of SQLite
        file.kept = file.kept or keep_file(_store(), name=query.name, content=file.content)
        row = attach(
            call.db,
            table,
            record_id,
            file=file.kept,
            by=call.person,
            now=call.now,
            supersedes_id=query.supersedes,
        )
    except Refused as refusal:
        # the body is the file: there is no place in it that could be named
        raise Refused(refusal.code, None, **refusal.facts) from None
    call.db.flush()
    listed = listed_files(call.db, table, record_id)
    return FileShown.model_validate(next(one for one in listed if one.id == row.id))


def _read(call: Call, table: type[Attachment], record_id: int, attachment_id: int) -> Download:
    row = found(attachment_of(call.db, table, record_id, attachment_id))
    try:
        with _store().open(row.file.sha256) as stored:
            content = stored.read()
    except FileNotFoundError:  # somebody has removed it by hand
        raise NotFound from None
    return Download(content, MEDIA_TYPES[row.file.kind], row.name, row.file.sha256)


def _store() -> FileStore:
    settings: Settings = current_app.config["SETTINGS"]
    return store_at(settings.files_place)
