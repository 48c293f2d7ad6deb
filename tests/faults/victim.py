"""The moments at which a process can be made to die in the middle of its work."""

import os
import signal
from dataclasses import dataclass
from itertools import count

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from crm.base.enums import LabeledEnum


class Moment(LabeledEnum):
    """A step of the database's work; up to a commit nothing of the transaction may last."""

    CLAIM = "INSERT INTO job_run ", "a slot was taken"
    PUT = "INSERT INTO message ", "a message was put into the outbox"
    MARK = "UPDATE job_run ", "a slot was marked as done"
    CHANGE = "UPDATE message ", "messages were claimed or marked"
    COMMIT = "commit", "a transaction is about to be committed"
    COMMITTED = "committed", "a transaction was committed"


@dataclass(frozen=True, slots=True)
class Death:
    """It comes with that moment's N-th time."""

    moment: Moment
    number: int
    sign: signal.Signals = signal.SIGKILL  # or SIGSTOP, from which it may wake

    def arrange(self) -> None:
        """See to it that this process kills itself then."""
        times = count(1)

        def arrived(*_: object) -> None:
            if next(times) == self.number:
                os.kill(os.getpid(), self.sign)

        def executed(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if statement.startswith(self.moment.value):
                arrived()

        match self.moment:
            case Moment.COMMIT:
                event.listen(Engine, "commit", arrived)
            case Moment.COMMITTED:
                event.listen(Session, "after_commit", arrived)
            case _:
                event.listen(Engine, "after_cursor_execute", executed)
