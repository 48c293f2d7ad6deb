"""How many rows a short transaction takes."""

import pytest

from crm.jobs.part_size import FEWEST, MOST, SECONDS, PartSize


@pytest.mark.parametrize(
    ("rows", "seconds", "then"),
    [
        (200, SECONDS, 200),
        (200, 2 * SECONDS, 100),
        (200, 0.0, 400),  # at most twice as many
        (200, 1_000.0, FEWEST),
        (MOST, 0.0, MOST),
    ],
)
def test_a_transaction_takes_as_many_rows_as_the_last_one_was_quick(rows, seconds, then):
    size = PartSize(rows)

    size.adapt(seconds)

    assert size.rows == then
