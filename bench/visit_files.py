"""A file of invented visits for `crm import visits`, of the people and leads of `bench.zone`."""

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from random import Random

from bench import zone
from bench.zone_visits import visits
from crm.base import clock

HEAD = (
    *("ref", "kind", "channel", "status", "starts_at", "ends_at", "city", "leader"),
    *("participants", "leads", "logged_at", "verdict", "note", "met", "minutes"),
)


def write_visits(
    path: Path, count: int, *, first: int, scale: float, lead_refs: Sequence[str]
) -> None:
    """Write that many visits, numbered from `first`; each tenth has a companion."""
    rng, today = Random(first), clock.civil_date(clock.now())
    owing = range(8, zone.people_count(scale) + 1)

    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEAD)
        for visit in visits(rng, count, owing, today=today, days=zone.SPAN):
            number, leader_id = first + visit["id"], visit["leader_id"]
            companion = rng.choice(owing)
            has_companion = number % 10 == 0 and companion != leader_id
            writer.writerow(
                (
                    *(f"I{number:07}", visit["kind"], visit["channel"], visit["status"]),
                    *(_civil(visit["starts_at"]), _civil(visit["ends_at"]), visit["city"]),
                    zone.username(leader_id),
                    zone.username(companion) if has_companion else "",
                    "" if number % 2 else rng.choice(lead_refs),
                    *(_civil(visit["logged_at"]), visit["verdict"], ""),
                    *(visit["met"], visit["minutes"]),
                )
            )


def _civil(moment: datetime | None) -> str:
    return f"{clock.civil(moment):%Y-%m-%dT%H:%M}" if moment else ""
