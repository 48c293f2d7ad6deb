"""快记: a typed line fills in the form of a visit, and saves nothing itself (ENTRY 1)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from flask import request, session, url_for
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.clock import civil, civil_date
from crm.base.refs import new_ref
from crm.base.value_class import value_class
from crm.leads.redaction import lead_labels
from crm.people.permissions import Viewer
from crm.visits.fields import VISIT_FIELDS
from crm.visits.next_step_text import with_due_date
from crm.visits.quick_draft import Chip, CompanyRow, Draft
from crm.visits.quick_entry import draft_of, entries_of
from crm.visits.quick_names import Certainty
from crm.visits.quick_plans import plans_meant
from crm.visits.quick_world import world_of
from crm.visits.redaction import shown
from crm.visits.rules import Kind
from crm.web.auth import signed_in
from crm.web.choices.fields import CompanyField
from crm.web.date_fields import NO_DATE, NO_SUCH_DATE
from crm.web.forms import row_id
from crm.web.visits.forms import VisitForm, hour_values
from crm.web.visits.quick_remarks import Remarks, remarks_on
from crm.web.visits.rows import VisitRow, visit_row

MOST_TYPED = 900  # characters of the box, which the cookie of the session has to hold
_REST = "quick_rest"  # in the session: whose text, and the text
LINE, PICK, REST = "line", "pick", "rest"
_FIELDS = (  # in the order of the form
    *("kind", "first_on", "starts", "status", "city", "lead_ids", "companies", "met"),
    *("leader_id", "participant_ids", "next_step"),
)
_SHORT = {"first_on": "日期", "starts": "时间", "companies": "企业"}
_PICKED = {"leader_id", "lead_ids", "participant_ids"}


@value_class
class ChipShown:
    """A value that was read: its field, its value, the words for it, and how sure it is."""

    field: str
    label: str
    value: str
    words: str
    certainty: Certainty
    options: Sequence[tuple[str, str]]  # values of the buttons with their texts


@value_class
class QuickEntry:
    """The first entry of what was typed, and what is left for later."""

    line: str
    rest: str
    draft: Draft
    picks: Sequence[str]  # what the writer has touched
    remarks: Remarks


def typed() -> str:
    """What was typed in the box."""
    return request.form.get(LINE, "")[:MOST_TYPED].strip()


def keep_rest() -> None:
    """Keep what is left of a quick entry for the next form of the same person."""
    if rest := request.form.get(REST, "")[:MOST_TYPED].strip():
        session[_REST] = [signed_in().id, rest]


def has_rest() -> bool:
    return _REST in session


def take_rest() -> str:
    """What was left; nobody else who signs in on the device sees it."""
    person_id, rest = session.pop(_REST, (None, ""))
    return rest if person_id == signed_in().id else ""


def read_entry(db: Session, viewer: Viewer, text: str, now: datetime) -> QuickEntry | None:
    """The first entry of the text; none where there is no text."""
    lines, left = entries_of(text, civil_date(now))
    if not lines:
        return None
    draft = draft_of(lines[0], world_of(db, viewer, lines[0], now))
    picks = request.form.getlist(PICK)
    for pick in picks:
        _choose(draft, pick)
    rest = "\n".join(filter(None, [*lines[1:], left]))
    remarks = remarks_on(db, draft, viewer.person_id, now, picks) if draft.is_visit else Remarks()
    return QuickEntry(lines[0], rest, draft, picks, remarks)


def _choose(draft: Draft, pick: str) -> None:
    """Take over an option that the writer has touched: `lead_ids:12`."""
    name, _, value = pick.partition(":")
    chip = draft.chips.get(name)
    if chip is None or name not in _PICKED or value not in {str(key) for key, _ in chip.options}:
        return
    chosen = row_id(value)
    if name == "leader_id":
        draft.leader_id = chosen
    else:
        getattr(draft, name).append(chosen)
    draft.chips[name] = replace(chip, certainty=Certainty.SURE, options=())


def form_of(draft: Draft, on: date) -> VisitForm:
    """The form, filled in with what was read."""
    form = VisitForm(formdata=None, data={"ref": new_ref("V", on), **values_of(draft)})
    if draft.first_on is None and (chip := draft.chips.get("first_on")):
        form.first_on.raw_data = [chip.words]
        is_day = any(mark in chip.words for mark in "月日号./-")  # else 过几天
        form.first_on.errors = [NO_SUCH_DATE if is_day else NO_DATE]
    return form


def values_of(draft: Draft) -> dict[str, Any]:
    """The values of the form, as far as they were read."""
    values: dict[str, Any] = {
        "kind": draft.kind,
        "channel": draft.channel,
        "status": draft.status,
        "city": draft.city,
        "leader_id": draft.leader_id,
        "participant_ids": draft.participant_ids,
        "lead_ids": draft.lead_ids,
        "companies": [_row(row) for row in draft.companies],
        "minutes": draft.minutes or None,
        "next_step": with_due_date(draft.next_step, draft.due_on) or None,
    }
    if draft.starts_at and draft.ends_at:
        values |= hour_values(draft.starts_at, draft.ends_at)
    return values


def _row(row: CompanyRow) -> dict[str, Any]:
    company = f"{CompanyField.prefix}{row.company_id}" if row.company_id else row.name
    return {"company": company, "met": row.met, "position": row.position}


def chips_of(form: VisitForm, draft: Draft) -> list[ChipShown]:
    """The values that were read, in the order of the form."""
    return [
        ChipShown(
            name,
            _SHORT.get(name) or VISIT_FIELDS[name].label,
            _value(form, draft, name),
            chip.words,
            chip.certainty,
            [(f"{name}:{key}", text) for key, text in chip.options],
        )
        for name in _FIELDS
        if (chip := draft.chips.get(name)) and _is_shown(name, chip, draft)
    ]


def _is_shown(name: str, chip: Chip, draft: Draft) -> bool:
    """What is assumed for everybody says nothing: the writer leads, a stay has no hours."""
    if name == "leader_id":
        return chip.certainty is not Certainty.ASSUMED or bool(chip.words)
    is_stay = draft.kind is Kind.RESIDENCY
    return name != "starts" or (draft.starts_at is not None and not is_stay)


def _value(form: VisitForm, draft: Draft, name: str) -> str:
    people = [" ".join(filter(None, (row.met, row.position))) for row in draft.companies]
    texts = {
        "kind": draft.kind.label,
        "status": draft.status.label,
        "first_on": _days(draft),
        "starts": _hours(draft),
        "companies": "、".join(row.name for row in draft.companies if row.name),
        "met": "、".join(filter(None, people)),
        "next_step": with_due_date(draft.next_step, draft.due_on),
        "city": draft.city,
    }
    return texts[name] if name in texts else "、".join(_labels(form[name]))


def _days(draft: Draft) -> str:
    if draft.first_on is None or draft.last_on is None:
        return ""
    first = f"{formatting.day(draft.first_on)} {formatting.weekday(draft.first_on)}"
    return first if draft.first_on == draft.last_on else f"{first}至{formatting.day(draft.last_on)}"


def _hours(draft: Draft) -> str:
    if draft.starts_at is None or draft.ends_at is None:
        return ""
    return f"{civil(draft.starts_at):%H:%M}–{civil(draft.ends_at):%H:%M}"


def _labels(field: Any) -> list[str]:
    """The names of what a field has chosen."""
    return [choice.label for choice in field.choices if str(choice.value) in map(str, field.ids)]


def step_links(db: Session, viewer: Viewer, draft: Draft, on: date) -> list[tuple[str, str]]:
    """The leads that the words may mean, each with the form of the step that they offer."""
    chip = draft.chips.get("lead_ids")
    ids = [*draft.lead_ids, *(lead_id for lead_id, _ in (chip.options if chip else ()))]
    labels = lead_labels(db, viewer, ids, on)
    return [(labels[lead_id].text, _step_url(draft, lead_id)) for lead_id in dict.fromkeys(ids)]


def _step_url(draft: Draft, lead_id: int) -> str:
    """The form of the step, with the day and the amount (ENTRY 1)."""
    step, on = draft.step, draft.first_on
    if step is None:
        return url_for("leads.show", lead_id=lead_id)
    if step.stage is None:
        return url_for("receipts.new", lead_id=lead_id, on=on, amount=step.amount or None)
    return url_for("leads.show", lead_id=lead_id, open=f"reach-{step.stage}", on=on)


def step_facts(draft: Draft) -> str:
    """The day and the amount of the step: `11月28日（推定） · 50亿元`."""
    if draft.step is None or draft.first_on is None:
        return ""
    is_assumed = draft.chips["first_on"].certainty is Certainty.ASSUMED
    day = f"{formatting.day(draft.first_on)}{'（推定）' if is_assumed else ''}"
    return " · ".join(filter(None, (day, draft.step.amount)))


def planned_rows(db: Session, viewer: Viewer, what: str, now: datetime) -> list[VisitRow]:
    """The planned visits that a command means, each with what may be done to it."""
    visits = plans_meant(db, what, viewer.person_id, now)
    seen = shown(db, viewer, visits, civil_date(now))
    ids = {visit.id for visit in visits}
    return [visit_row(visit, now, changeable_ids=ids) for visit in seen]
