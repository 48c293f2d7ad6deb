"""Runs a request again whose reads were outdated at its commit, or that waited in a ring."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import IntegrityError, InvalidRequestError, OperationalError
from sqlalchemy.orm.exc import StaleDataError

from crm.base.db_faults import is_deadlock
from crm.requests.transaction import Outdated, is_outdated, undo

Answer = TypeVar("Answer")
# Others have written the same, or removed what this request has read (the last, on reading anew).
OVERTAKEN = (IntegrityError, StaleDataError, InvalidRequestError)
MOST_RUNS = 3  # on SQLite the second is the last, as it holds the write lock


def run_until_current(run: Callable[[], Answer], begin_again: Callable[[], None]) -> Answer:
    """What `run` returns; where others came between it begins again, with the write lock."""
    for _ in range(MOST_RUNS - 1):
        try:
            return run()
        except Outdated:
            begin_again()
        except OVERTAKEN:
            undo()
            if not is_outdated():
                raise
            begin_again()
        except OperationalError as error:
            if not is_deadlock(error):
                raise
            # two changes waited for each other, and PostgreSQL has rolled this one back
            begin_again()
    return run()
