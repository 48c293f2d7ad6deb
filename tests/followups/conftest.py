"""What the tests of leads, visits and follow-ups share."""

from tests.counting import counted

__all__ = ["counted"]
