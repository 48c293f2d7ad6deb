"""What an import of visits says besides its counts: how it read a row, and what it asks about."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.periods import DAY
from crm.base.sheets import Problem
from crm.visits.models import Visit
from crm.visits.question_queries import beside_file
from crm.visits.questions import Doubt, Outline, questions
from crm.visits.rules import CHANNELS_OF, Channel, Kind

MOST_NAMED = 20  # lines of the file that one notice names
MOST_PAIRS = 5  # pairs of visits that one notice names
Pair = tuple[int, int]  # a visit of the file and the other one, by their ids


def read_as_remote(rows: Iterable[tuple[int, Kind, Channel]]) -> Iterator[Problem]:
    """The rows, by their lines, whose kind no longer has their channel (REGIME 3)."""
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
    """What the form would have asked about visits that a file brought; `lines` by reference."""
    if not visits:
        return

    found = _pairs(beside_file(db, visits, on), {visit.id for visit in visits})
    ids = {each for pairs in found.values() for pair in pairs for each in pair}
    refs = {visit.id: visit.ref for visit in visits if visit.id in ids}
    others = select(Visit.id, Visit.ref).where(Visit.id.in_(sorted(ids - refs.keys())))
    refs |= dict(db.execute(others).all())

    for doubt, pairs in found.items():
        shown = "、".join(f"{refs[one]}与{refs[other]}" for one, other in pairs[:MOST_PAIRS])
        facts = {
            "doubt": doubt.label,
            "lines": named(sorted({lines[refs[one]] for one, _ in pairs})),
            "pairs": shown + "等" * (len(pairs) > MOST_PAIRS),
        }
        yield Problem(Refused("asked_about", None, **facts))


def _pairs(outlines: Sequence[Outline], new: set[int]) -> dict[Doubt, list[Pair]]:
    """Visits of the file beside others, each pair once, by what is doubtful about them."""
    near: dict[tuple[str, int, date], list[Outline]] = defaultdict(list)

    for each in outlines:
        for key in _keys(each):
            near[key].append(each)

    found: dict[Doubt, list[Pair]] = defaultdict(list)

    for one in outlines:
        if one.id not in new:
            continue
        others = {each.id: each for key in _keys(one) for each in near[key]}
        # of two rows of the file, the earlier one asks
        rest = [each for each in others.values() if each.id not in new or _id(each) > _id(one)]
        for question in questions(one, rest):
            found[question.doubt].append((_id(one), _id(question.other)))

    return found


def _id(outline: Outline) -> int:
    return outline.id or 0


def _keys(outline: Outline) -> Iterator[tuple[str, int, date]]:
    """Whom and what the visit is about, on each of its dates."""
    for number in range((outline.last_on - outline.first_on).days + 1):
        on = outline.first_on + number * DAY
        yield from (("person", each, on) for each in outline.people)
        yield from (("company", each, on) for each in outline.company_ids)


def named(lines: Sequence[int]) -> str:
    """The lines of a file as a notice names them."""
    return "、".join(map(str, lines[:MOST_NAMED])) + "…" * (len(lines) > MOST_NAMED)
