"""The limit on mails that one worker hands in, so that a backlog floods no mail server."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from crm.base import clock

MINUTE = 60.0


@dataclass
class RateLimit:
    """At most `per_minute` mails in any sixty seconds; 0 is no limit.

    It goes by the monotonic clock, so that a change of the machine's clock neither stops the mails
    nor lets more of them go (docs/decisions.md has the trial of a library).
    """

    per_minute: int = 0
    seconds: Callable[[], float] = clock.monotonic
    _handed_in: deque[float] = field(default_factory=deque)

    def room(self, wanted: int) -> int:
        """How many of the `wanted` mails may be sent now."""
        if not self.per_minute:
            return wanted
        self._forget_before_last_minute()
        return max(min(wanted, self.per_minute - len(self._handed_in)), 0)

    def count(self) -> None:
        """Count a mail that is sent now."""
        if self.per_minute:
            self._handed_in.append(self.seconds())

    def seconds_to_wait(self) -> float:
        """Seconds until one more mail may be sent."""
        if self.room(1):
            return 0
        # never 0, or the caller would loop without a pause
        return max(self._handed_in[0] + MINUTE - self.seconds(), 0.01)

    def _forget_before_last_minute(self) -> None:
        while self._handed_in and self._handed_in[0] <= self.seconds() - MINUTE:
            self._handed_in.popleft()
