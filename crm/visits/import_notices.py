"""The notices of an import of visits: how a row was read, and which visits are doubtful."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.periods import DAY
from crm.base.sheets import Problem
from crm.visits.models import Visit
from crm.visits.question_queries import outlines_near_file
from crm.visits.questions import Doubt, Outline, questions
from crm.visits.rules import CHANNELS_OF, Channel, Kind

MOST_NAMED = 20  # lines of the file that one notice names
MOST_PAIRS = 5  # pairs of visits that one notice names
Pair = tuple[int, int]  # a visit of the file and the other one, by their ids


def read_as_remote(rows: Iterable[tuple[int, Kind, Channel]]) -> Iterator[Problem]:
    """Notices of rows read as remote, since their kind no longer has their channel (REGIME 3)."""
    lines = defaultdict(list)
    for line, kind, channel in rows:
        if channel not in CHANNELS_OF[kind] and kind is not Kind.REMOTE:
            lines[kind, channel].append(line)
    for (kind, channel), found in lines.items():
        facts = {"kind": kind.label, "channel": channel.label, "lines": named(found)}
        yield Problem(Refused("read_as_remote", None, **facts))


def asked_about(
    db: Session, visits: Sequence[Visit], lines: Mapping[str, int], on: date
) -> Iterator[Problem]:
    """The questions that a form would ask about imported visits; `lines` by reference."""
    if not visits:
        return

    found = _pairs(outlines_near_file(db, visits, on), {visit.id for visit in visits})
    ids = {visit_id for pairs in found.values() for pair in pairs for visit_id in pair}
    refs = {visit.id: visit.ref for visit in visits if visit.id in ids}
    others = select(Visit.id, Visit.ref).where(Visit.id.in_(sorted(ids - refs.keys())))
    refs |= dict(db.execute(others).all())

    for doubt, pairs in found.items():
        shown = "、".join(
            f"{refs[visit_id]}与{refs[other_id]}" for visit_id, other_id in pairs[:MOST_PAIRS]
        )
        facts = {
            "doubt": doubt.label,
            "lines": named(sorted({lines[refs[visit_id]] for visit_id, _ in pairs})),
            "pairs": shown + "等" * (len(pairs) > MOST_PAIRS),
        }
        yield Problem(Refused("asked_about", None, **facts))


def _pairs(outlines: Sequence[Outline], new: set[int]) -> dict[Doubt, list[Pair]]:
    """Pairs of an imported visit and another, each once, by their doubt."""
    # by person or company and date, so that not every pair of a file is compared
    near: dict[tuple[str, int, date], list[Outline]] = defaultdict(list)

    for other in outlines:
        for key in _keys(other):
            near[key].append(other)

    found: dict[Doubt, list[Pair]] = defaultdict(list)

    for outline in outlines:
        if outline.id not in new:
            continue
        others = {other.id: other for key in _keys(outline) for other in near[key]}
        # of two rows of the file, the earlier one asks
        rest = [
            other for other in others.values() if other.id not in new or _id(other) > _id(outline)
        ]
        for question in questions(outline, rest):
            found[question.doubt].append((_id(outline), _id(question.other)))

    return found


def _id(outline: Outline) -> int:
    return outline.id or 0  # an id is missing only before a visit is kept


def _keys(outline: Outline) -> Iterator[tuple[str, int, date]]:
    """Keys of the visit's people and companies on each of its dates."""
    for number in range((outline.last_on - outline.first_on).days + 1):
        on = outline.first_on + number * DAY
        yield from (("person", key, on) for key in outline.people)
        yield from (("company", key, on) for key in outline.company_ids)


def named(lines: Sequence[int]) -> str:
    """The lines of a file as a notice names them."""
    return "、".join(map(str, lines[:MOST_NAMED])) + "…" * (len(lines) > MOST_NAMED)
