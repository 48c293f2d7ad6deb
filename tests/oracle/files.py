"""The files by which the product imports a random zone."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from .facts import Rule
from .periods import CIVIL
from .zone import CITIES, KINDS, RandomZone

ABSENCE_KINDS = ("", "leave", "sick", "training", "secondment", "other_duty")


def write_csv(path: Path, header: str, rows: Iterable[Sequence[object]]) -> Path:
    """One UTF-8 file with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path


def write_people(zone: RandomZone, folder: Path) -> Path:
    """people.csv: one row a posting."""
    return write_csv(
        folder / "people.csv",
        "username,name,email,phone,unit,duty,role,from,to,primary",
        (
            (
                posting.username,
                f"甲{posting.username[1:]}",
                f"{posting.username}@example.com",
                "",
                posting.unit,
                posting.duty,
                "recruiter",
                posting.from_on,
                posting.to_on or "",
                int(posting.primary),
            )
            for posting in zone.postings
        ),
    )


def write_absences(zone: RandomZone, folder: Path) -> Path:
    """absences.csv, with and without a kind."""
    return write_csv(
        folder / "absences.csv",
        "username,from,to,reason,kind",
        (
            (
                absence.username,
                absence.from_on,
                absence.to_on,
                "轮休",
                ABSENCE_KINDS[(number + zone.seed) % len(ABSENCE_KINDS)],
            )
            for number, absence in enumerate(zone.absences)
            if absence.approved  # an import approves what it brings
        ),
    )


def write_visits(zone: RandomZone, folder: Path) -> Path:
    """visits.csv, with kinds by code and by Chinese name, instants with and without an offset."""
    return write_csv(
        folder / "visits.csv",
        "ref,kind,channel,status,starts_at,ends_at,city,leader,participants,leads,logged_at,verdict,note",
        (
            (
                row.ref,
                KINDS[row.kind] if (number + zone.seed) % 3 == 0 else row.kind,
                row.channel,
                row.status,
                written(row.starts_at, number + zone.seed),
                written(row.ends_at, number + zone.seed),
                CITIES[number % len(CITIES)],
                row.leader,
                # a leader listed among those who take part is the leader still
                ";".join((*row.participants, row.leader) if number % 5 == 0 else row.participants),
                "",
                written(row.logged_at, number) if row.logged_at else "",
                row.verdict,
                "",
            )
            for number, row in enumerate(zone.visits)
        ),
    )


def written(instant: datetime, style: int) -> str:
    """ISO 8601: civil time without offset, with +08:00, or UTC."""
    return (
        instant.astimezone(CIVIL).replace(tzinfo=None).isoformat(),
        instant.astimezone(CIVIL).isoformat(),
        instant.astimezone(UTC).isoformat(),
    )[style % 3]


def write_rules(zone: RandomZone, folder: Path) -> Path:
    """rules.yaml: a list of versions, each with every field of REGIME 4."""
    lines: list[str] = []
    for rule in zone.rules:
        mark = "- "
        for name in Rule.__dataclass_fields__:
            value = getattr(rule, name)
            text = "null" if value is None else str(value)
            if isinstance(value, tuple):
                text = f"[{', '.join(value)}]"
            lines.append(f"{mark}{name}: {text}")
            mark = "  "
    path = folder / "rules.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
