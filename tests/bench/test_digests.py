"""The measurement of digests works, at a tiny size: its times mean nothing here."""

import pytest

from bench import digests


@pytest.mark.slow
def test_both_sizes_are_measured_and_reported():
    results = list(digests.measured((60, 120), passes=1))

    text = digests.report(results)

    assert [found.people for found in results] == [60, 120]
    # Reads are for all recipients together: twice the people cost hardly a statement more.
    assert results[1].statements <= results[0].statements + 10
    assert "| 120 |" in text
