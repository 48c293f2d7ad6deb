"""The command line on a fresh database, at NOW."""

from datetime import timedelta

import pytest
from click.testing import CliRunner

from crm.cli import base, main
from crm.extensions import db as database_of_app
from crm.jobs import clock_check
from tests.databases import SECRET
from tests.forked import fork

__all__ = ["fork"]


@pytest.fixture
def believed(monkeypatch):
    """Believe the tests' clock, which stands apart from PostgreSQL's."""
    monkeypatch.setattr(clock_check, "LARGEST_GAP", timedelta.max)


@pytest.fixture
def crm(database_url, moment, monkeypatch):
    """Run `crm …`, in this process."""
    monkeypatch.setenv("CRM_DATABASE_URL", database_url)
    monkeypatch.setenv("CRM_SECRET_KEY", SECRET)
    base.settings.cache_clear()
    base.app.cache_clear()
    yield lambda *words, **given: CliRunner().invoke(main, words, **given)
    with base.app().app_context():
        database_of_app.engine.dispose()
    base.settings.cache_clear()
    base.app.cache_clear()
