"""What cannot be meant is a matter of usage: exit code 2, and the option named."""

import pytest
from click.testing import CliRunner

from crm.cli import main


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("quota report --period 0001-W01", "--period"),
        ("quota report --period 2101", "--period"),
        ("quota report --period 2026-07 --as-of 0001-01-01", "--as-of"),
        ("digest preview monthly --period 0001-01 --for liwei", "--period"),
        ("init --clock-from 0001-01-01", "--clock-from"),
        ("clock run --until 9999-12-31T23:59", "--until"),
        ("outbox show 99999999999999999999", "ID"),
        ("serve --port 99999", "--port"),
    ],
)
def test_what_nobody_can_mean_is_refused_by_the_option_that_says_it(words, option):
    done = CliRunner().invoke(main, words.split())

    assert done.exit_code == 2
    assert option in done.output
