"""Enums of visits, and the rules about their times (REGIME 3). Pure."""

from datetime import date, datetime, time
from typing import Protocol, Self

from crm.base.clock import (
    at_civil,
    civil,
    civil_date,
    last_civil_date,
    recurring_date,
    recurring_last_date,
)
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.periods import DAY

LONGEST_DAYS = 92  # a bound on a visit's length keeps every question about a period a closed range

# From when on lists mark a visit as entered late; whether it counts is for each rule to say.
MARKED_LATE_AFTER_DAYS = 3

HOME = "本区"  # the city of what happens in the zone itself

STAY_BEGINS, STAY_ENDS = time(9), time(18)  # a stay is entered by its days alone


class Kind(LabeledEnum):
    """What a visit is."""

    OUTREACH = "outreach", "外出拜访"
    RECEPTION = "reception", "来访接待"
    RESIDENCY = "residency", "驻城招商"
    EVENT = "event", "招商活动"
    REMOTE = "remote", "线上对接"


class Counterpart(LabeledEnum):
    """What kind of organization was met."""

    ENTERPRISE = "enterprise", "企业"
    CHAMBER = "chamber", "商协会"
    INTERMEDIARY = "intermediary", "中介机构"
    FUND = "fund", "基金"
    INSTITUTE = "institute", "科研院所"
    GOVERNMENT = "government", "政府部门"


class Channel(LabeledEnum):
    """How people meet."""

    IN_PERSON = "in_person", "面谈"
    VIDEO = "video", "视频"
    PHONE = "phone", "电话"
    EMAIL = "email", "邮件"
    ONLINE_EVENT = "online_event", "线上活动"


_IN_PERSON = (Channel.IN_PERSON,)
# The channels of each kind; where there is only one, nobody is asked.
CHANNELS_OF = {
    Kind.OUTREACH: _IN_PERSON,
    Kind.RECEPTION: _IN_PERSON,
    Kind.RESIDENCY: _IN_PERSON,
    Kind.EVENT: (Channel.IN_PERSON, Channel.ONLINE_EVENT),
    Kind.REMOTE: tuple(channel for channel in Channel if channel is not Channel.IN_PERSON),
}


class Status(LabeledEnum):
    """Where a visit stands; only `done` counts."""

    PLANNED = "planned", "计划"
    DONE = "done", "已办结"
    CANCELLED = "cancelled", "已取消"

    @classmethod
    def read(cls, text: str) -> Self:
        """The member of that code or label; files of earlier exports call `done` 已完成."""
        return super().read(cls.DONE.label if text.strip() == "已完成" else text)


class Verdict(LabeledEnum):
    """A supervisor's decision on a visit."""

    CONFIRMED = "confirmed", "已确认"
    REJECTED = "rejected", "已退回"


def kind_by(kind: Kind, channel: Channel) -> Kind:
    """The kind of what older files call by a channel that the kind no longer has (REGIME 3).

    Refused as `channel_of_kind` where there is none: a remote visit in person.
    """
    if channel in CHANNELS_OF[kind]:
        return kind
    if channel is Channel.IN_PERSON:
        raise Refused("channel_of_kind", field="channel", kind=kind.label)
    return Kind.REMOTE


def check_channel(kind: Kind, channel: Channel) -> None:
    """Refuse a channel that the kind does not have."""
    if channel not in CHANNELS_OF[kind]:
        raise Refused("channel_of_kind", field="channel", kind=kind.label)


def kinds_counting(kinds: frozenset[Kind], channels: frozenset[Channel]) -> frozenset[Kind]:
    """The kinds of a rule, with `remote` where it counts a kind by a channel that is now remote."""
    names_remote = any(channels - set(CHANNELS_OF[kind]) - set(_IN_PERSON) for kind in kinds)
    return kinds | {Kind.REMOTE} if names_remote else kinds


def first_and_last(starts_at: datetime, ends_at: datetime) -> tuple[date, date]:
    """The civil dates that a visit covers; refused as `ends_before_start`, `too_long`."""
    if ends_at <= starts_at:
        raise Refused("ends_before_start", field="ends_at")
    first, last = recurring_date(starts_at), recurring_last_date(ends_at)
    if (last - first).days >= LONGEST_DAYS:
        raise Refused("too_long", field="ends_at", longest=LONGEST_DAYS)
    return first, last


