"""快记: a typed line becomes the draft of a visit, and nothing is saved (ENTRY 1)."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from crm.api.call import Call
from crm.api.models import Asked, Prose, Shown
from crm.api.operations import Resource
from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.leads.queries import refs_by_id
from crm.people.models import Person
from crm.people.queries import people_by_id
from crm.people.rules import WITH_RECORDS, Scope
from crm.quotas.queries import working_calendar
from crm.visits.quick_draft import Draft
from crm.visits.quick_entry import LONGEST, draft_of, entries_of
from crm.visits.quick_hints import HintKind, hints_of
from crm.visits.quick_names import Certainty
from crm.visits.quick_plans import stays_on
from crm.visits.quick_world import world_of
from crm.visits.rules import Channel, Kind, Status

quick_entries = Resource("quick-entries", "快记")
PEOPLE = {"leader_id": "leader", "participant_ids": "participants"}
LEADS = {"lead_ids": "leads"}
NAMES = {**PEOPLE, **LEADS, "first_on": "starts_at", "starts": "starts_at"}


class QuickEntry(Asked):
    text: Annotated[Prose, Field(min_length=1, max_length=LONGEST)] = Field(
        description="一段话，例如“昨天下午和小钱去苏州拜访金鸡湖电子，见了李总”"
    )


class CompanyDraft(Shown):
    company: int | None
    name: str
    met: str | None
    position: str | None


class VisitDraft(Shown):
    """What was read, as POST /visits takes it once it is complete."""

    kind: Kind
    channel: Channel
    status: Status
    starts_at: datetime | None
    ends_at: datetime | None
    city: str
    leader: str | None = Field(description="带队人的账号")
    participants: list[str] = Field(description="同行人的账号")
    leads: list[str] = Field(description="线索的编号")
    companies: list[CompanyDraft]
    minutes: str
    next_step: str


class Option(Shown):
    value: str = Field(description="账号、线索编号或企业的 id")
    label: str


class FieldRead(Shown):
    """How surely a field was read, from which words, and what else they may mean."""

    field: str
    certainty: Certainty = Field(description="sure 确定，assumed 推定，choose 请选")
    words: str
    options: list[Option]


class HintShown(Shown):
    code: HintKind
    on: date
    days: int | None


class QuickEntryShown(Shown):
    """The first entry of the text; nothing is saved."""

    text: str = Field(description="读取的一条")
    rest: str = Field(description="其余部分，留待下次")
    is_visit: bool = Field(description="是否为拜访；否则为办理步骤或取消、改期的要求")
    draft: VisitDraft
    next_step_due_on: date | None
    fields: list[FieldRead]
    hints: list[HintShown]


@quick_entries.post(
    "/quick-entries",
    "读取一段话，回答拜访草稿，不保存",
    roles=WITH_RECORDS,
    scope=Scope.VISITS,
    saves=False,
)
def read(call: Call, body: QuickEntry) -> QuickEntryShown:
    lines, left = entries_of(body.text, call.on)
    if not lines:
        raise Refused("required", field="text")
    draft = draft_of(lines[0], world_of(call.db, call.viewer, lines[0], call.now))
    return QuickEntryShown(
        text=lines[0],
        rest="\n".join(filter(None, [*lines[1:], left])),
        is_visit=draft.is_visit,
        draft=_draft(call, draft),
        next_step_due_on=draft.due_on,
        fields=list(_fields(call, draft)),
        hints=list(_hints(call, draft)) if draft.is_visit else [],
    )


def _draft(call: Call, draft: Draft) -> VisitDraft:
    ids = {*draft.participant_ids, *([draft.leader_id] if draft.leader_id else [])}
    people, refs = people_by_id(call.db, ids), refs_by_id(call.db, draft.lead_ids)
    same = ("kind", "channel", "status", "starts_at", "ends_at", "city", "minutes", "next_step")
    return VisitDraft(
        **{name: getattr(draft, name) for name in same},
        leader=people[draft.leader_id].username if draft.leader_id else None,
        participants=[people[person_id].username for person_id in draft.participant_ids],
        leads=[refs[lead_id] for lead_id in draft.lead_ids],
        companies=[
            CompanyDraft(company=row.company_id, name=row.name, met=row.met, position=row.position)
            for row in draft.companies
        ],
    )


def _fields(call: Call, draft: Draft) -> Iterator[FieldRead]:
    """The fields that were read; leads and people among the options by reference and username."""
    asked = [(name, key) for name, chip in draft.chips.items() for key, _ in chip.options]
    people = people_by_id(call.db, {key for name, key in asked if name in PEOPLE})
    refs = refs_by_id(call.db, {key for name, key in asked if name in LEADS})
    for name, chip in draft.chips.items():
        yield FieldRead(
            field=NAMES.get(name, name),
            certainty=chip.certainty,
            words=chip.words,
            options=[
                Option(value=_value(name, key, people, refs), label=label)
                for key, label in chip.options
            ],
        )


def _value(name: str, key: int, people: dict[int, Person], refs: dict[int, str]) -> str:
    if name in PEOPLE:
        return people[key].username
    return refs[key] if name in LEADS else str(key)


def _hints(call: Call, draft: Draft) -> Iterator[HintShown]:
    people = {*draft.participant_ids, draft.leader_id}
    person_id = call.person.id if call.person.id in people else draft.leader_id
    if draft.first_on is None or draft.last_on is None or person_id is None:
        return
    stays = stays_on(call.db, person_id, draft.first_on, draft.last_on)
    is_workday = working_calendar(call.db).is_workday
    for hint in hints_of(draft, stays, civil_date(call.now), is_workday):
        yield HintShown(code=hint.kind, on=hint.on, days=hint.days)
