"""The primary dies in the middle of a digest run and of visits being logged; nobody restarts."""

import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import cycle

import psycopg
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from crm.base.outbox import MessageKind, State
from crm.jobs import claims
from crm.people.models import Person
from tests.cluster.writers import SAVED, Writer, answers_of, writing
from tests.faults import running
from tests.faults.arranged import Clocks, off_from
from tests.faults.crew import crew, wait_until
from tests.faults.storm import fair
from tests.faults.test_storm import is_told
from tests.faults.visitor import Visitor, free_port
from tests.faults.zone import Zone
from tests.jobs.mail import put_for
from tests.jobs.work import at
from tests.postgres import Postgres, Standby

pytestmark = pytest.mark.cluster
INSTALLED, MONDAY = "2026-07-12T23:00", "2026-07-13"
BEFORE, DIGESTS_DUE = f"{MONDAY}T07:29", f"{MONDAY}T07:30"
RECRUITERS, WRITERS, WORKERS = 400, 6, 4
PASSWORD = "only-for-the-cluster"
WITHIN_SECONDS = 120  # REGIME 5: a new leader needs up to two minutes
DURABLE = ("synchronous_commit=on", "jit=off", "max_connections=200")
MAKES_DIGESTS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = 'zone'"
    " AND query LIKE 'INSERT INTO message%' AND state <> 'idle'"
)
IS_DONE = "SELECT 1 FROM job_run WHERE job = 'weekly-digest' AND state = 'done'"


@dataclass(frozen=True)
class ShortClaims:
    """A claim that was cut off is settled within seconds, not after a quarter of an hour."""

    def arrange(self) -> None:
        claims.CLAIM_LASTS = timedelta(seconds=20)
        claims.AMBIGUOUS_WAIT = timedelta(seconds=5)


@dataclass
class Cluster:
    primary: Postgres
    standby: Standby

    @property
    def url(self) -> str:
        return f"{self.primary.url},127.0.0.1:{self.standby.port}/zone"

    @property
    def read_url(self) -> str:
        return f"{self.standby.url}/zone"


@pytest.fixture
def cluster():
    with (
        Postgres(("synchronous_standby_names=*", *DURABLE)) as primary,
        Standby(primary.url, DURABLE) as standby,
    ):
        yield Cluster(primary, standby)
        running.bury()


@pytest.fixture
def zone(cluster, tmp_path):
    """A zone with more people than digests are made in an instant."""
    cluster.primary.ask("CREATE DATABASE zone")
    zone = Zone(cluster.url, tmp_path)
    zone.crm("init", "--clock-from", INSTALLED)
    people = tmp_path / "people.csv"
    people.write_text(people_file(), encoding="utf-8")
    zone.crm("import", "people", str(people))
    zone.change(f"UPDATE person SET password_hash = '{PasswordHasher().hash(PASSWORD)}'")
    return zone


@pytest.fixture
def digests(cluster, zone, tmp_path):
    """The keys of the digests that an undisturbed clock makes."""
    cluster.primary.ask("CREATE DATABASE undisturbed TEMPLATE zone")
    undisturbed = Zone(f"{cluster.primary.url}/undisturbed", tmp_path)
    undisturbed.live(DIGESTS_DUE)
    keys = undisturbed.rows().digests
    assert len(keys) >= RECRUITERS
    return keys


def people_file() -> str:
    rows = (
        f"r{number:03},招商{number:03},r{number:03}@crm.test,,invest,recruiter,recruiter,2026-01-01,"
        for number in range(RECRUITERS)
    )
    return "\n".join(("username,name,email,phone,unit,duty,role,from,to", *rows, ""))


def test_after_the_primary_died_all_that_was_answered_is_there_and_everything_goes_on(
    cluster, zone, digests, capsys
):
    old_mails = leave_in_outbox(zone)
    clocks = Clocks(off_from(at(BEFORE)))
    settings = {
        "CRM_BASE_URL": "http://127.0.0.1",
        "CRM_DATABASE_READ_URL": cluster.read_url,
    }
    with (
        fair(slow_seconds=0.02) as office,
        crew(zone, clocks, ShortClaims(), CRM_MAIL=office.url, **settings) as runs,
    ):
        writers = open_for_writers(zone, runs)
        for words in [("clock",)] * 2 + [("deliver",)] * WORKERS:
            runs.start(*words)

        with writing(writers):
            wait_until_digests_are_made(cluster.primary)
            cluster.primary.die()
            died, before = time.monotonic(), answers_of(writers)
            cluster.standby.promote()
            promoted = time.monotonic()
            wait_until(lambda: answers_of(writers) > before + WRITERS, else_tell=lambda: runs.says)
            answered_again = time.monotonic()
            wait_until(lambda: zone.ask(IS_DONE), WITHIN_SECONDS, else_tell=lambda: runs.says)
            went_on = time.monotonic()
        wait_until(lambda: zone.states() == {State.SENT}, 180, else_tell=zone.states)
        alive = [not member.is_over() for member in runs.members]
        for member in runs.members:
            member.terminated(within=30)

    statuses = sum((writer.statuses + writer.pages for writer in writers), Counter())
    twice = sum(times > 1 for times in office.got.values())
    with capsys.disabled():
        sys.stdout.write(
            f"\n  answers {dict(statuses)}, mails {sum(office.got.values())}, twice and told so"
            f" {twice}; after the death: promoted {promoted - died:.1f} s, visits logged again"
            f" {answered_again - died:.1f} s, digests {went_on - died:.1f} s\n"
        )

    messages = zone.messages()
    refs = Counter(ref for (ref,) in zone.ask("SELECT ref FROM visit"))
    assert {ref: refs[ref] for writer in writers for ref in writer.answered if refs[ref] != 1} == {}
    assert set(refs.values()) == {1}
    assert sorted(key for key in map(dedupe_key, messages) if key.startswith("weekly")) == digests
    assert [m.dedupe_key for m in messages if not is_told(m, office.got[m.message_id])] == []
    assert set(office.got) <= {message.message_id for message in messages}
    assert len(messages) >= len(digests) + old_mails
    assert set(statuses) <= {SAVED, 200, 503, 0}, runs.says
    assert all(alive)
    zone.crm("audit", "verify")


def leave_in_outbox(zone) -> int:
    """Leave mails to everyone, so that the workers are busy when the primary dies."""
    with zone.session() as db, db.begin():
        people = db.scalars(select(Person).where(Person.username.startswith("r"))).all()
        return sum(put_for(db, one, kind=MessageKind.MONTHLY, at=at(BEFORE)) for one in people)


def open_for_writers(zone, runs) -> list[Writer]:
    """Start three servers and sign the writers in."""
    ports = [free_port() for _ in range(3)]
    for port in ports:
        runs.start("serve", "--no-clock", "--port", str(port))
    for port in ports:
        wait_until(lambda port=port: Visitor(port).get("/login")[0] == 200, else_tell=runs.says)
    ids = dict(zone.ask("SELECT username, id FROM person"))
    names = [f"r{number:03}" for number in range(WRITERS)]
    writers = [
        Writer(port, name, ids[name], PASSWORD, date.fromisoformat(MONDAY))
        for port, name in zip(cycle(ports), names, strict=False)
    ]
    for writer in writers:
        writer.sign_in()
    return writers


def wait_until_digests_are_made(primary: Postgres) -> None:
    url = f"{primary.url}/zone".replace("+psycopg", "")
    until = time.monotonic() + WITHIN_SECONDS
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(MAKES_DIGESTS).fetchone() == (0,):
            assert time.monotonic() < until, "no digest was made"


def dedupe_key(message) -> str:
    return message.dedupe_key
