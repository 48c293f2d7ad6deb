"""The plain text and the HTML of every digest: wording, links, size, equal bytes."""

import os
import re
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest
from sqlalchemy import select

from crm.base.outbox import Message
from crm.leads.rules import Stage
from crm.people.rules import Duty, Role
from crm.transactions import transaction
from crm.visits.rules import Channel, Kind, Status
from tests.digests.conftest import MONDAY, make_zone
from tests.factories import (
    make_followup,
    make_lead,
    make_milestone,
    make_order,
    make_person,
    make_unit,
    make_visit,
)
from tests.supervision.steps import issue_order

pytestmark = pytest.mark.slow_on_postgresql  # what a mail shows, not what it reads


ADDRESS = re.compile(r"https?://\S+")
FIGURE = re.compile(r"\d[\d,.:/]*\d|\d")
LARGEST_BYTES = 100_000  # some readers cut a longer mail off
IN_WEEK = date(2026, 7, 8)
PREVIEW = """
import sys
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from crm.base.mail import Site
from crm.digests.service import preview, render_digest
from crm.people.queries import by_username
from tests.digests.conftest import MONDAY, WEEK

with Session(create_engine(sys.argv[1])) as db:
    digest = preview(db, period=WEEK, person=by_username(db, "boss"), at=MONDAY)
print(render_digest(digest, Site("https://crm.test", "crm@crm.test")))
"""


class Seen(HTMLParser):
    """The words of a page that are seen, and where its links lead."""

    def __init__(self, page):
        super().__init__()
        self.words, self.links, self.at = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.at = tag
        self.links += [value for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data):
        if self.at != "title":
            self.words.append(data)


def fill(db, zone):
    """Something for every part of a digest to tell."""
    leads = [make_lead(db, f"第{n}号线", unit=zone.park, yi=f"{n}.5") for n in range(1, 20)]
    for number, lead in enumerate(leads):
        kind = (Stage.SIGNED, Stage.NEGOTIATING, "land")[number % 3]
        make_milestone(db, lead, kind, IN_WEEK)
        make_followup(db, lead, zone.boss, date(2026, 7, 9) + timedelta(days=number))
    make_visit(db, zone.boss, IN_WEEK, channel=Channel.PHONE)
    make_visit(db, zone.deputy, date(2026, 7, 2), logged_at=MONDAY - timedelta(days=2))
    make_visit(db, zone.deputy, IN_WEEK, leads=leads[-2:], minutes="谈妥 300 亩用地")
    make_visit(db, zone.recruiter, date(2026, 6, 1), days=22, kind=Kind.RESIDENCY)
    for unit in (zone.park, zone.bureau):
        drafted_at = MONDAY - timedelta(days=20)
        person = make_person(db, f"clerk-{unit.name}", duty=Duty.STAFF, unit=unit)
        values = {"drafted_at": drafted_at, "person_id": person.id}
        order = make_order(db, unit, officer=zone.overall, **values)
        issue_order(db, order=order, by=zone.overall, now=MONDAY - timedelta(days=20))
    for days in range(15):
        make_visit(
            db,
            zone.deputy,
            date(2026, 7, 13) + timedelta(days=days // 3),
            status=Status.PLANNED,
            leads=leads[days : days + 1],
            entered_at=MONDAY - timedelta(days=1),
        )


@pytest.fixture
def made(db, zone, weekly, monthly):
    """Mails of both kinds, late ones too, of a zone where much happens."""
    fill(db, zone)
    weekly(late=True)
    monthly()
    return db.scalars(select(Message)).all()


def test_text_and_html_say_the_same_figures(made):
    figures = {one.dedupe_key: figures_of(one.body_text) for one in made}

    assert {one.dedupe_key: figures_of("\n".join(Seen(one.body_html).words)) for one in made} == (
        figures
    )


def figures_of(text):
    return Counter(FIGURE.findall(ADDRESS.sub("", text)))


def test_text_and_html_name_the_same_statuses(made):
    words = re.compile("已达标|未达标|正常推进|有风险|已无法达标|免考核|初步数|补发|已逾期")

    assert {one.dedupe_key: Counter(words.findall(one.body_text)) for one in made} == {
        one.dedupe_key: Counter(words.findall("\n".join(Seen(one.body_html).words))) for one in made
    }


def test_links_lead_to_this_site_only(made):
    links = {link for one in made for link in Seen(one.body_html).links}
    links |= {link for one in made for link in ADDRESS.findall(one.body_text)}

    assert links
    assert not [link for link in links if not link.startswith("https://crm.test/")]


def test_no_mail_calls_itself_an_official_circular(made):
    assert not [one for one in made if "通报" in one.subject + one.body_text + one.body_html]


def test_a_zone_of_many_people_gets_mails_that_no_reader_cuts_off(db, zone, weekly, monthly):
    fill(db, zone)
    for team in range(10):
        unit = make_unit(db, f"第{team}招商组", parent=zone.bureau)
        for number in range(20):
            make_person(db, f"r{team}.{number}", unit=unit)
    make_person(db, "second", role=Role.LEADER, unit=zone.top)

    weekly()
    monthly()

    assert max(len(body.encode()) for body in db.scalars(select(Message.body_html))) < (
        LARGEST_BYTES
    )


def test_equal_data_gives_equal_bytes_in_any_process(sessions, database_url):
    with transaction(sessions) as db:
        fill(db, make_zone(db))

    first, second = (previewed(database_url, seed) for seed in ("1", "2"))

    assert "2026年第28周" in first
    assert first == second


def previewed(database_url, seed):
    """The digest as a process of its own makes it, whose sets have an order of their own."""
    return subprocess.run(
        [sys.executable, "-c", PREVIEW, database_url],
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def test_digests_call_themselves_zhoubao_and_yuebao(made):
    found = {one.dedupe_key.partition(":")[0]: one.subject for one in made}

    assert set(found) == {"weekly-digest", "monthly-digest"}
    assert "招商周报" in found["weekly-digest"]
    assert "招商月报" in found["monthly-digest"]
