"""The rows of the board: units with their sums, and people by what needs attention (REGIME 3)."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import dropwhile, groupby

from crm.base import formatting
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.digests.results import groups, withheld
from crm.people.queries import UnitNode
from crm.quotas.past_statuses import PERIODS, PastStatuses, Statuses, periods_before
from crm.quotas.permissions import FigureScope, may_be_split
from crm.quotas.queries import PersonFigure
from crm.quotas.rules import Figure, FigureStatus, Rule
from crm.quotas.status_reasons import gap_of, status_reason
from crm.quotas.wording import unit_of
from crm.web.quotas.visible_figures import figure_url

# From so many people on, those who need no attention are folded: the first screen is for the others
FOLDED_FROM = 15
DANGER = (FigureStatus.UNREACHABLE, FigureStatus.AT_RISK, FigureStatus.MISSED)
BY_ATTENTION = (*DANGER, FigureStatus.ON_TRACK, FigureStatus.MET, FigureStatus.EXEMPT)
_COUNTED = (
    FigureStatus.MET,
    FigureStatus.ON_TRACK,
    FigureStatus.AT_RISK,
    FigureStatus.UNREACHABLE,
    FigureStatus.MISSED,
    FigureStatus.EXEMPT,
)
_MARKS = {FigureStatus.MET: "✓", FigureStatus.MISSED: "✗", FigureStatus.EXEMPT: "–"}
_NO_MARK = "·"
_UNKNOWN: Statuses = (None,) * PERIODS


@value_class
class Row:
    """One person against one rule."""

    name: str
    figure: Figure
    url: str
    note: str  # what sets it apart: a correction, or that it is frozen where others are not
    marks: tuple[tuple[bool, str], ...]  # runs of marks of the last periods; whether missed
    missed: str  # which of the last periods were missed
    duty: str = ""  # where it is not that of most people of the unit

    @property
    def reason(self) -> str:
        """Why the figure has its status."""
        return status_reason(self.figure)

    @property
    def gap(self) -> int:
        return gap_of(self.figure)

    @property
    def unit(self) -> str:
        """The measure word in which it is counted."""
        return unit_of(self.figure.rule)


@value_class
class StatusCounts:
    """How many figures have which status; whoever is exempt owes nothing."""

    total: int  # all figures
    by_status: tuple[tuple[FigureStatus, int], ...]
    is_split: bool = True  # else too few people owe for this viewer to have them by status

    @property
    def owing(self) -> int:
        """Those that owe something."""
        return self.total - dict(self.by_status).get(FigureStatus.EXEMPT, 0)

    @property
    def met(self) -> int:
        """Those that are met."""
        return dict(self.by_status).get(FigureStatus.MET, 0)

    @property
    def in_danger(self) -> tuple[tuple[FigureStatus, int], ...]:
        """Those that need attention, the worse first."""
        counts = dict(self.by_status)
        return tuple((status, counts[status]) for status in DANGER if status in counts)


@value_class
class UnitBlock:
    """A unit with its sums, and its people: those in sight, and those that are folded."""

    name: str
    duty: str  # by whose rule most of them are judged
    status_counts: StatusCounts
    gap: str  # what all lack together; empty where nothing lacks, or not all are seen
    is_part: bool = False  # whether it belongs to the unit above it
    rows: tuple[Row, ...] = ()
    folded: tuple[Row, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.rows or self.folded)


@dataclass(frozen=True)
class People:
    """The people that a viewer sees by name, and how their rows are made."""

    figures: Sequence[PersonFigure]
    shown: Sequence[PersonFigure]  # those of them that have the chosen status
    pinyin: Mapping[int, str]
    past: PastStatuses
    note_of: Callable[[Figure], str]
    folds: bool  # whether those without need of attention are folded

    @cached_property
    def with_several(self) -> frozenset[int]:
        """The people with more than one figure in the period."""
        counts = Counter(judged.person_id for judged in self.figures)
        return frozenset(person_id for person_id, count in counts.items() if count > 1)


def count_statuses(
    judged: Sequence[PersonFigure], scope: FigureScope, unsplit: Sequence[PersonFigure] = ()
) -> StatusCounts:
    """How many figures have which status; not split where too few people would show.

    `unsplit`: the figures of parts that are not split. The whole less the other parts tells of
    them, too.
    """
    # REGIME 2: no count of fewer than three people whose figures the viewer may not see
    if not (may_be_split(scope, judged) and may_be_split(scope, unsplit)):
        return StatusCounts(len(judged), (), is_split=False)
    counts = Counter(figure.figure.status for figure in judged)
    by_status = tuple((status, counts[status]) for status in _COUNTED if counts[status])
    return StatusCounts(len(judged), by_status)


def unit_blocks(
    units: Sequence[UnitNode],
    unit_ids: frozenset[int],
    seen: Sequence[PersonFigure],
    scope: FigureScope,
    people: People,
) -> Iterable[list[UnitBlock]]:
    """For each of the units side by side its blocks, its own first."""
    for group in groups(units, unit_ids):
        part = [judged for judged in seen if judged.unit_id in group.unit_ids]
        if not part:
            continue

        nodes = [node for node in units if node.unit.id in group.unit_ids]
        name = f"{nodes[0].unit.name}本级" if group.name == "本级" else group.name
        sums = _Sums(part, scope, withheld(units, group.unit_ids, part, scope))
        own = UnitBlock(name, sums.duty, sums.counts, sums.gap)
        named = frozenset(judged.unit_id for judged in people.figures) & group.unit_ids
        # people of the unit alone need no second row of sums
        if named <= {nodes[0].unit.id}:
            yield [_filled(own, people, named)]
        else:
            yield [own, *_parts(nodes, named, scope, people)]


def _parts(
    nodes: Sequence[UnitNode], named: frozenset[int], scope: FigureScope, people: People
) -> Iterable[UnitBlock]:
    """The units within a unit, in the order of the tree; their sums are of the people seen."""
    for node in nodes:
        if node.unit.id in named:
            figures = [judged for judged in people.figures if judged.unit_id == node.unit.id]
            sums = _Sums(figures, scope)
            name = "本级" if node is nodes[0] else node.unit.name
            block = UnitBlock(name, sums.duty, sums.counts, sums.gap, is_part=True)
            yield _filled(block, people, frozenset({node.unit.id}))


class _Sums:
    """What a unit's row says of all its figures."""

    def __init__(
        self,
        figures: Sequence[PersonFigure],
        scope: FigureScope,
        unsplit: Sequence[PersonFigure] = (),
    ) -> None:
        self.counts = count_statuses(figures, scope, unsplit)
        rules = Counter(judged.figure.rule for judged in figures)
        usual = max(rules, key=rules.__getitem__)
        self.duty = _label(rules, usual)
        self.gap = ""
        # REGIME 2: with the others' gaps at hand, the sum would tell of the one that is not seen
        if all(map(scope.sees_figure, figures)):
            gaps: Counter[str] = Counter()
            for judged in figures:
                gaps[unit_of(judged.figure.rule)] += gap_of(judged.figure)
            self.gap = "、".join(f"{count} {unit}" for unit, count in gaps.items() if count)


