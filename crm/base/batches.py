"""Work that is done in batches, each written in a short transaction of its own."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TypeAlias

from sqlalchemy.orm import Session

from crm.base.value_class import value_class

# Opens a session for reading: batches are prepared outside the transactions that write them.
Reading: TypeAlias = Callable[[], AbstractContextManager[Session]]


@value_class
class Batch:
    """A part of the work, ready to be written."""

    write: Callable[[Session], Mapping[str, int]]  # counts what it made
    position: str  # after which the work goes on
