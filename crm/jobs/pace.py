"""How many mails one worker hands in a minute, so that a backlog floods no mail server."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from crm.base import clock

MINUTE = 60.0


@dataclass
class Pace:
    """A limit over any sixty seconds of the monotonic clock; 0 is none."""

    per_minute: int = 0
    seconds: Callable[[], float] = clock.monotonic
    _taken: deque[float] = field(default_factory=deque)

    def room(self, most: int) -> int:
        """How many more may go now, of that many."""
        if not self.per_minute:
            return most
        self._forget()
        return max(min(most, self.per_minute - len(self._taken)), 0)

    def take(self) -> None:
        """One goes now."""
        if self.per_minute:
            self._taken.append(self.seconds())

    def wait(self) -> float:
        """In how many seconds there is room again."""
        return 0 if self.room(1) else max(self._taken[0] + MINUTE - self.seconds(), 0.01)

    def _forget(self) -> None:
        while self._taken and self._taken[0] <= self.seconds() - MINUTE:
            self._taken.popleft()
