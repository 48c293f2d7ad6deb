"""Enums and values of the quotas (REGIME 4); `counting` and `judging` decide with them."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import IntEnum
from typing import Protocol

from crm.base.enums import LabeledEnum
from crm.base.periods import Period, PeriodKind
from crm.base.value_class import value_class
from crm.people.rules import Duty
from crm.quotas.date_bits import DateBits
from crm.visits.rules import Channel, Kind, Status, Verdict

# REGIME 3: a visit logged later waits for a verdict, unless the rule says otherwise.
DAYS_TO_LOG = 3
DAYS_TO_ENTER = 9  # REGIME 3: days of a stay entered later than that wait for a verdict, too
WORKDAYS_TO_LOG = 3  # REGIME 4: so long after its end a period stays open for late logging


class Measure(LabeledEnum):
    """What a rule counts."""

    VISITS_LED = "visits_led", "带队拜访"
    VISITS_JOINED = "visits_joined", "参与拜访"
    DAYS_RESIDENT = "days_resident", "驻城天数"


class CountBy(LabeledEnum):
    """Whether several visits on one date are one."""

    VISIT = "visit", "按次"
    DAY = "day", "按天"


class Proration(LabeledEnum):
    """Whether presence reduces what is owed."""

    WORKDAYS = "workdays", "按在岗工作日折算"
    NONE = "none", "不折算"


class Rounding(LabeledEnum):
    """How a part of one is rounded."""

    CEIL = "ceil", "向上取整"
    HALF_UP = "half_up", "四舍五入"

    def divide(self, part: int, whole: int) -> int:
        """The quotient of two whole numbers that are not negative, rounded so."""
        # whole numbers only: as a float, a half might be rounded the wrong way
        if self is Rounding.CEIL:
            return -(-part // whole)
        return (2 * part + whole) // (2 * whole)


class Cap(LabeledEnum):
    """What bounds the resident days owed."""

    CALENDAR_DAYS = "calendar_days", "不超过在岗自然日"
    WORKDAYS = "workdays", "不超过在岗工作日"


class Reason(LabeledEnum):
    """Why a visit, or a day of it, does not count; the first that applies, in this order."""

    OUTSIDE_PERIOD = "outside_period", "开始于其他周期"
    NOT_LEADER = "not_leader", "不是带队人"
    WRONG_KIND = "wrong_kind", "类型不计入"
    WRONG_CHANNEL = "wrong_channel", "方式不计入"
    NOT_DONE = "not_done", "尚未办结"
    REJECTED = "rejected", "已被退回"
    LOGGED_LATE = "logged_late", "超期补录，待确认"
    OUTSIDE_EMPLOYMENT = "outside_employment", "当日不任此职"
    ABSENT = "absent", "当日请假"
    SAME_DAY = "same_day", "同日已计一次"


class JudgingVersion(IntEnum):
    """How figures are judged; a frozen figure keeps its way, and its corrections use it."""

    STAYS_UNDER_WAY = 1  # a stay that has ended counts only once it is done
    ENDED_STAYS = 2  # it goes on counting as long as it may be logged in time (REGIME 3)


class FigureStatus(LabeledEnum):
    """Where a person stands against a rule in a period."""

    EXEMPT = "exempt", "免考核"
    MET = "met", "已达标"
    MISSED = "missed", "未达标"
    UNREACHABLE = "unreachable", "已无法达标"
    AT_RISK = "at_risk", "有风险"
    ON_TRACK = "on_track", "正常推进"


IN_DANGER = (FigureStatus.UNREACHABLE, FigureStatus.AT_RISK)  # the worse first


class HasChannel(Protocol):
    """A visit as far as a rule decides by its kind and channel."""

    @property
    def kind(self) -> Kind:
        """What it is."""

    @property
    def channel(self) -> Channel:
        """How people meet."""


@value_class
class Rule:
    """One version of a quota rule."""

    code: str
    name: str
    duty: Duty
    measure: Measure
    count_by: CountBy
    minimum: int
    period: PeriodKind
    kinds: frozenset[Kind]
    channels: frozenset[Channel]
    log_within_days: int
    stay_within_days: int | None  # none: dates of a stay may be entered however late
    proration: Proration
    rounding: Rounding
    cap: Cap
    valid_from: date
    valid_to: date | None

    @property
    def counts_days(self) -> bool:
        """Whether it counts the dates that visits cover, rather than visits."""
        return self.measure is Measure.DAYS_RESIDENT

    @property
    def once_a_day(self) -> bool:
        """Whether one date counts once, whatever happens on it; resident days always do."""
        return self.counts_days or self.count_by is CountBy.DAY

    def holds_on(self, on: date) -> bool:
        """Whether the version holds on the date."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    def last_date_to_log(self, last_on: date) -> date:
        """The date until which a visit that ends on `last_on` is logged in time."""
        return last_on + timedelta(days=self.log_within_days)

    def takes(self, visit: HasChannel) -> bool:
        """Whether the visit's kind and channel are among the counted ones."""
        return visit.kind in self.kinds and visit.channel in self.channels


