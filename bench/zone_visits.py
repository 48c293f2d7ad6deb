"""The visits of the invented zone, with their companions and leads."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from crm.base import clock
from crm.base.periods import DAY
from crm.visits.rules import Channel, Kind, Status, Verdict

AHEAD = 7  # days for which visits are planned
LATE_DAYS = 5  # beyond the limit of the rules as shipped
LATE_SHARE = 0.02
WAITING_DAYS = 15  # late visits of this time wait for a verdict; older ones are confirmed
HOURS = (9, 11, 14)
CITIES = ("苏州", "上海", "深圳", "北京", "杭州", "南京", "成都", "西安")
KINDS = (Kind.RESIDENCY,) * 6 + (Kind.OUTREACH,) * 3 + (Kind.RECEPTION,) * 2 + (Kind.REMOTE,)

Row = dict[str, Any]


def visits(rng: Random, count: int, owing: range, *, today: date, days: int) -> Iterator[Row]:
    """Visits of one day on working days, drawn over three years and some days ahead."""
    for number in range(1, count + 1):
        on = today + (AHEAD - rng.randrange(days + AHEAD)) * DAY
        on -= max(on.weekday() - 4, 0) * DAY  # to the Friday before
        kind = rng.choice(KINDS)
        leader_id = rng.choice(owing)
        hour = 9 if kind is Kind.RESIDENCY else rng.choice(HOURS)
        starts_at = clock.at_civil(on, time(hour))
        ends_at = starts_at + timedelta(hours=9 if kind is Kind.RESIDENCY else 2)
        yield {
            "id": number,
            "ref": f"V{number:07}",
            "kind": kind,
            "channel": Channel.VIDEO if kind is Kind.REMOTE else Channel.IN_PERSON,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "first_on": on,
            "last_on": on,
            "city": rng.choice(CITIES),
            "leader_id": leader_id,
            "entered_by_id": leader_id,
            "met": "对方投资负责人",
            "minutes": "介绍园区载体和政策，对方计划下月来访。",
            "next_step": "准备选址方案",
            **_state(on, ends_at, today, is_late=rng.random() < LATE_SHARE),
        }


def _state(on: date, ends_at: datetime, today: date, *, is_late: bool) -> Row:
    """Planned from today on; before, done and logged in the evening or, with `is_late`, later."""
    if on >= today:
        planned_at = clock.at_civil(today - DAY)
        return {
            "status": Status.PLANNED,
            "entered_at": planned_at,
            "logged_at": None,
            "verdict": None,
            "verdict_at": None,
            "late_by_days": 0,
        }

    age = (today - on).days
    late_by_days = LATE_DAYS if is_late and age > LATE_DAYS else 0
    logged_at = ends_at + late_by_days * DAY + timedelta(hours=1)
    is_confirmed = late_by_days > 0 and age > WAITING_DAYS
    return {
        "status": Status.DONE,
        "entered_at": logged_at,
        "logged_at": logged_at,
        "verdict": Verdict.CONFIRMED if is_confirmed else None,
        "verdict_at": logged_at + DAY if is_confirmed else None,
        "late_by_days": late_by_days,
    }


def participants(rng: Random, visits: Iterable[Row], owing: range) -> Iterator[Row]:
    """A companion of each tenth visit."""
    for visit in visits:
        person_id = rng.choice(owing)
        if visit["id"] % 10 == 0 and person_id != visit["leader_id"]:
            late_by_days = visit["late_by_days"]
            yield {
                "visit_id": visit["id"],
                "person_id": person_id,
                "late_by_days": late_by_days,
            }


def visited(rng: Random, visits: Iterable[Row], lead_ids: Sequence[int]) -> Iterator[Row]:
    """A lead of each second visit."""
    for visit in visits:
        if visit["id"] % 2 == 0:
            yield {"visit_id": visit["id"], "lead_id": rng.choice(lead_ids)}
