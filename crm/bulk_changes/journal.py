"""What the leads of a change were before, as it is kept with the change."""

import json
from collections.abc import Sequence
from dataclasses import asdict, field
from datetime import date
from typing import Any

from crm.base.value_class import value_class


@value_class
class Change:
    """What was changed of a lead, what it was before, and the row that was added."""

    lead_id: int
    made_id: int | None = None  # of a role, a milestone or a follow-up
    before: dict[str, Any] = field(default_factory=dict)
    # the last entry of the trail about the lead or the follow-up: a later one tells of a change
    entry_id: int = 0
    reader_id: int | None = None  # who has the next move from then on


def written(changes: Sequence[Change]) -> str:
    """The changes as they are kept."""
    return json.dumps([asdict(change) for change in changes], ensure_ascii=False, default=str)


def read(journal: str) -> list[Change]:
    """The changes as they were written."""
    return [Change(**row) for row in json.loads(journal)]


def date_in(text: str | None) -> date | None:
    """A date of a journal."""
    return date.fromisoformat(text) if text else None
