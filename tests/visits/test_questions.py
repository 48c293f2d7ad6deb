"""What can hardly be is asked before a visit is kept."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.base.clock import at_civil
from crm.visits.questions import Doubt, Outline, can_be_asked_about, can_merge, questions
from crm.visits.rules import Channel, Kind, Status

ME, OTHER, THIRD = 1, 2, 3


def outline(first="09:00", last="11:00", *, day=14, days=1, **told):
    begin, end = (timedelta(hours=int(each[:2]), minutes=int(each[3:])) for each in (first, last))
    first_on, last_on = date(2026, 7, day), date(2026, 7, day + days - 1)
    values = {
        "id": 7,
        "kind": Kind.OUTREACH,
        "channel": Channel.IN_PERSON,
        "status": Status.DONE,
        "city": "苏州",
        "starts_at": at_civil(first_on) + begin,
        "ends_at": at_civil(last_on) + end,
        "first_on": first_on,
        "last_on": last_on,
        "leader_id": ME,
        "people": frozenset({ME}),
        "entered_by_id": ME,
    }
    return Outline(**values | told)


def stay(day=10, days=5, **told):
    return outline("09:00", "18:00", day=day, days=days, kind=Kind.RESIDENCY, **told)


def doubts(visit, other):
    return [each.doubt for each in questions(visit, [other])]


BY_OTHER = {"leader_id": OTHER, "people": frozenset({OTHER, ME}), "entered_by_id": OTHER}
SAME_COMPANY = {"company_ids": frozenset({5}), "city": ""}


@pytest.mark.parametrize(
    ("visit", "other", "doubt"),
    [
        # two cities
        (outline(), outline(city="上海"), Doubt.TWO_CITIES),
        (outline(), outline("11:00", "12:00", city="上海"), None),  # one after the other
        (outline(), outline(city="苏州市", first="10:00", day=15), None),
        (outline(), outline(city="上海", people=frozenset({OTHER})), None),
        (outline(), outline(city="上海", kind=Kind.REMOTE, channel=Channel.PHONE), None),
        (outline(day=12), stay(city="上海"), Doubt.TWO_CITIES),
        (outline(day=12), stay(), None),  # a visit in the city of the stay
        # a stay over another
        (stay(), stay(day=14), Doubt.STAY_OVER_STAY),
        (stay(), stay(day=15), None),
        (stay(), stay(day=12, **BY_OTHER), Doubt.STAY_OVER_STAY),  # as a companion
        (stay(), stay(day=12, people=frozenset({OTHER})), None),
        # the same visit twice
        (outline(), outline("14:00", "15:00", **BY_OTHER), Doubt.SAME_VISIT),
        (outline(), outline("14:00", "15:00"), None),  # two visits of one day, both one's own
        (outline(), outline("10:00", "12:00"), Doubt.SAME_VISIT),
        (outline(**SAME_COMPANY), outline(**SAME_COMPANY, people=frozenset({THIRD})),
         Doubt.SAME_VISIT),
        (outline(**SAME_COMPANY), outline(**SAME_COMPANY, day=15), None),
        (outline(**SAME_COMPANY), outline(**SAME_COMPANY, kind=Kind.RECEPTION), None),
    ],
)  # fmt: skip
def test_what_can_hardly_be_is_asked(visit, other, doubt):
    assert doubts(visit, other) == ([doubt] if doubt else [])


drafts = st.builds(
    outline,
    st.sampled_from(["09:00", "10:00", "13:00"]),
    st.sampled_from(["14:00", "16:00"]),
    day=st.integers(10, 12),
    days=st.integers(1, 2),
    kind=st.sampled_from(Kind),
    channel=st.sampled_from(Channel),
    city=st.sampled_from(["苏州", "上海", ""]),
    people=st.sets(st.sampled_from([ME, OTHER, THIRD]), min_size=1).map(frozenset),
    company_ids=st.sets(st.sampled_from([5, 6])).map(frozenset),
)


@given(drafts, drafts)
def test_what_is_left_out_before_its_people_are_read_is_no_reason_to_ask(visit, other):
    hours = (other.starts_at, other.ends_at)

    assert can_be_asked_about(visit, other.kind, *hours) or questions(visit, [other]) == []


def test_of_what_is_not_seen_only_whose_day_is_taken_is_asked():
    hidden = {"is_seen": False, "is_read": False, "is_changeable": False}
    by_third = {"people": frozenset({THIRD})}
    unseen = [
        outline(**hidden),
        outline(city="上海", **hidden),
        outline("20:00", "21:00", kind=Kind.REMOTE, channel=Channel.PHONE, **hidden),
        stay(**hidden),
    ]

    tokens = {tuple(q.token for q in questions(outline(), [other])) for other in unseen}

    assert doubts(outline(**SAME_COMPANY), outline(**SAME_COMPANY, **by_third, **hidden)) == []
    assert doubts(outline(), outline(day=15, **hidden)) == []
    assert [each.doubt for each in questions(outline(), unseen)] == [Doubt.BUSY]
    assert len(tokens) == 1


@pytest.mark.parametrize(
    ("visit", "other", "can"),
    [
        (outline(), outline(**BY_OTHER), True),
        (outline(), outline(**BY_OTHER, is_read=False), False),
        (outline(), outline(**BY_OTHER, is_changeable=False), False),
        (outline(leader_id=OTHER, people=frozenset({OTHER})), outline(**BY_OTHER), True),
        (stay(), stay(day=12), True),
        (stay(), stay(day=12, people=frozenset({ME, OTHER})), False),  # would lend days
        (stay(), stay(day=12, city="上海"), False),
        (stay(), stay(day=12, status=Status.PLANNED), False),
        (outline(), outline(city="上海"), False),
    ],
)
def test_merged_is_what_may_be_one(visit, other, can):
    (question,) = questions(visit, [other])

    assert can_merge(visit, question) is can
