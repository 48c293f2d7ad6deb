"""The results of a month, and what is decided on earlier months once they are frozen. Pure.

PROJECTS 7: result figures freeze with their month. What is recognised or revoked later counts in
the month of the decision; the frozen table stays.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import date
from decimal import Decimal

from crm.base.money import Currency
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.quotas.rules import FigureBasis
from crm.results.basis import COUNTING, Basis
from crm.results.money_figures import CountedMoney
from crm.targets.money import METRIC_OF
from crm.targets.rules import KIND_OF, Metric, Project

Units = Collection[int | None]  # None stands for projects of no unit
Amounts = tuple[tuple[Decimal, Currency], ...]
METRICS = {kind: metric for metric, kind in KIND_OF.items()}
# what reports tell side by side, signings first (PROJECTS 7)
REPORTED = (Metric.SIGNED, Metric.STARTED, Metric.COMPLETED, Metric.MONEY, Metric.FOREIGN)


@value_class(kw_only=True)
class Result:
    """What a project has reached, or money that arrived, as a month counts it.

    The numbers are 1 or 0 for what the month counts of its own. Of an earlier month that is frozen
    they and the amounts are the difference: -1 takes back what that month had counted.
    """

    metric: Metric
    lead_id: int
    receipt_id: int | None = None
    claim_id: int | None = None
    unit_id: int | None
    counted_on: date
    amount: Decimal | None  # as registered
    currency: Currency | None
    counted_amount: Decimal | None = None  # what of it counts
    registered: int = 1  # with what waits and what is recognised
    waiting: int = 0
    recognised: int = 0  # with what counts as registered

    @property
    def key(self) -> tuple[Metric, int]:
        """What may count only once; the receipts of a project count each for itself."""
        return self.metric, self.receipt_id or self.lead_id

    @property
    def says_something(self) -> bool:
        """Whether anything is left to count."""
        numbers = self.registered, self.waiting, self.recognised
        return any(numbers) or bool(self.amount or self.counted_amount)

    def is_late(self, month: Period) -> bool:
        """Whether it belongs to an earlier month, which is frozen."""
        return self.counted_on not in month


def result_of(project: Project) -> Result:
    """A project that has reached a milestone, as its month counts it."""
    return Result(
        metric=METRICS[project.kind],
        lead_id=project.lead_id,
        claim_id=project.claim_id,
        unit_id=project.unit_id,
        counted_on=project.counted_on or project.reached_on,
        amount=project.amount,
        currency=project.currency,
        counted_amount=project.counted_amount if project.counts else None,
        # PROJECTS 7: an expansion that reaches no line adds its increment, and no project
        registered=int(project.stands_alone),
        waiting=int(project.basis is Basis.WAITING and project.stands_alone),
        recognised=int(project.counts and project.stands_alone),
    )


def result_of_money(fact: CountedMoney) -> Result:
    """Money that arrived, as its month counts it."""
    counts = fact.basis in COUNTING
    return Result(
        metric=METRIC_OF[fact.line],
        lead_id=fact.lead_id,
        receipt_id=fact.receipt_id,
        claim_id=fact.claim_id,
        unit_id=fact.unit_id,
        counted_on=fact.on,
        amount=fact.amount,
        currency=fact.line.currency,
        counted_amount=fact.recognised if counts else None,
        waiting=int(fact.basis is Basis.WAITING),
        recognised=int(counts),
    )


@value_class
class Frozen:
    """What the frozen months have counted so far."""

    months: Collection[Period] = ()
    rows: Collection[Result] = ()
    counted: Mapping[tuple[Metric, int], list[Result]] = field(init=False)

    def __post_init__(self) -> None:
        counted = defaultdict(list)
        for row in self.rows:
            counted[row.key].append(row)
        object.__setattr__(self, "counted", counted)

    def holds(self, on: date) -> bool:
        """Whether the month of the date is frozen."""
        return any(on in month for month in self.months)


def results_of_month(
    month: Period, *, own: Iterable[Result], earlier: Iterable[Result], frozen: Frozen
) -> list[Result]:
    """What a month that is not frozen counts.

    `own`: all results as the month finds them; `earlier`: as they stood at its end, for what was
    decided since on the months before.
    """
    found = [row for row in own if row.counted_on in month]
    known = [row for row in earlier if row.counted_on < month.first]
    found += [row for row in known if row.key in frozen.counted or frozen.holds(row.counted_on)]
    there = {row.key for row in (*own, *earlier)}
    gone = [rows for key, rows in frozen.counted.items() if key not in there]

    changed = [change for row in found for change in _changes(row, frozen)]
    changed += [_back(rows) for rows in gone]
    return [row for row in changed if row.says_something]


def _changes(row: Result, frozen: Frozen) -> Iterator[Result]:
    """The result less what the frozen months have counted of it."""
    before = frozen.counted.get(row.key)
    if not before:
        yield row
        return
    if any(earlier.waiting for earlier in before):  # told by that month
        row = replace(row, waiting=0)
    back = _back(before)
    if back.currency != row.currency:
        yield from (back, row)
        return
    recognised = row.recognised + back.recognised
    yield replace(
        row,
        unit_id=back.unit_id if recognised < 0 else row.unit_id,
        registered=row.registered + back.registered,
        recognised=recognised,
        amount=_added(row.amount, back.amount),
        counted_amount=_added(row.counted_amount, back.counted_amount),
    )


def _back(before: list[Result]) -> Result:
    """What takes back all that was counted of a result."""
    return replace(
        before[-1],
        registered=-sum(row.registered for row in before),
        waiting=0,
        recognised=-sum(row.recognised for row in before),
        amount=-_added(*(row.amount for row in before)),
        counted_amount=-_added(*(row.counted_amount for row in before)),
    )


def _added(*amounts: Decimal | None) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


@value_class
class MonthTable:
    """The results of a month, frozen or as they stand."""

    month: Period
    rows: tuple[Result, ...]
    basis: FigureBasis

    @property
    def own(self) -> tuple[Result, ...]:
        """What counts in the month and its year; of another year it is only named."""
        return tuple(row for row in self.rows if row.counted_on.year == self.month.first.year)

    @property
    def recognised_later(self) -> tuple[Result, ...]:
        """What was recognised in the month of results of frozen ones (定稿后认定)."""
        late = self._late
        return tuple(row for row in late if row.claim_id and row.recognised > 0)

    @property
    def revoked_later(self) -> tuple[Result, ...]:
        """What frozen months had counted and does not count any more (取消认定)."""
        return tuple(row for row in self._late if row.recognised < 0)

    @property
    def _late(self) -> Iterator[Result]:
        return (row for row in self.rows if row.is_late(self.month))


@value_class
class Sum:
    """So many results, with their amounts by currency, which are never converted."""

    count: int
    amounts: Amounts

    def __bool__(self) -> bool:
        return bool(self.count or self.amounts)


@value_class
class Tally:
    """The three figures of a metric side by side; the last is the one that is compared."""

    metric: Metric
    registered: Sum
    waiting: Sum
    recognised: Sum

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not any((self.registered, self.waiting, self.recognised))


def tally(rows: Iterable[Result], metric: Metric, unit_ids: Units | None = None) -> Tally:
    """The figures of these units; without units those of all."""
    own = [row for row in rows if row.metric is metric]
    if unit_ids is not None:
        own = [row for row in own if row.unit_id in unit_ids]
    return Tally(
        metric,
        _sum((row.registered, row.amount, row.currency) for row in own),
        _sum((row.waiting, row.amount, row.currency) for row in own if row.waiting),
        _sum((row.recognised, row.counted_amount, row.currency) for row in own),
    )


def tallies(rows: Sequence[Result], unit_ids: Units | None = None) -> dict[Metric, Tally]:
    """The figures that reports tell, by metric."""
    return {metric: tally(rows, metric, unit_ids) for metric in REPORTED}


def _sum(parts: Iterable[tuple[int, Decimal | None, Currency | None]]) -> Sum:
    count, sums = 0, defaultdict[Currency, Decimal](Decimal)
    for times, amount, currency in parts:
        count += times
        if amount is not None and currency:
            sums[currency] += amount
    shown = ((sums[currency], currency) for currency in Currency if currency in sums)
    return Sum(count, tuple(pair for pair in shown if pair[0]))
