"""The page reads quick entries as the server does: the same cases, the same drafts (ENTRY 1)."""

import random
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest

from crm.base.clock import civil
from crm.visits.quick_draft import Draft
from crm.visits.quick_entry import draft_of
from crm.visits.quick_grammar import grammar, kinds
from crm.visits.rules import HOME
from tests.quick_cases import CASES, WORDS, world

ASSETS = Path(__file__).parents[2] / "assets" / "quick"
ORIGIN = "http://quick.test"
READ = """async ([world, lines]) => {
  const { draftOf } = await import("/entry.js");
  world.cities = new Set(world.cities);
  return lines.map((line) => draftOf(line, world));
}"""
EPOCH = date(1970, 1, 1)


@pytest.fixture
def page(browser):
    """A page of its own origin, which serves nothing but the grammar."""
    context = browser.new_context()
    page = context.new_page()

    def serve(route):
        name = route.request.url.removeprefix(f"{ORIGIN}/")
        if name:
            route.fulfill(path=ASSETS / name, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page.route(f"{ORIGIN}/**", serve)
    page.goto(f"{ORIGIN}/")
    yield page
    context.close()


def _day(on):
    return None if on is None else (on - EPOCH).days


def _minutes(at):
    if at is None:
        return None
    local = civil(at)
    return _day(local.date()) * 1440 + local.hour * 60 + local.minute


def _as_page(draft: Draft):
    """The draft in the shape of the page's."""
    return {
        "kind": draft.kind,
        "channel": draft.channel,
        "status": draft.status,
        "first": _day(draft.first_on),
        "last": _day(draft.last_on),
        "starts": _minutes(draft.starts_at),
        "ends": _minutes(draft.ends_at),
        "city": draft.city,
        "leader": draft.leader_id,
        "participants": draft.participant_ids,
        "leads": draft.lead_ids,
        "companies": [
            {"company": row.company_id, "name": row.name, "met": row.met, "position": row.position}
            for row in draft.companies
        ],
        "minutes": draft.minutes,
        "next": draft.next_step,
        "due": _day(draft.due_on),
        "step": draft.step and asdict(draft.step),
        "command": draft.command and asdict(draft.command),
        "chips": {
            name: {
                "certainty": chip.certainty,
                "words": chip.words,
                "options": [list(option) for option in chip.options],
            }
            for name, chip in draft.chips.items()
        },
        "isVisit": draft.is_visit,
        "text": draft.text,
    }


def _texts():
    """The cases, texts of the grammar's words, and halves of two cases."""
    lines = [case["line"] for case in CASES]
    chance = random.Random(20261128)
    made = ["".join(chance.choices(WORDS, k=chance.randint(1, 9))) for _ in range(300)]
    mixed = []
    for _ in range(200):
        one, other = chance.choices(lines, k=2)
        cuts = chance.randint(0, len(one)), chance.randint(0, len(other))
        mixed.append(one[: cuts[0]] + other[cuts[1] :])
    return [*lines, *made, *mixed]


def test_the_page_reads_every_text_as_the_server_does(page):
    of_server, lines = world(), _texts()
    given = {
        "grammar": grammar(),
        "kinds": kinds(),
        "home": HOME,
        "now": _minutes(of_server.now),
        "writer": of_server.writer_id,
        "colleagues": [asdict(person) for person in of_server.colleagues],
        "known": [asdict(known) for known in of_server.known],
        "cities": sorted(of_server.cities),
        "entersFor": [],
    }

    drafts = page.evaluate(READ, [given, lines])

    differing = [
        (line, draft, expected)
        for line, draft in zip(lines, drafts, strict=True)
        if draft != (expected := _as_page(draft_of(line, of_server)))
    ]
    assert differing == []
