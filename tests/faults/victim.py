"""A `crm …` that dies in the middle of its work; the tests of crashes start it.

`python -m tests.faults.victim MOMENT N words…` kills itself when that moment of the database's
work comes for the N-th time.
"""

import os
import signal
import sys
from itertools import count

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from crm.base.words import Word
from crm.cli import main


class Moment(Word):
    """When it dies; up to a commit nothing of the transaction may last."""

    PUT = "INSERT INTO message ", "a message was put into the outbox"
    CLAIM = "INSERT INTO job_run ", "a slot was taken"
    MARK = "UPDATE job_run ", "a slot was marked as done"
    OF_MESSAGE = "UPDATE message ", "messages were marked"
    COMMIT = "commit", "a transaction is about to be committed"
    COMMITTED = "committed", "a transaction was committed"


def die_at(moment: Moment, number: int) -> None:
    """Arrange for the death of this process."""
    times = count(1)

    def arrived(*_: object) -> None:
        if next(times) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def executed(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(moment.value):
            arrived()

    match moment:
        case Moment.COMMIT:
            event.listen(Engine, "commit", arrived)
        case Moment.COMMITTED:
            event.listen(Session, "after_commit", arrived)
        case _:
            event.listen(Engine, "after_cursor_execute", executed)


if __name__ == "__main__":
    die_at(Moment(sys.argv[1]), int(sys.argv[2]))
    main(sys.argv[3:])
