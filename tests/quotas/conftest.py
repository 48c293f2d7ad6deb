"""What the tests of quotas share."""

from tests.counting import counted

__all__ = ["counted"]
