"""`crm digest preview`: what someone would get, without sending it."""

import pytest
from sqlalchemy import select

from crm.base.outbox import Message
from tests.factories import make_person, make_regime


@pytest.fixture
def rows(sessions):
    """A recruiter under the shipped rules."""
    with sessions.begin() as db:
        make_regime(db)
        make_person(db, "qian", name="钱同志")


def test_the_digest_is_printed_as_html(crm, rows):
    done = crm("digest", "preview", "weekly", "--period", "2026-W28", "--for", "qian")

    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert "7月6日至12日 · 截至 7月13日 07:30" in done.stdout


def test_the_digest_is_printed_as_text(crm, rows):
    done = crm("digest", "preview", "monthly", "--period", "2026-06", "--for", "qian", "--text")

    assert done.exit_code == 0, done.output
    assert "2026年6月\n6月1日至30日 · 截至 7月1日 07:30" in done.stdout


def test_printing_a_digest_stores_nothing(crm, rows, sessions):
    crm("digest", "preview", "weekly", "--period", "2026-W28", "--for", "qian")

    with sessions() as db:
        assert db.scalars(select(Message)).all() == []


def test_a_period_of_another_length_is_refused(crm, rows):
    done = crm("digest", "preview", "weekly", "--period", "2026-07", "--for", "qian")

    assert done.exit_code == 2


def test_an_unknown_person_is_refused(crm, rows):
    done = crm("digest", "preview", "weekly", "--period", "2026-W28", "--for", "nobody")

    assert done.exit_code == 1
    assert "nobody" in done.stderr
