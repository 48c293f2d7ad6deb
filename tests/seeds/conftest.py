"""What the tests of the seeds share."""

from tests.forked import fork

__all__ = ["fork"]
