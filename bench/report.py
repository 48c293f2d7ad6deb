"""The tables of a measurement, as Markdown."""

import logging
import os
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import structlog

from crm.base import clock

PACKAGES = ("flask", "jinja2", "sqlalchemy", "gunicorn")
GIB = 1024**3
PROCESSOR = "Processor time of a response, which a busy machine lengthens least:"


def hide_logs() -> None:
    """Keep what a measured part logs out of the tables on standard output."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


@dataclass(frozen=True, slots=True)
class Sample:
    """One response: its queries, and the bytes of its body as it is and compressed by brotli."""

    queries: int
    size: int
    compressed: int


@dataclass(frozen=True, slots=True)
class Speed:
    """Responses a second, and the processor time of one of them in milliseconds."""

    rate: float
    processor: float


@dataclass(frozen=True, slots=True)
class Result:
    """The speed in each pass, of the product and of the floor's counterpart."""

    title: str
    floor_title: str
    goal: str
    of_product: Sequence[Speed]
    of_floor: Sequence[Speed]
    product_sample: Sample
    floor_sample: Sample

    @property
    def product(self) -> list[float]:
        return [speed.rate for speed in self.of_product]

    @property
    def floor(self) -> list[float]:
        return [speed.rate for speed in self.of_floor]

    @property
    def shares(self) -> list[float]:
        """The product's rates as percentages of the floor's rate in the same pass."""
        return [100 * ours / least for ours, least in zip(self.product, self.floor, strict=True)]

    @property
    def rates(self) -> tuple[Sequence[float], Sequence[float], Sequence[float]]:
        """The rates of each pass, and their shares."""
        return self.product, self.floor, self.shares

    def processor(self) -> tuple[object, ...]:
        """The processor time of a response on both sides, and the floor's as a share of ours."""
        ours, least = (
            [each.processor for each in side] for side in (self.of_product, self.of_floor)
        )
        shares = [100 * of_floor / own for own, of_floor in zip(ours, least, strict=True)]
        spread = f"{median(shares):.1f} % ({min(shares):.1f} to {max(shares):.1f})"
        return self.title, f"{median(ours):.2f}", f"{median(least):.2f}", spread


def report(results: Sequence[Result]) -> str:
    """The tables of these results."""
    return "\n\n".join(
        (
            table(
                (
                    *("what", "per second", "floor", "share of the floor"),
                    *("goal", "queries", "bytes", "br"),
                ),
                map(summary, results),
            ),
            PROCESSOR,
            processor_table(result.processor() for result in results),
            "The floor's counterparts:",
            table(("what", "queries", "bytes", "br"), _counterparts(results)),
            "Responses a second, pass by pass:",
            table(
                ("what", "product", "floor", "share in %"),
                ((result.title, *map(series, result.rates)) for result in results),
            ),
        )
    )


def processor_table(rows: Iterable[Sequence[object]]) -> str:
    return table(("what", "product, ms", "floor, ms", "share of the floor"), rows)


def conditions(now: datetime) -> str:
    """When and where it was measured, as a list."""
    return "\n".join(
        (
            f"- Measured on {clock.civil_date(now)}.",
            f"- Machine: {_machine()}.",
            f"- Versions: {_versions()}.",
        )
    )


def summary(result: Result) -> tuple[object, ...]:
    shares, sample = result.shares, result.product_sample
    return (
        result.title,
        f"{median(result.product):.1f}",
        f"{result.floor_title} {median(result.floor):.1f}",
        f"{median(shares):.1f} % ({min(shares):.1f} to {max(shares):.1f})",
        result.goal,
        sample.queries,
        sample.size,
        sample.compressed,
    )


def _counterparts(results: Iterable[Result]) -> list[tuple[object, ...]]:
    samples = {result.floor_title: result.floor_sample for result in results}
    return [
        (name, sample.queries, sample.size, sample.compressed) for name, sample in samples.items()
    ]


def series(values: Iterable[float]) -> str:
    return " · ".join(f"{value:.1f}" for value in values)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB of memory"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}"
