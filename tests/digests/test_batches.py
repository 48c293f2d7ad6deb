"""Digests in batches: a resumed run says the same, and its reads do not grow with recipients."""

import gc
from contextlib import nullcontext

import pytest
from sqlalchemy import select

from crm.base.outbox import Message
from crm.digests import service
from crm.digests.service import DigestRun, digest_batches
from tests.digests.conftest import AUGUST, MONDAY, MONTH, WEEK
from tests.digests.making import make_digests
from tests.factories import make_person, make_visit

FEW = 3
MOST_IN_A_RUN, MOST_IN_A_BATCH = 77, 6


@pytest.fixture
def runs(site):
    """The weekly and the monthly digests of the zone."""
    common = {"late": False, "mail": True, "site": site}
    return {
        "week": DigestRun(period=WEEK, at=MONDAY, **common),
        "month": DigestRun(period=MONTH, at=AUGUST, **common),
    }


def written(db, batches):
    """The mails of these batches, without their ids."""
    before_it = db.begin_nested()
    for batch in batches:
        batch.write(db)
    names = [column.name for column in Message.__table__.columns if column.name != "id"]
    query = select(*(getattr(Message, name) for name in names)).order_by(Message.dedupe_key)
    mails = db.execute(query).all()
    before_it.rollback()
    return mails


@pytest.mark.parametrize("cycle", ["week", "month"])
def test_a_run_resumed_after_any_batch_says_the_same(db, zone, runs, cycle, monkeypatch):
    monkeypatch.setattr(service, "PEOPLE_IN_BATCH", FEW)
    make_visit(db, leader=zone.recruiter)
    reading, run = lambda: nullcontext(db), runs[cycle]

    unbroken = list(digest_batches(reading, run))
    first = next(batch for batch in unbroken if batch.position)
    begun = unbroken[: unbroken.index(first) + 1]
    resumed = [*begun, *digest_batches(reading, run, after=first.position)]

    assert len(resumed) == len(unbroken)
    assert written(db, resumed) == written(db, unbroken) != []


def test_the_statements_of_a_run_do_not_grow_with_recipients(db, zone, site, counted):
    for number in range(150):
        make_person(db, f"many{number}", unit=zone.bureau)

    with counted(MOST_IN_A_RUN + 2 * MOST_IN_A_BATCH):
        made = make_digests(db, period=WEEK, at=MONDAY, late=False, mail=True, site=site)

    assert made["made"] > 150


def test_nobody_looks_for_garbage_while_a_batch_is_written(db, zone, runs):
    """All facts are in memory then: to look through them would prolong the write lock."""
    make_visit(db, leader=zone.recruiter)
    batches = digest_batches(lambda: nullcontext(db), runs["week"])

    enabled = [gc.isenabled() for batch in batches if batch.position]

    assert enabled
    assert not any(enabled)
    assert gc.isenabled()


def test_a_run_that_is_broken_off_lets_garbage_be_collected_again(db, zone, runs):
    make_visit(db, leader=zone.recruiter)
    batches = digest_batches(lambda: nullcontext(db), runs["week"])
    while not next(batches).position:
        pass

    batches.close()

    assert gc.isenabled()
