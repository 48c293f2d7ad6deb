"""The processes of a zone that runs, and waiting for what they do."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.faults.arranged import Arranged
from tests.faults.running import Running
from tests.faults.zone import Zone

POLL_SECONDS = 0.1  # a look costs some milliseconds of what it looks at


def wait_until(
    claim: Callable[[], object], seconds: float = 120, *, else_tell: object = ""
) -> None:
    """Wait for it; a test fails where it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not claim():
        result = else_tell() if callable(else_tell) else else_tell
        assert time.monotonic() < deadline, f"not in {seconds} s: {result}"
        time.sleep(POLL_SECONDS)


@dataclass
class Crew:
    """All processes that were started for a zone."""

    zone: Zone
    arranged: Arranged
    settings: dict[str, str]
    members: list[Running] = field(default_factory=list)

    def start(self, *words: str, arranged: Arranged = ()) -> Running:
        """Start one more."""
        own = (*self.arranged, *arranged)
        self.members.append(self.zone.fork(*words, arranged=own, **self.settings))
        return self.members[-1]

    def dismiss(self) -> None:
        """End all as an operator does, and see that they end well."""
        for member in self.members:
            wait_until(
                lambda member=member: ".started" in member.says or member.is_over(),
                else_tell=member.says,
            )
            member.send(signal.SIGTERM)
        for member in self.members:
            member.ended()

    @property
    def says(self) -> str:
        """What all of them have said."""
        return "\n".join(member.says for member in self.members)


@contextmanager
def crew(zone: Zone, *arranged: object, **settings: str) -> Iterator[Crew]:
    """Nobody yet; whoever is left at the end is killed."""
    own = Crew(zone, arranged, settings)
    try:
        yield own
    finally:
        for member in own.members:
            if not member.is_over():
                os.kill(member.pid, signal.SIGCONT)
                member.kill()
                member.is_over(10)
