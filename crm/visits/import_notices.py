"""The notices of an import of visits: how a row was read, and which visits are doubtful."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.db import LARGEST_ID
from crm.base.errors import Refused
from crm.base.periods import DAY, days
from crm.base.sheet_problems import Problem, named_lines
from crm.leads.models import Lead
from crm.visits.batch_insert import CheckedVisit
from crm.visits.models import Visit
from crm.visits.question_queries import outlines_near
from crm.visits.questions import Doubt, Outline, questions
from crm.visits.rules import CHANNELS_OF, LONGEST_DAYS, Channel, Kind, Status, Verdict

MOST_PAIRS = 5  # pairs of visits that one notice names
Pair = tuple[int, int]  # a visit of the file and the other one, by their ids
FIRST_NEW_ID = LARGEST_ID + 1  # of the visits of the file, which have no ids yet


def read_as_remote(rows: Iterable[tuple[int, Kind, Channel]]) -> Iterator[Problem]:
    """Notices of rows read as remote, since their kind no longer has their channel (REGIME 3)."""
    lines = defaultdict(list)
    for line, kind, channel in rows:
        if channel not in CHANNELS_OF[kind] and kind is not Kind.REMOTE:
            lines[kind, channel].append(line)
    for (kind, channel), found in lines.items():
        facts = {"kind": kind.label, "channel": channel.label, "lines": named_lines(found)}
        yield Problem(Refused("read_as_remote", None, **facts))


class Doubtful:
    """The visits of a file as far as they are asked about, added as its rows are checked."""

    def __init__(self, db: Session, on: date) -> None:
        self._db, self._on = db, on
        self._companies: dict[int, int] = dict(db.execute(select(Lead.id, Lead.company_id)).all())
        self._outlines: list[Outline] = []
        self._lines: list[int] = []
        self._names: list[str] = []  # what each visit is called
        self._people: dict[frozenset[int], frozenset[int]] = {}  # a long table has few

    def add(self, visit: CheckedVisit, line: int, name: str) -> None:
        """Add the visit of the line, whose columns are not kept."""
        columns = visit.columns
        number = len(self._lines)
        self._lines.append(line)
        self._names.append(name)
        if columns["status"] is Status.CANCELLED or columns["verdict"] is Verdict.REJECTED:
            return
        people = frozenset({columns["leader_id"], *visit.companion_ids})
        self._outlines.append(
            Outline(
                id=FIRST_NEW_ID + number,
                kind=columns["kind"],
                channel=columns["channel"],
                status=columns["status"],
                city=columns["city"],
                starts_at=columns["starts_at"],
                ends_at=columns["ends_at"],
                first_on=columns["first_on"],
                last_on=columns["last_on"],
                leader_id=columns["leader_id"],
                people=self._people.setdefault(people, people),
                company_ids=frozenset(self._companies[lead_id] for lead_id in visit.lead_ids),
            )
        )

    def notices(self) -> Iterator[Problem]:
        """The questions that a form would ask about the visits."""
        in_order = sorted(self._outlines, key=lambda outline: outline.starts_at)
        for doubt, found in _pairs(self._db, in_order, self._on).items():
            names = self._named({visit_id for pair in found.shown for visit_id in pair})
            shown = "、".join("与".join(names[one] for one in pair) for pair in found.shown)
            lines = sorted({self._lines[visit_id - FIRST_NEW_ID] for visit_id in found.ids})
            facts = {
                "doubt": doubt.label,
                "lines": named_lines(lines),
                "pairs": shown + "等" * found.has_more,
            }
            yield Problem(Refused("asked_about", None, **facts))

    def _named(self, ids: Iterable[int]) -> dict[int, str]:
        """What visits are called, by their ids: those of the file and those on record."""
        kept = [visit_id for visit_id in ids if visit_id < FIRST_NEW_ID]
        names = {
            visit_id: self._names[visit_id - FIRST_NEW_ID]
            for visit_id in ids
            if visit_id >= FIRST_NEW_ID
        }
        of_kept = select(Visit.id, Visit.ref).where(Visit.id.in_(kept))
        return names | dict(self._db.execute(of_kept).all())


def asked_about(
    db: Session, visits: Sequence[CheckedVisit], lines: Mapping[str, int], on: date
) -> Iterator[Problem]:
    """The questions that a form would ask about visits to be imported; `lines` by reference."""
    doubtful = Doubtful(db, on)
    for visit in visits:
        ref = visit.columns["ref"]
        doubtful.add(visit, lines[ref], ref)
    return doubtful.notices()


@dataclass(slots=True)
class Pairs:
    """The visits of a file about which one doubt is, and the first pairs."""

    ids: set[int] = field(default_factory=set)
    shown: list[Pair] = field(default_factory=list)
    has_more: bool = False

    def add(self, pair: Pair) -> None:
        """Add a visit of the file with the other one."""
        self.ids.add(pair[0])
        if len(self.shown) < MOST_PAIRS:
            self.shown.append(pair)
        else:
            self.has_more = True


def _pairs(db: Session, new: Sequence[Outline], on: date) -> dict[Doubt, Pairs]:
    """Pairs of a visit of the file and another, each once, by their doubt.

    The visits of the file stand in the order of their dates.
    """
    found: dict[Doubt, Pairs] = defaultdict(Pairs)
    begins = [outline.first_on for outline in new]

    # month by month, so that not all visits of a zone are in memory at once
    for _, month in groupby(new, lambda outline: (outline.first_on.year, outline.first_on.month)):
        of_month = list(month)
        since = of_month[0].first_on
        until = max(outline.last_on for outline in of_month)
        earliest = bisect_left(begins, since - LONGEST_DAYS * DAY)
        begun = new[earliest : bisect_right(begins, until)]
        beside = [outline for outline in begun if outline.last_on >= since]
        groups = _groups([*outlines_near(db, of_month, on), *beside])
        for outline in of_month:
            for question in questions(outline, _others(outline, groups[_id(outline)])):
                found[question.doubt].add((_id(outline), _id(question.other)))

    return found


Key = tuple[str, int, date]  # a person or company, and a date of theirs
Groups = list[list[Outline]]  # visits that have a key in common


def _groups(outlines: Sequence[Outline]) -> dict[int, Groups]:
    """By visit, those with which it shares a person or company and a date."""
    # so that not every pair of a file is compared
    near: defaultdict[Key, list[Outline]] = defaultdict(list)
    groups: dict[int, Groups] = {}
    for outline in outlines:
        of_visit = [near[key] for key in _keys(outline)]
        for group in of_visit:
            group.append(outline)
        groups[_id(outline)] = of_visit
    return groups


def _others(outline: Outline, groups: Groups) -> Collection[Outline]:
    """The other visits of the groups; of two rows of a file the earlier asks."""
    own = _id(outline)
    return {
        other.id: other
        for group in groups
        if len(group) > 1  # most visits are alone on their dates
        for other in group
        if _id(other) < FIRST_NEW_ID or _id(other) > own
    }.values()


def _id(outline: Outline) -> int:
    return outline.id or 0  # an id is missing only before a visit is kept


def _keys(outline: Outline) -> list[Key]:
    """Keys of the visit's people and companies on each of its dates."""
    first, last = outline.first_on, outline.last_on
    dates = [first] if first == last else [*days(first, last)]
    people = [("person", key, on) for on in dates for key in outline.people]
    return people + [("company", key, on) for on in dates for key in outline.company_ids]
