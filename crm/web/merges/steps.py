"""What happened in a merge, as timelines and pages tell it."""

from collections.abc import Iterator
from datetime import datetime

from flask import url_for

from crm.base.value_class import value_class
from crm.reassignment.past_merges import PastMerge


@value_class
class MergeStep:
    """A merge that was made, or taken back."""

    at: datetime
    title: str
    by: str
    url: str | None  # none where the viewer may not take it back


def merge_steps(past: PastMerge) -> Iterator[MergeStep]:
    """What happened to the two records, the first first."""
    merge = past.merge
    url = url_for("merges.show", merge_id=merge.id) if past.may_open else None
    what = f"{merge.subject.label}“{merge.merged_name}”"
    by = " · ".join(part for part in (merge.merged_ref, past.merged_by) if part)

    yield MergeStep(merge.merged_at, f"{what}并入“{past.survivor}”", by, url)
    if merge.undone_at:
        yield MergeStep(merge.undone_at, f"撤销合并，恢复{what}", past.undone_by or "", url)
