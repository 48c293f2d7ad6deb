"""What holds for all style sheets."""

import re
from pathlib import Path

import pytest

SHEETS = sorted((Path(__file__).parents[2] / "assets" / "css").glob("*.css"))
FOR_PAPER_TOO = re.compile(r"@media \((?:min|max)-(?:width|height).*")


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_rules_for_the_size_of_a_screen_leave_paper_alone(path):
    """A4 is as narrow as a tablet: without `screen and` its tables become cards."""
    assert FOR_PAPER_TOO.findall(path.read_text(encoding="utf-8")) == []