def _label(rules: Collection[Rule], rule: Rule) -> str:
    """The duty, where it tells the rule from the others."""
    duties = {other.duty for other in rules}
    return rule.duty.label if len(duties) == len(rules) else rule.name


def _filled(block: UnitBlock, people: People, unit_ids: frozenset[int]) -> UnitBlock:
    """The block with its people: in danger first, then by name; those without are folded."""
    shown = [judged for judged in people.shown if judged.unit_id in unit_ids]

    def place(judged: PersonFigure) -> tuple[int, str, str, str]:
        name = people.pinyin[judged.person_id], judged.name, judged.username
        # REGIME 3: nobody is ranked by how much they have done
        return BY_ATTENTION.index(judged.figure.status), *name

    rules = Counter(judged.figure.rule for judged in shown)
    usual = max(rules, key=rules.__getitem__, default=None)
    several = people.with_several

    rows = []
    for judged in sorted(shown, key=place):
        rule = judged.figure.rule
        row = row_of(judged, people.note_of, people.past, is_only=judged.person_id not in several)
        # what most are judged by stands in the unit's row
        rows.append(row if rule == usual else replace(row, duty=_label(rules, rule)))
    in_sight = [row for row in rows if row.figure.status in DANGER or not people.folds]

    return replace(block, rows=tuple(in_sight), folded=tuple(rows[len(in_sight) :]))


def row_of(
    judged: PersonFigure,
    note_of: Callable[[Figure], str],
    past: PastStatuses,
    *,
    is_only: bool = False,
) -> Row:
    """The row of a figure; `is_only`: the person has no other one in the period."""
    figure = judged.figure
    # a zone's board has hundreds of addresses
    url = figure_url(None if is_only else figure.rule.code, judged.username, figure.period)
    before = past.get((figure.rule.code, judged.person_id), _UNKNOWN)
    marks, missed = _marks(before, figure.period)

    return Row(judged.name, figure, url, note_of(figure), marks, missed)


@lru_cache(maxsize=512)
def _marks(before: Statuses, period: Period) -> tuple[tuple[tuple[bool, str], ...], str]:
    """The marks in runs, and which of the periods were missed."""
    marks = [_MARKS.get(status, _NO_MARK) if status else _NO_MARK for status in before]
    # a zone's board has hundreds of rows: what was before the first record stays blank
    known = dropwhile(lambda mark: mark == _NO_MARK, marks)
    runs = groupby(known, lambda mark: mark == _MARKS[FigureStatus.MISSED])
    missed = [
        formatting.period_short(past)
        for past, status in zip(periods_before(period), before, strict=True)
        if status is FigureStatus.MISSED
    ]

    return tuple((is_missed, "".join(run)) for is_missed, run in runs), "、".join(missed)
