"""The rows of a lead's page: what is planned on it next, and what happened."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

from flask import url_for

from crm.base import clock, formatting
from crm.base.money import format_amount
from crm.base.value_class import value_class
from crm.files.queries import Owner
from crm.followups.models import Followup, FollowupFile
from crm.followups.timeline import Entry
from crm.leads.amounts import AmountChange
from crm.leads.merged import Merge
from crm.leads.milestone_kinds import STAGE_CODES, Kinds
from crm.leads.models import Milestone
from crm.leads.rules import FINAL, Agreement, Stage
from crm.reassignment.merge_journal import Journal
from crm.reassignment.past_merges import PastMerge
from crm.visits.models import VisitFile
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Status
from crm.web.leads.rows import due_chip
from crm.web.merges.steps import merge_steps
from crm.web.visits.rows import ICONS, Chip, chips, entered_by


@value_class
class FileLink:
    """A file by its name, or the page with all of them."""

    name: str
    url: str


@value_class
class Event:
    """One row: a milestone, a visit, a follow-up or a step of a problem."""

    icon: str
    title: str
    when: str
    tone: str
    url: str | None = None
    meta: str = ""  # who took part
    chips: tuple[Chip, ...] = ()
    texts: tuple[str, ...] = ()
    milestone_id: int | None = None  # its date may be corrected
    followup: Followup | None = None  # one that is open
    owner: Owner | None = None  # the record whose files stand in the row
    files_since: datetime | None = None  # where the record has several rows
    files: tuple[FileLink, ...] = ()


@value_class
class Happening:
    """A row of what happened besides milestones, visits and follow-ups."""

    at: datetime
    event: Event


@value_class
class Timeline:
    """What is planned, the next first, and what happened, the latest first."""

    ahead: list[Event]
    past: list[Event]
    total_past: int

    @property
    def next_step(self) -> Event | None:
        """The follow-up that is due first; the next visit where there is none."""
        followups = (event for event in self.ahead if event.followup)
        return next(followups, None) or next(iter(self.ahead), None)

    @property
    def further(self) -> list[Event]:
        """What is planned besides the next step."""
        return [event for event in self.ahead if event is not self.next_step]


def timeline_rows(
    entries: Iterable[Entry],
    kinds: Kinds,
    now: datetime,
    most: int | None = None,
    *,
    also: Iterable[Happening] = (),
) -> Timeline:
    """The entries, the latest first, as rows; `most`: of those that happened."""
    entries = list(entries)
    ahead = [_event(entry, kinds, now) for entry in reversed(entries) if _is_planned(entry)]
    past = [entry for entry in entries if not _is_planned(entry)]

    happened: list[Entry | Happening] = [*past, *also]
    happened.sort(key=_place, reverse=True)
    shown = [
        item.event if isinstance(item, Happening) else _event(item, kinds, now)
        for item in happened[:most]
    ]
    return Timeline(ahead, shown, len(happened))


def _place(item: Entry | Happening) -> tuple[date, datetime]:
    on = clock.civil_date(item.at) if isinstance(item, Happening) else item.on
    return on, item.at


def _is_planned(entry: Entry) -> bool:
    if entry.visit:
        return entry.visit.status is Status.PLANNED
    return entry.followup is not None and entry.followup.done_at is None


def _event(entry: Entry, kinds: Kinds, now: datetime) -> Event:
    on = clock.civil_date(now)
    if entry.visit:
        return _visit_event(entry.visit, now)
    if entry.followup:
        return _followup_event(entry.followup, on)
    if entry.amount:
        return _amount_event(entry.amount, on)
    assert entry.milestone is not None  # noqa: S101 - exactly one of these is set
    return _milestone_event(entry.milestone, kinds.names[entry.milestone.kind], on)


def _milestone_event(step: Milestone, name: str, on: date) -> Event:
    tone, title = "good", f"进入“{name}”"
    if step.kind in FINAL:
        tone, title = "warn", name
    elif step.kind not in STAGE_CODES:
        tone, title = "info", name
    elif step.kind == Stage.LEAD:
        tone, title = "neutral", "登记线索"

    return Event(
        "flag",
        title,
        formatting.dated(step.reached_on, on),
        tone,
        meta=_agreement(step),
        texts=_texts(step, on),
        milestone_id=step.id,
    )


def merge_happenings(past: PastMerge, kinds: Kinds, on: date) -> Iterator[Happening]:
    """A merge of the lead, and its undoing."""
    dates = () if past.undone_by else _crossed_out(past.merge, kinds, on)
    for step in merge_steps(past):
        when = formatting.dated(clock.civil_date(step.at), on)
        texts = dates if step.at == past.merge.merged_at else ()
        yield Happening(
            step.at, Event("sitemap", step.title, when, "neutral", step.url, step.by, texts=texts)
        )


def _crossed_out(merge: Merge, kinds: Kinds, on: date) -> tuple[str, ...]:
    """The later dates of milestones that hold no more."""
    return tuple(
        f"“{kinds.names[row['kind']]}”日期为{formatting.dated(row['held'], on)}，"
        f"{formatting.dated(row['on'], on)}不再采用"
        for row in Journal.read(merge.journal).crossed_out
    )


def _amount_event(change: AmountChange, on: date) -> Event:
    was = format_amount(change.former.amount, change.former.currency)
    row = change.latter
    now = f"调整为 {format_amount(row.amount, row.currency)}" if row else "不再填写"
    by = (row and row.entered_by) or ""
    when = formatting.dated(clock.civil_date(change.at), on)
    return Event(
        "pencil", f"{change.kind.label}{now}", when, "neutral", meta=by, texts=(f"原为 {was}",)
    )


def _agreement(step: Milestone) -> str:
    if step.agreement is Agreement.FRAMEWORK and step.kind not in STAGE_CODES:
        return ""  # the milestone has that name
    if step.agreement:
        return step.agreement.label
    # signings of before it was asked for
    return "协议类型未注明" if step.kind == Stage.SIGNED else ""


def _texts(step: Milestone, on: date) -> tuple[str, ...]:
    again = f"{formatting.dated(step.look_again_on, on)}再看" if step.look_again_on else ""
    return tuple(filter(None, (step.reason, again)))


def _visit_event(visit: SeenVisit, now: datetime) -> Event:
    days = (visit.last_on - visit.first_on).days + 1
    people = "、".join(person.name for person in (visit.leader, *visit.participants))
    met = " ".join(part for part in (visit.met, visit.position) if part)
    meta = (visit.city, people, entered_by(visit), f"会见：{met}" if met else "")
    text = " ".join(
        filter(None, (visit.minutes, f"下一步：{visit.next_step}" if visit.next_step else ""))
    )

    return Event(
        ICONS[visit.kind],
        f"{visit.kind.label} {days} 天" if days > 1 else visit.kind.label,
        formatting.dated(visit.first_on, clock.civil_date(now)),
        "info" if visit.status is Status.DONE else "neutral",
        url_for("visits.show", visit_id=visit.id),
        " · ".join(part for part in meta if part),
        chips(visit, now),
        (text,) if text else (),
        # REGIME 2: files hide with the words of the visit
        owner=(VisitFile, visit.id) if visit.is_readable else None,
    )


def _followup_event(step: Followup, on: date) -> Event:
    # finished from here, it leads back here
    url = url_for("followups.show", followup_id=step.id, origin="lead")
    who, owner = step.person.name, (FollowupFile, step.id)
    if step.done_at:
        done = formatting.dated(clock.civil_date(step.done_at), on)
        texts = (step.result,) if step.result else ()
        return Event("checklist", step.what, done, "neutral", url, who, texts=texts, owner=owner)

    chip = due_chip(step.due_on, on)
    due = f"{formatting.dated(step.due_on, on)}前"
    shown = () if chip.tone == "neutral" else (chip,)
    return Event(
        "checklist", step.what, due, "neutral", url, who, shown, followup=step, owner=owner
    )
