"""Trials of libraries beside our own code: `python bench/library_trials.py encodings|mail-rate`.

docs/decisions.md has the results. `encodings` needs charset-normalizer, `mail-rate` time-machine.
"""

import csv
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from crm.base.csv_records import read_csv
from crm.base.sheet_problems import SheetRefused
from crm.jobs.rate_limit import MINUTE, RateLimit
from crm.people.imports import PEOPLE
from crm.visits.imports import VISITS

DEMO = Path(__file__).parent.parent / "seeds" / "demo"
FILES = ("people.csv", "visits.csv", "absences.csv", "followups.csv")
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030")
LENGTHS = (1, 2, 3, 5, 10)  # rows below the header: files that people fill in are short
HOUR = 3600

Records = list[list[str]]


def samples() -> Iterator[tuple[str, Records]]:
    """Files cut out of the demo's, with English and with Chinese headers."""
    names = {column.code: column.name for column in (*PEOPLE, *VISITS)}
    for file in FILES:
        with (DEMO / file).open(encoding="utf-8", newline="") as opened:
            head, *rows = csv.reader(opened)
        for header in (head, [names.get(code, code) for code in head]):
            for length in LENGTHS:
                for first in range(0, len(rows) - length + 1, length):
                    yield file, [header, *rows[first : first + length]]


def packed(records: Records, encoding: str) -> bytes:
    """The records as a CSV file."""
    return "\r\n".join(",".join(map(_quoted, record)) for record in records).encode(encoding)


def _quoted(cell: str) -> str:
    return f'"{cell}"' if "," in cell or "\n" in cell else cell


def by_ours(content: bytes) -> Records | None:
    """The records as the product reads them; None where it refuses the file."""
    try:
        return [record for _, record in read_csv(content)]
    except SheetRefused:
        return None


def by_library(content: bytes, encodings: list[str] | None) -> Records | None:
    """The records as charset-normalizer reads them; None where it finds no encoding."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - only this trial needs it

    best = from_bytes(content, cp_isolation=encodings).best()
    return None if best is None else list(csv.reader(str(best).removeprefix("\ufeff").splitlines()))


def encodings() -> None:
    """How many short files are read as they were written."""
    readers: Mapping[str, Callable[[bytes], Records | None]] = {
        "crm": by_ours,
        "charset-normalizer": lambda content: by_library(content, None),
        "charset-normalizer, told UTF-8 or GB18030": lambda content: by_library(
            content, ["utf_8", "gb18030"]
        ),
    }
    files = list(samples())
    for encoding in ENCODINGS:
        for name, read in readers.items():
            wrong = sum(read(packed(records, encoding)) != records for _, records in files)
            print(f"{encoding}: {name}: {wrong} of {len(files)} files read wrongly")
    _damaged(readers, files)


def _damaged(
    readers: Mapping[str, Callable[[bytes], Records | None]], files: list[tuple[str, Records]]
) -> None:
    """How often a UTF-8 file whose last Chinese character is cut is taken for something else."""
    cut = [
        content[:-1] + b"\r\n"
        for _, records in files
        if (content := packed(records, "utf-8").rstrip(b",\r\n 0123456789"))[-1] > 0x7F  # noqa: PLR2004
    ]
    for name, read in readers.items():
        taken = sum(read(content) is not None for content in cut)
        print(f"damaged utf-8: {name}: {taken} of {len(cut)} files taken for something else")


def mail_rate() -> None:
    """What becomes of a limit of 2 a minute when the machine's clock is set while it is full."""
    for shift in (0, -HOUR, HOUR):
        print(f"clock set by {shift} s: room again after {_wait_by_ours()} s (crm), ", end="")
        print(f"{_wait_by_library(shift)} s (limits)")


def _wait_by_ours() -> float:
    seconds = 0.0
    limit = RateLimit(2, lambda: seconds)  # the monotonic clock, which nobody sets
    limit.count()
    limit.count()
    while not limit.room(1):
        seconds += 1
    return seconds


def _wait_by_library(shift: int) -> int:
    import time_machine  # noqa: PLC0415 - only this trial needs it
    from limits import RateLimitItemPerMinute  # noqa: PLC0415 - as above
    from limits.storage import MemoryStorage  # noqa: PLC0415 - as above
    from limits.strategies import MovingWindowRateLimiter  # noqa: PLC0415 - as above

    with time_machine.travel(datetime(2026, 7, 20, tzinfo=UTC), tick=False) as machine:
        limiter, item = MovingWindowRateLimiter(MemoryStorage()), RateLimitItemPerMinute(2)
        limiter.hit(item)
        limiter.hit(item)
        machine.shift(shift)
        seconds = 0
        while not limiter.test(item) and seconds < 2 * HOUR + MINUTE:
            machine.shift(1)
            seconds += 1
    return seconds


if __name__ == "__main__":
    {"encodings": encodings, "mail-rate": mail_rate}[sys.argv[1]]()
