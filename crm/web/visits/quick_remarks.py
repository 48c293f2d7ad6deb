"""What the page of a quick entry says beside the values that it read (ENTRY 1)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.value_class import value_class
from crm.people.queries import units_named
from crm.problems.categories import categories
from crm.problems.wording import obstacle_in
from crm.quotas.queries import working_calendar
from crm.visits.quick_draft import Draft
from crm.visits.quick_hints import Hint, HintKind, Stay, hints_of, stay_in_question
from crm.visits.quick_plans import stays_on
from crm.visits.rules import Status

STAY, NEW = "stay", "new"


@value_class
class StayQuestion:
    """A stay on the dates of a new one: whether the entry goes into it."""

    text: str
    options: Sequence[tuple[str, str]]  # values of the buttons with their texts
    chosen: str  # the value that the page shows; empty: none is chosen
    stay: Stay

    @property
    def visit_id(self) -> int | None:
        """The stay into which the entry goes; none where it is one of its own."""
        return self.stay.id if self.chosen == f"{STAY}:{self.stay.id}" else None


@value_class
class Remarks:
    """What is said of a draft, and what is asked."""

    hints: Sequence[str] = ()
    stay: StayQuestion | None = None


def remarks_on(
    db: Session, draft: Draft, writer_id: int, now: datetime, picks: Sequence[str]
) -> Remarks:
    """The remarks about a draft; of stays, those of the writer where the writer takes part."""
    stays = _stays(db, draft, writer_id)
    hints = hints_of(draft, stays, civil_date(now), working_calendar(db).is_workday)
    stay = stay_in_question(draft, stays)
    return Remarks(
        [*map(_hint_text, hints), *_obstacle(db, draft)],
        _stay_question(draft, stay, picks) if stay else None,
    )


def _stays(db: Session, draft: Draft, writer_id: int) -> list[Stay]:
    if draft.first_on is None or draft.last_on is None:
        return []
    people = [*draft.participant_ids, draft.leader_id]
    person_id = writer_id if writer_id in people else draft.leader_id
    return stays_on(db, person_id, draft.first_on, draft.last_on) if person_id else []


def _hint_text(hint: Hint) -> str:
    day = formatting.day(hint.on)
    if hint.stay:
        stay = f"{formatting.span(hint.stay.first_on, hint.stay.last_on)}的驻城（{hint.stay.city}）"
        if hint.kind is HintKind.WITHIN_STAY:
            return f"{day}在{stay}之内，当日只计一天。"
        return f"{day}已列入{stay}，与本次不在同一城市，当日只计一天。"
    if hint.kind is HintKind.REST_DAY:
        return f"{day}（{formatting.weekday(hint.on)}）是休息日，请核对。"
    return f"距{day}已过 {hint.days} 天，逾期登记须经督查人员确认后计入。"


def _stay_question(draft: Draft, stay: Stay, picks: Sequence[str]) -> StayQuestion:
    into, own = f"{STAY}:{stay.id}", f"{STAY}:{NEW}"
    dates = formatting.span(stay.first_on, stay.last_on)
    is_same = stay.is_in(draft.city)
    texts = ("补充到该次驻城", "另记一次") if is_same else (f"改为{draft.city}", "两段都要")
    picked = [pick for pick in picks if pick in {into, own}]
    return StayQuestion(
        f"{dates}已有驻城（{stay.city}，{stay.status.label}），日期重叠。",
        [*zip((into, own), texts, strict=True)],
        picked[-1] if picked else into if is_same else "",
        stay,
    )


def _obstacle(db: Session, draft: Draft) -> list[str]:
    """That what blocks the project may be raised as a problem once the visit is saved."""
    found = obstacle_in(draft.minutes)
    if found is None:
        return []
    category = next((one for one in categories(db) if one.code == found.category), None)
    named = units_named(db, draft.next_step)[:1]
    facts = "，".join(one.name for one in (category, *named) if one)
    return [f"“{found.words}”可在保存后转为困难问题{f'（{facts}）' if facts else ''}。"]


def supplemented(
    values: Mapping[str, Any], added: Mapping[str, Any], stay: Stay, draft: Draft, today: date
) -> dict[str, Any]:
    """The values of the stay's form with those of the entry; one in another city moves it."""
    first, last = draft.first_on or stay.first_on, draft.last_on or stay.last_on
    if stay.is_in(draft.city):
        first, last = min(first, stay.first_on), max(last, stay.last_on)
    is_over = draft.status is Status.DONE and last < today
    people = dict.fromkeys([*values["participant_ids"], *added["participant_ids"]])
    companies = [row for row in added["companies"] if row not in values.get("companies", ())]
    return {
        **values,
        "city": draft.city or stay.city,
        "first_on": first,
        "last_on": None if first == last else last,
        "status": Status.DONE if is_over else values["status"],
        "lead_ids": [*dict.fromkeys([*values["lead_ids"], *added["lead_ids"]])],
        "participant_ids": [one for one in people if one != values["leader_id"]],
        "companies": [*values.get("companies", ()), *companies],
        "minutes": _joined(values.get("minutes"), added["minutes"], "\n"),
        "next_step": _joined(values.get("next_step"), added["next_step"], "；"),
    }


def _joined(old: str | None, new: str | None, mark: str) -> str | None:
    return mark.join(filter(None, (old, new))) or None
