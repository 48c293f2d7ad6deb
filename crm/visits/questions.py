"""Doubts about a visit: asked about before it is saved, never a reason to refuse it. Pure."""

from collections.abc import Iterable
from datetime import date, datetime
from hashlib import sha256

from crm.base.enums import LabeledEnum
from crm.base.value_class import value_class
from crm.visits.rules import Channel, Kind, Status

TOKEN = 8  # characters of a question's token: enough to know it again


class Doubt(LabeledEnum):
    """Why a visit is asked about."""

    SAME_VISIT = "same_visit", "可能是同一次拜访"
    STAY_OVER_STAY = "stay_over_stay", "驻城日期重叠"
    TWO_CITIES = "two_cities", "同一时间在两个城市"
    LEFT = "left", "已说明未参加"
    BUSY = "busy", "同日另有拜访登记"


@value_class(kw_only=True)
class Outline:
    """A visit, kept or to be kept, as far as these questions need it."""

    id: int | None = None  # none: it is not kept yet
    kind: Kind
    channel: Channel
    status: Status
    city: str
    starts_at: datetime
    ends_at: datetime
    first_on: date  # its first and last civil date
    last_on: date
    leader_id: int
    people: frozenset[int]  # the leader, too
    company_ids: frozenset[int] = frozenset()  # of its leads, as far as the asker sees them
    entered_by_id: int | None = None
    is_read: bool = True  # the asker may see the visit with its words
    is_seen: bool = True
    is_changeable: bool = True  # the asker may change it as it stands

    @property
    def place(self) -> str:
        """The city by its bare name; empty where nobody is in a city for it."""
        return self.city.strip().removesuffix("市") if self.channel is Channel.IN_PERSON else ""


@value_class
class Question:
    """A doubt about a visit because of another one, and the people of both.

    Where the asker may not know of another one, `other` is the visit itself.
    """

    doubt: Doubt
    other: Outline
    people: frozenset[int]

    @property
    def token(self) -> str:
        """Names the question in an answer, without naming the other visit."""
        # dates and people are part of it: once they change, the question is asked again
        other = self.other
        named = f"{self.doubt}:{other.id}:{other.first_on}:{other.last_on}:{sorted(self.people)}"
        return sha256(named.encode()).hexdigest()[:TOKEN]


def questions(visit: Outline, others: Iterable[Outline]) -> list[Question]:
    """The questions to ask about the visit, given the other visits."""
    near = [other for other in others if _is_on_a_same_date(visit, other)]
    found = ((_doubt(visit, other), other) for other in near if other.is_seen)
    asked = [Question(doubt, other, visit.people & other.people) for doubt, other in found if doubt]
    # Of what the asker may not see neither place, hour nor number: only whose day is taken.
    unseen = (visit.people & other.people for other in near if not other.is_seen)
    busy = frozenset[int]().union(*unseen)
    return asked + [
        Question(Doubt.BUSY, visit, frozenset({person_id})) for person_id in sorted(busy)
    ]


def can_be_asked_about(
    visit: Outline, other_kind: Kind, starts_at: datetime, ends_at: datetime
) -> bool:
    """Whether another visit that the same person entered may be a reason to ask, whoever joins it.

    Such a visit is seen, and only hours that overlap or two stays are asked about.
    """
    are_stays = visit.kind is other_kind is Kind.RESIDENCY
    return are_stays or (visit.starts_at < ends_at and starts_at < visit.ends_at)


def _is_on_a_same_date(visit: Outline, other: Outline) -> bool:
    return visit.first_on <= other.last_on and other.first_on <= visit.last_on


def _doubt(visit: Outline, other: Outline) -> Doubt | None:
    """The first doubt that applies to two visits on a same date."""
    are_stays = visit.kind is other.kind is Kind.RESIDENCY
    if are_stays:
        return Doubt.STAY_OVER_STAY if visit.people & other.people else None
    is_elsewhere = bool(visit.place and other.place) and visit.place != other.place
    if not is_elsewhere and _may_be_one(visit, other):
        return Doubt.SAME_VISIT
    if is_elsewhere and visit.people & other.people and _at_once(visit, other):
        return Doubt.TWO_CITIES
    return None


def _may_be_one(visit: Outline, other: Outline) -> bool:
    """The same day and company, or city and people; at the same hours, or entered by two people."""
    if visit.kind is not other.kind or visit.kind is Kind.RESIDENCY:
        return False
    is_same_city = visit.city.strip() == other.city.strip() != ""
    is_same = visit.company_ids & other.company_ids or (
        is_same_city and visit.people & other.people
    )
    is_by_two = visit.entered_by_id != other.entered_by_id
    return bool(is_same) and (is_by_two or _at_once(visit, other))


def _at_once(visit: Outline, other: Outline) -> bool:
    return visit.starts_at < other.ends_at and other.starts_at < visit.ends_at


def can_merge(visit: Outline, question: Question) -> bool:
    """Whether the asker may fold the visit into the other one instead of keeping it beside it.

    Only one that they may change already, as merging lets them join it. A stay only with the same
    people, place and state, as each of its days counts for each of its people.
    """
    other = question.other
    if not (other.is_read and other.is_changeable):
        return False
    return question.doubt is Doubt.SAME_VISIT or (
        question.doubt is Doubt.STAY_OVER_STAY
        and (visit.people, visit.leader_id) == (other.people, other.leader_id)
        and (visit.place, visit.status) == (other.place, other.status)
    )
