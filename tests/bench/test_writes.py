"""The measurement of logging visits works, at a tiny size."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bench import lock_times, writes
from bench.lock_times import LockTime
from bench.report import Result, Sample, Speed
from bench.writes import Measured

ROOT = Path(__file__).parents[2]


def test_what_was_measured_is_reported():
    sample = Sample(30, 200, 200)
    result = Result(
        "log a visit", "insert", "20 %", [Speed(50.0, 8.0)], [Speed(200.0, 2.0)], sample, sample
    )
    statuses = [("log a visit", Counter({302: 40, 503: 2})), ("read pages", Counter({200: 9}))]

    times = [LockTime(1, 0.5), LockTime(2, 1.5), LockTime(4, 1)]

    text = writes.report([Measured("sqlite", result, times, statuses)], 1)

    assert "| sqlite | 50.0 | insert 200.0 | 25.0 % (25.0 to 25.0) | 20 % | 30 |" in text
    assert "| sqlite | 8.00 | 2.00 | 25.0 % (25.0 to 25.0) |" in text
    assert "| sqlite | 3 | 2.0 ms | 4.0 ms | 4.0 ms | 1.0 ms |" in text
    assert "| sqlite | log a visit | 40 × 302 | 2 |" in text


def test_lock_times_are_read_once(tmp_path):
    lock_times.file_in(tmp_path).write_text("3.5 1\n1.25 0.5\n")

    assert lock_times.times_in(tmp_path) == [LockTime(1.25, 0.5), LockTime(3.5, 1)]
    assert lock_times.times_in(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("database", writes.DATABASES)
def test_the_command_measures_a_database(database):
    options = ["--scale=0.002", "--passes=1", "--seconds=0", "--connections=2"]
    command = [sys.executable, "-m", "bench.writes", *options, f"--database={database}"]

    done = subprocess.run(
        command, cwd=ROOT, check=True, timeout=300, capture_output=True, text=True
    )

    assert f"| {database} | read pages | " in done.stdout
