"""The measurement of processes works, at a tiny size; its ratios hold with wide margins."""

import pytest

from bench import pages, processes

SCALE = 0.002


@pytest.fixture
def data(tmp_path):
    pages.prepare(tmp_path, SCALE)
    return tmp_path


@pytest.mark.slow
def test_importing_the_product_takes_a_few_times_the_framework(tmp_path):
    sides = (
        lambda: processes.seconds_to_run(processes.PRODUCT, tmp_path),
        lambda: processes.seconds_to_run(processes.FRAMEWORK, tmp_path),
    )

    row = processes.compared("imports", "2", sides, passes=1)

    assert float(row[-1]) < 8


@pytest.mark.slow
def test_starts_and_memory_are_measured_and_reported(data):
    text = processes.report(processes.starts(data, 1), processes.memory(data, SCALE, 1))

    assert "| imports, beside the framework's |" in text
    assert "| workers: 2 |" in text