def check_ended(ends_at: datetime, now: datetime) -> None:
    """Refuse to call a visit done before it has ended."""
    if ends_at > now:
        raise Refused("not_ended", field="status")


def late_by(added_from: date, today: date) -> int:
    """By how many days the earliest of some dates lay before the day of their entry (REGIME 3)."""
    return max((today - added_from).days, 0)


def late_after_change(was: int, old: tuple[date, date], new: tuple[date, date], today: date) -> int:
    """How late the dates of a visit were entered for someone who had the old ones already.

    The dates that stay keep their lateness, of which only the largest is known.
    """
    (old_first, old_last), (new_first, new_last) = old, new
    kept_from = max(old_first, new_first)
    late = 0

    # of dates that stay: at most as late as before, and as the earliest of them is now
    if kept_from <= min(old_last, new_last):
        late = min(was, late_by(kept_from, today))

    # the earliest added date decides: a new first one, else the day after the old end
    if not old_first <= new_first <= old_last:
        late = max(late, late_by(new_first, today))
    elif new_last > old_last:
        late = max(late, late_by(old_last + DAY, today))

    return late


class Timed(Protocol):
    """A visit as far as its state at a moment needs it."""

    @property
    def kind(self) -> Kind:
        """What it is."""

    @property
    def status(self) -> Status:
        """Where it stands."""

    @property
    def starts_at(self) -> datetime:
        """When it begins."""

    @property
    def ends_at(self) -> datetime:
        """When it ends."""


def is_stay_begun(visit: Timed, at: datetime) -> bool:
    """Whether it is a planned stay under way or waiting to be set done, open to a verdict."""
    is_planned_stay = visit.kind is Kind.RESIDENCY and visit.status is Status.PLANNED
    return is_planned_stay and visit.starts_at <= at


def is_stay_under_way(visit: Timed, at: datetime) -> bool:
    """Whether it is a planned stay, begun and not ended, whose past dates count (REGIME 3)."""
    return is_stay_begun(visit, at) and at < visit.ends_at


def is_open_to_verdict(visit: Timed, at: datetime) -> bool:
    """Whether it may be confirmed or rejected: it is done, or a planned stay that has begun."""
    return visit.status is Status.DONE or is_stay_begun(visit, at)


def may_end_early(visit: Timed, at: datetime) -> bool:
    """Whether a planned visit that is under way may be set done now: on its last date."""
    is_under_way = visit.status is Status.PLANNED and visit.starts_at < at < visit.ends_at
    return is_under_way and last_civil_date(visit.ends_at) == civil_date(at)


def days_until_logged(last_on: date, logged_at: datetime) -> int:
    """How many days after its last date a visit was logged; below 0: before its end."""
    return (civil_date(logged_at) - last_on).days


def is_logged_late(last_on: date, logged_at: datetime | None, within_days: int) -> bool:
    """Whether a visit was logged more than so many days after its last date (REGIME 3)."""
    # dates of two zones differ by two days at most: most visits need no conversion to civil time
    if logged_at is None or (logged_at.date() - last_on).days + 2 <= within_days:
        return False
    return days_until_logged(last_on, logged_at) > within_days


def stay_hours(
    first: date, last: date, *, is_done: bool, now: datetime
) -> tuple[datetime, datetime]:
    """When a stay begins and ends; one that is done on its last day ends now, or at 18:00."""
    starts_at, ends_at = at_civil(first, STAY_BEGINS), at_civil(last, STAY_ENDS)
    # to the minute, as forms give hours
    this_minute = now.replace(second=0, microsecond=0)
    ends_today = is_done and last == civil_date(now)
    if ends_today and starts_at < this_minute < ends_at:
        ends_at = this_minute
    return starts_at, ends_at


def cut_between(starts_at: datetime, ends_at: datetime, today: date) -> tuple[datetime, datetime]:
    """Where a stay under way is cut: the end of its past, yesterday's, and the begin of its rest.

    The rest begins at the hours of the whole, or with the day where it would be over by then.
    """
    midnight = at_civil(today)
    usual = at_civil(today, civil(starts_at).time())
    return midnight, usual if usual < ends_at else midnight
