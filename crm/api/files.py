"""Attachments (佐证材料) of records of all kinds that take them: listed, added, downloaded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

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
from crm.problems.models import ProblemFile
from crm.problems.permissions import actors_of, onlooker
from crm.problems.permissions import may_attach as may_attach_to_problem
from crm.problems.queries import problem_of
from crm.results.models import ClaimFile
from crm.results.permissions import claim_scope
from crm.results.permissions import may_attach as may_attach_to_claim
from crm.results.permissions import situation_of as situation_of_claim
from crm.results.queries import claim_of
from crm.results.receipt_models import ReceiptFile
from crm.results.receipt_queries import receipt_with_right
from crm.settings import Settings
from crm.supervision.models import OrderFile
from crm.supervision.permissions import may_attach as may_attach_to_order
from crm.supervision.permissions import situation_of as situation_of_order
from crm.supervision.queries import order_of
from crm.visits.models import VisitFile
from crm.visits.permissions import may_change as may_change_visit
from crm.visits.queries import visit_by_id
from crm.visits.redaction import shown
from crm.visits.rules import Status

files = Resource("files", "佐证材料")
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


@dataclass(frozen=True)
class RecordsWithFiles:
    """One kind of records that take files."""

    noun: str  # in the names of its operations
    label: str
    table: type[Attachment]
    find: Callable[[Call, int], bool]  # whether the caller may add; `NotFound` where it is hidden
    scope: Scope = Scope.WRITE  # of a token that adds

    def declare(self) -> None:
        """Declare how the files of a record are listed, added and read."""
        key, place = f"{self.noun}_id", f"/{self.noun}s/{{{self.noun}_id}}/files"

        def of_record(call: Call, **ids: int) -> Files:
            self.find(call, ids[key])
            return _list(call, self.table, ids[key])

        def add(call: Call, query: Upload, file: SentFile, **ids: int) -> FileShown:
            if not self.find(call, ids[key]):
                raise Refused("not_yours")
            return _add(call, self.table, ids[key], query, file)

        def read(call: Call, attachment_id: int, **ids: int) -> Download:
            self.find(call, ids[key])
            return _read(call, self.table, ids[key], attachment_id)

        for handler, name in (
            (of_record, f"of_{self.noun}"),
            (add, f"add_to_{self.noun}"),
            (read, f"read_of_{self.noun}"),
        ):
            handler.__name__ = name
            del handler.__annotations__["ids"]
            handler.__annotations__[key] = RowId
        read.__annotations__["attachment_id"] = RowId

        adding: dict[str, Any] = {"creates": True, "roles": WITH_RECORDS, "scope": self.scope}
        files.get(place, f"{self.label}的{LIST}", roles=WITH_RECORDS)(of_record)
        files.post(place, f"{self.label}：{ADD}", **adding)(add)
        files.get(f"{place}/{{attachment_id}}", f"{self.label}：{READ}", roles=WITH_RECORDS)(read)


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


def _problem(call: Call, problem_id: int) -> bool:
    me = onlooker(call.db, call.viewer, call.on)
    problem = found(problem_of(call.db, me, problem_id))
    return may_attach_to_problem(problem, actors_of(call.db, me, problem))


def _claim(call: Call, claim_id: int) -> bool:
    scope = claim_scope(call.db, call.viewer, call.on)
    claim = found(claim_of(call.db, scope, claim_id))
    return may_attach_to_claim(situation_of_claim(call.db, scope, claim, call.now))


def _receipt(call: Call, receipt_id: int) -> bool:
    scope = claim_scope(call.db, call.viewer, call.on)
    _, may_add = found(receipt_with_right(call.db, scope, receipt_id))
    return may_add


def _order(call: Call, order_id: int) -> bool:
    order = found(order_of(call.db, call.viewer, order_id, call.on))
    return may_attach_to_order(situation_of_order(call.db, call.viewer, order, call.on))


def _list(call: Call, table: type[Attachment], record_id: int) -> Files:
    rows = listed_files(call.db, table, record_id)
    return Files(items=[FileShown.model_validate(row) for row in rows])


def _add(
    call: Call, table: type[Attachment], record_id: int, query: Upload, file: SentFile
) -> FileShown:
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


for kind in (
    RecordsWithFiles("visit", "拜访", VisitFile, _visit, Scope.VISITS),
    RecordsWithFiles("lead", "线索", LeadFile, _lead, Scope.LEADS),
    RecordsWithFiles("followup", "跟进", FollowupFile, _followup, Scope.LEADS),
    RecordsWithFiles("problem", "困难问题", ProblemFile, _problem),
    RecordsWithFiles("claim", "认定申报", ClaimFile, _claim),
    RecordsWithFiles("receipt", "到账记录", ReceiptFile, _receipt),
    RecordsWithFiles("order", "督办单", OrderFile, _order),
):
    kind.declare()
