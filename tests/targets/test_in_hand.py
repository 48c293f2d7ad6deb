"""The projects in hand (在手): which they are at a moment, and for which target they stand."""

from datetime import date, datetime, time, timedelta

import pytest

from crm.base.clock import at_civil
from crm.base.money import YI, Currency
from crm.leads.rules import Reached, Stage, current_stage
from crm.leads.tiers import Tier
from crm.people.rules import UnitKind
from crm.targets.in_hand import IN_HAND, in_hand
from crm.targets.in_hand_queries import projects_in_hand
from tests.conftest import NOW
from tests.factories import make_lead, make_milestone, make_unit

TODAY = date(2026, 7, 15)
COURSES = [
    (),
    ("following",),
    ("following", "negotiating"),
    ("following", "negotiating", "signed"),
    ("following", "parked"),
    ("following", "parked", "following"),
    ("following", "parked", "lost"),
    ("negotiating", "signed", "parked", "negotiating"),
    ("negotiating", "parked", "signed"),
    ("lost", "registered"),
    ("framework", "negotiating"),
]


def reach(db, kinds, **given):
    lead = make_lead(db, stage=Stage.LEAD, yi="12", entered_on=date(2026, 1, 1), **given)
    for place, kind in enumerate(kinds):
        make_milestone(db, lead, kind, date(2026, 3, 1) + timedelta(days=place))
    return lead


def found(db, *, tier=Tier.YI_10, last=TODAY, at=NOW):
    return projects_in_hand(db, tiers={tier}, last=last, at=at)


@pytest.mark.parametrize("kinds", COURSES, ids="-".join)
def test_in_hand_is_whatever_stands_at_following_or_negotiating(db, kinds):
    lead = reach(db, kinds)
    steps = [Reached(kind, date(2026, 3, 1), place) for place, kind in enumerate(kinds)]
    stage = current_stage(steps)

    result = [(row.lead_id, row.stage) for row in found(db)]

    assert result == ([(lead.id, stage)] if stage in IN_HAND else [])


def test_it_is_told_as_of_a_date_and_as_found_at_a_moment(db):
    lead = reach(db, ["following"])
    make_milestone(
        *(db, lead, Stage.SIGNED, date(2026, 7, 1)),
        entered_at=at_civil(date(2026, 7, 5), time(9)),
    )

    def told(last: date, at: datetime) -> int:
        return len(found(db, last=last, at=at))

    assert told(date(2026, 6, 30), NOW) == 1
    assert told(date(2026, 7, 4), at_civil(date(2026, 7, 4))) == 1
    assert told(TODAY, NOW) == 0


def test_a_size_is_by_the_lines_of_its_own_currency(db):
    top = make_unit(db, kind=UnitKind.ZONE)
    for yi, currency in (("10", None), ("9", None), ("1", Currency.USD), ("5", Currency.EUR)):
        given = {"currency": currency} if currency else {}
        lead = make_lead(db, yi=yi, unit=top, entered_on=date(2026, 1, 1), **given)
        make_milestone(db, lead, Stage.FOLLOWING, date(2026, 3, 1))

    large, every = found(db), found(db, tier=Tier.ANY)
    asked = {"tier": Tier.YI_10, "currencies": list(Currency), "unit_ids": {top.id}}

    assert len(every) == 4
    assert in_hand(large, **asked).amounts == ((10 * YI, Currency.CNY), (YI, Currency.USD))
    assert in_hand(every, **asked).count == 2
    assert in_hand(every, **asked | {"currencies": [Currency.USD]}).count == 1
    assert in_hand(every, **asked | {"unit_ids": {None}}).count == 0