@value_class
class VisitFacts:
    """What the engine needs to know of a visit that a person led or joined."""

    id: int
    ref: str
    kind: Kind
    channel: Channel
    status: Status
    starts_at: datetime
    ends_at: datetime
    first_on: date
    last_on: date
    leader_id: int
    entered_at: datetime
    logged_at: datetime | None
    verdict: Verdict | None
    verdict_at: datetime | None
    late_by_days: int = 0  # how late its dates were entered for the person who is judged


@value_class
class Freeze:
    """When a figure was frozen, and by which way it had been judged."""

    at: datetime
    way: JudgingVersion


@value_class
class Tenure:
    """The dates of a period on which a person holds the rule's duty, and those of absence."""

    person_id: int
    held: DateBits
    absent: DateBits

    @property
    def present(self) -> DateBits:
        """The dates on which a visit or day may count, and on which the person owes."""
        return self.held & ~self.absent


@value_class
class Counted:
    """A visit that counts, with the dates of it that do: where visits are counted, its first."""

    visit: VisitFacts
    dates: tuple[date, ...]

    @property
    def days(self) -> int:
        """How much it adds to what is achieved."""
        return len(self.dates)


@value_class
class NotCounted:
    """A visit, or dates of it, that do not count, and the first reason that applies to them."""

    visit: VisitFacts
    reason: Reason
    dates: tuple[date, ...]

    @property
    def days(self) -> int:
        """How many dates (where visits are counted: 1)."""
        return len(self.dates)


@value_class
class Explanation:
    """The visits of a figure: those that count, and those that do not and why."""

    counted: tuple[Counted, ...] = ()
    not_counted: tuple[NotCounted, ...] = ()


@value_class
class FigureResult:
    """What a figure comes to."""

    required: int
    achieved: int
    status: FigureStatus


@value_class
class Corrected:
    """What the latest correction of a frozen figure made of it."""

    required: int
    achieved: int
    status: FigureStatus
    is_signed: bool


@value_class
class Settled:
    """When a figure was frozen, and its latest correction, which stands beside it."""

    frozen_at: datetime
    corrected: Corrected | None


@value_class
class PendingVisits:
    """How many visits may still change the figures: not logged yet, or without a verdict."""

    to_log: int
    to_judge: int

    def __bool__(self) -> bool:
        """Whether any does."""
        return bool(self.to_log or self.to_judge)


@value_class
class Outlook:
    """What a running period still asks of a person, and what can be reached (REGIME 4)."""

    need: int  # required, but neither achieved nor planned; never below 0
    workdays_left: int  # present working days from today on
    reachable: int  # at one and a half times the average pace, on the dates that are free
    free: int | None  # dates left that are neither counted nor planned; none: nothing bounds them
    on_leave: int  # working days from today on under an approved absence
    to_confirm: int  # what a supervisor's confirmation would add


@value_class
class Figure:
    """Where one person stands against one rule in one period, and why (REGIME 4).

    The visits behind it are read only where somebody asks why.
    """

    rule: Rule
    person_id: int
    period: Period
    required: int
    achieved: int
    planned: int
    pace: int
    status: FigureStatus
    workdays: int
    present: int
    settled: Settled | None = None  # none: it still follows the facts
    outlook: Outlook | None = None  # none: frozen, or as read from what was frozen
    explanation: Explanation | None = None  # none: read without its visits

    @property
    def counted(self) -> tuple[Counted, ...]:
        """The visits that count; the figure must have been read with its explanation."""
        return self._explained.counted

    @property
    def not_counted(self) -> tuple[NotCounted, ...]:
        """The visits that do not count; the figure must have been read with its explanation."""
        return self._explained.not_counted

    @property
    def _explained(self) -> Explanation:
        # an error, as an empty list of visits would be a wrong answer
        if self.explanation is None:
            message = "this figure was read without its explanation"
            raise ValueError(message)
        return self.explanation

    def lost(self, left_out: NotCounted) -> tuple[date, ...]:
        """The dates of the visit on which no other visit counts either."""
        if not self.rule.counts_days:
            return left_out.dates
        counted_on = {on for counted in self.counted for on in counted.dates}
        return tuple(on for on in left_out.dates if on not in counted_on)


class FigureBasis(LabeledEnum):
    """On what the figures of a period rest; every page, mail and file says it by these words."""

    PRELIMINARY = "preliminary", "初步数"
    SETTLED = "settled", "定稿"
    RETRACED = "retraced", "按现有记录回溯"


def basis_of(figures: Iterable[Figure], period: Period, since: date) -> FigureBasis:
    """The basis of these figures of a period, where the clock's slots begin on `since`.

    A period that ended before that date is never frozen (REGIME 5): its figures follow the records
    as they are now, and hold up no other's label.
    """
    # REGIME 5: periods that ended before the clock began are never frozen
    followed = [figure for figure in figures if figure.settled or figure.period.last >= since]
    if not followed:
        return FigureBasis.RETRACED if period.last < since else FigureBasis.PRELIMINARY
    is_settled = all(figure.settled for figure in followed)
    return FigureBasis.SETTLED if is_settled else FigureBasis.PRELIMINARY
