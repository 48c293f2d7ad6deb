"""The measurements that need PostgreSQL servers of their own work, at a tiny size."""

import pytest
from click.testing import CliRunner

from bench import commits, ten_zones

pytestmark = pytest.mark.cluster  # each starts servers, and fills them


def test_a_zone_among_others_is_measured_beside_itself_alone():
    options = ["--scale", "0.002", "--zones", "2", "--passes", "1", "--seconds", "0"]

    result = CliRunner().invoke(ten_zones.main, options, catch_exceptions=False)

    assert "| what | alone | among 2 | ratio |" in result.output
    assert "| clock, seconds of a Monday |" in result.output


def test_the_chain_is_measured_without_and_with_a_standby():
    options = ["--passes", "1", "--seconds", "0.1"]

    result = CliRunner().invoke(commits.main, options, catch_exceptions=False)

    assert [line.split(" | ")[0] for line in result.output.splitlines()[2:]] == [
        "| none",
        "| none",
        "| synchronous",
        "| synchronous",
    ]
