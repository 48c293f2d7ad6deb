"""Two clock nodes and two workers, killed and stopped in a loop, in a storm of the mail server."""

import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from crm.base.outbox import Message, State
from crm.jobs.batch_delivery import REPEATED
from crm.jobs.claims import UNKNOWN_END
from tests.faults.arranged import Clocks, Haste, OfUse, off_from
from tests.faults.crew import Crew, crew, wait_until
from tests.faults.storm import Storm, storm
from tests.jobs.work import at

NODES = (("clock",), ("clock",), ("deliver",), ("deliver",))
OVER = {State.SENT, State.FAILED, State.HELD}
BEGINNING = at("2026-06-01T00:00")
TIMES = ("00:01", "07:31", "12:01")


def moments(days: int) -> list[datetime]:
    return [
        at(f"{(BEGINNING + timedelta(days=day, hours=12)).date()}T{time}")
        for day in range(days)
        for time in TIMES
    ]


@contextmanager
def wrecked(runs: Crew, chance: random.Random) -> Iterator[None]:
    """While something is done, one of them is stopped or killed; it goes on, or another begins."""
    number = chance.randrange(len(NODES))
    kills = chance.random() < 0.5
    victim = runs.members[number]
    if kills:
        victim.kill()
    else:
        victim.send(signal.SIGSTOP)
    yield
    if kills:
        victim.see_killed()
        runs.start(*NODES[number])
        runs.members[number] = runs.members.pop()
    else:
        victim.send(signal.SIGCONT)


def attack(runs: Crew, office: Storm, hand, days: int, seed: int) -> Counter[str]:
    chance = random.Random(seed)
    done = Counter()
    for moment in moments(days):
        hand.write_text(moment.isoformat())
        for _ in range(2):
            before = sum(office.got.values())
            with wrecked(runs, chance):
                runs.members[0].is_over(chance.uniform(0, 0.25))
            done["attacks"] += 1
            done["mails between"] += sum(office.got.values()) - before
        wait_until(lambda moment=moment: not runs.zone.due(moment), else_tell=lambda: runs.says)
    return done


def is_told(message: Message, received: int) -> bool:
    """Whether it was received as often as its row says that it may have been."""
    if not message.recipient:
        return received == 0
    match message.state:
        case State.SENT:
            return received == 1 or (received == 2 and message.note == REPEATED)
        case State.FAILED:
            return received <= (message.broke_off_at is not None)
        case State.HELD:
            return message.note.startswith(UNKNOWN_END) and received <= 1 + message.kind.may_repeat
    return False


def live_through_a_storm(zone, undisturbed, tmp_path, capsys, *, days, seed):
    hand = tmp_path / "hand"
    hand.write_text(BEGINNING.isoformat())
    clocks = Clocks(off_from(at("2026-07-15T10:00")), hand=hand)
    with (
        storm(seed, "li@crm.test") as office,
        crew(zone, clocks, Haste(), OfUse(), CRM_MAIL=office.url) as runs,
    ):
        for words in NODES:
            runs.start(*words)
        done = attack(runs, office, hand, days, seed)
        office.rages = False
        wait_until(lambda: zone.states() <= OVER, else_tell=zone.states)
        runs.dismiss()
    messages = zone.messages()
    states = Counter(message.state.value for message in messages)
    twice = sum(times > 1 for times in office.got.values())
    with capsys.disabled():
        sys.stdout.write(
            f"\n  {zone.kind}: {dict(done)}; server: {dict(office.done)}\n  messages: "
            f"{dict(states)}, received {sum(office.got.values())}, twice and told so {twice}\n"
        )
    assert [m for m in messages if not is_told(m, office.got[m.message_id])] == []
    assert set(office.got) <= {m.message_id for m in messages}
    assert sorted(m.dedupe_key for m in messages) == sorted(undisturbed)
    assert states["failed"] > 0
    assert office.done["greylisted"] > 0
    assert len(+office.done) > 3  # of the eight things that it does


@pytest.mark.slow_on_postgresql
def test_in_a_storm_nothing_is_lost_and_no_repeat_goes_unflagged(zone, june, tmp_path, capsys):
    keys = [m["dedupe_key"] for m in june.rows.messages if m["made_at"] < at("2026-06-03T00:00")]

    live_through_a_storm(zone, keys, tmp_path, capsys, days=2, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 5))
def test_in_a_storm_of_weeks_nothing_is_lost(zone, june, tmp_path, capsys, seed):
    live_through_a_storm(zone, june.rows.keys, tmp_path, capsys, days=30, seed=seed)
