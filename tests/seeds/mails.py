"""The demonstration zone's digests: plain text says all that HTML does, and neither is too long."""

import re
from datetime import date, timedelta

from crm.base.clock import at_civil
from crm.base.mail import Site
from crm.base.periods import Period
from crm.digests.composing import compose
from crm.digests.facts import gather
from crm.digests.permissions import visibility_of
from crm.digests.queries import active_people
from crm.digests.service import render_digest
from tests.digests.test_forms import Seen

EVERYBODY = (
    "shenruochuan", "tangqihang", "chiminglang", "wusiqi", "yanshuhe", "luoqingyuan", "guyueming",
)  # fmt: skip
SITE = Site(base_url="https://crm.test", mail_from="crm@crm.test")
LARGEST_BYTES = 60_000


def told_in(db):
    """What everybody with a demonstration account reads of the week and of the month."""
    month, week = Period.parse("2026-10"), Period.parse("2026-W46")
    made = []
    for period, on in ((month, date(2026, 11, 2)), (week, date(2026, 11, 16))):
        facts = gather(db, period=period, at=at_civil(on) + timedelta(hours=7, minutes=30))
        people = [one for one in active_people(db, facts.at) if one.username in EVERYBODY]
        for person in people:
            digest = compose(facts, visibility_of(db, person, facts), late=False)
            made.append(render_digest(digest, SITE))
    return made


def whatever_the_html_shows_the_text_says(db):
    result = told_in(db)
    missing = {
        words
        for one in result
        for words in re.split(r"[\s。]+", " ".join(Seen(one.html).words))
        if words not in one.text
    }

    assert missing == set()
    assert max(len(one.html.encode()) for one in result) < LARGEST_BYTES
